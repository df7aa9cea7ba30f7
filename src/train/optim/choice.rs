//! The one list of optimizers, and how a configuration chooses among them.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::model::part::{Chosen, Family, Kind, Tagged};
use crate::train::optim::adamw::AdamWConfig;
use crate::train::optim::optimizer::OptimizerConfig;

/// All optimizers.
const OPTIMIZERS: &[Kind<dyn OptimizerConfig>] = &[Kind {
    name: AdamWConfig::KIND,
    read: |settings| Ok(Arc::new(serde_json::from_value::<AdamWConfig>(settings)?)),
}];

impl Family for dyn OptimizerConfig {
    const PART: &'static str = "optimizer";

    fn kinds() -> &'static [Kind<Self>] {
        OPTIMIZERS
    }
}

/// The chosen optimizer with its settings; AdamW where a table names none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct OptimizerChoice(Chosen<dyn OptimizerConfig>);

impl OptimizerChoice {
    /// The settings.
    pub(crate) fn settings(&self) -> &dyn OptimizerConfig {
        &*self.0
    }

    /// The optimizer of this kind with its default settings.
    pub(crate) fn of_kind(kind: &str) -> Option<Self> {
        let kind = OPTIMIZERS.iter().find(|other| other.name == kind)?;
        (kind.read)(Value::Object(Map::new())).ok().map(|settings| Self(Chosen::of(settings)))
    }
}

impl Default for OptimizerChoice {
    fn default() -> Self {
        Self(Chosen::of(Arc::new(AdamWConfig::default())))
    }
}

impl<'de> Deserialize<'de> for OptimizerChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = Map::deserialize(deserializer)?;
        table.entry("kind").or_insert_with(|| Value::from(AdamWConfig::KIND));
        Chosen::deserialize(Value::Object(table)).map(Self).map_err(D::Error::custom)
    }
}
