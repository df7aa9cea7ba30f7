//! The one list of objectives: what a matcher calls them, and the table of the training configuration that
//! holds the settings of each.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::part::{Chosen, Tagged};
use crate::train::objective::ObjectiveConfig;
use crate::train::objective::flow::FlowSettings;
use crate::train::objective::keypoints::KeypointSettings;
use crate::train::objective::matching::MatchingSettings;
use crate::train::objective::points::PointSettings;
use crate::train::objective::weak::WeakSettings;

/// An objective.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its table in the training configuration.
    pub table: &'static str,
    /// The default settings.
    pub default: fn() -> Chosen<dyn ObjectiveConfig>,
    /// Reads the settings from the table; what is left out has its default.
    pub read: fn(Value) -> serde_json::Result<Chosen<dyn ObjectiveConfig>>,
}

/// All objectives.
pub(crate) const OBJECTIVES: &[Entry] = &[
    entry::<FlowSettings>("loss"),
    entry::<MatchingSettings>("matching"),
    entry::<KeypointSettings>("keypoints"),
    entry::<PointSettings>("points"),
    entry::<WeakSettings>("weak"),
    #[cfg(test)]
    entry::<crate::train::objective::toy::ToySettings>("toy"),
];

const fn entry<T>(table: &'static str) -> Entry
where
    T: ObjectiveConfig + Tagged + Default + DeserializeOwned,
{
    let default = || chosen(T::default());
    let read = |settings| serde_json::from_value::<T>(settings).map(chosen);
    Entry { table, default, read }
}

fn chosen<T: ObjectiveConfig>(settings: T) -> Chosen<dyn ObjectiveConfig> {
    Chosen::of(Arc::new(settings))
}
