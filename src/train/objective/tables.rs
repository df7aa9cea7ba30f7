//! The settings of all objectives, as tables of the training configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::de::Error as _;
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::model::part::Chosen;
use crate::train::objective::ObjectiveConfig;
use crate::train::objective::list::{Entry, OBJECTIVES};
use crate::train::rules::Rule;

/// The settings of each objective there is, in the list's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObjectiveTables(Vec<Chosen<dyn ObjectiveConfig>>);

impl ObjectiveTables {
    /// The settings of the objective that a matcher names.
    ///
    /// # Errors
    /// When there is no such objective.
    pub(crate) fn get(&self, name: &str) -> Result<&dyn ObjectiveConfig> {
        let settings = self.0.iter().find(|settings| settings.kind() == name);
        settings.map(|found| &**found).with_context(|| format!("there is no objective `{name}`"))
    }

    /// These tables, one of them with other settings.
    #[must_use]
    pub(crate) fn with(mut self, settings: impl ObjectiveConfig) -> Self {
        let settings: Arc<dyn ObjectiveConfig> = Arc::new(settings);
        for slot in self.0.iter_mut().filter(|slot| slot.kind() == settings.kind()) {
            *slot = Chosen::of(Arc::clone(&settings));
        }
        self
    }

    /// What all settings must keep to.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        self.0.iter().flat_map(|settings| settings.rules()).collect()
    }

    /// Reads the tables that `given` holds; what is left out has its default.
    fn read(mut given: BTreeMap<String, Value>) -> Result<Self, String> {
        let mut settings = Vec::new();
        for Entry { table, default, read, .. } in OBJECTIVES {
            settings.push(match given.remove(*table) {
                Some(given) => read(given).map_err(|error| format!("in `{table}`: {error}"))?,
                None => default(),
            });
        }
        match given.into_keys().next() {
            Some(unknown) => Err(format!("unknown key `{unknown}`")),
            None => Ok(Self(settings)),
        }
    }
}

impl Default for ObjectiveTables {
    fn default() -> Self {
        Self(OBJECTIVES.iter().map(|entry| (entry.default)()).collect())
    }
}

impl Serialize for ObjectiveTables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tables = serializer.serialize_map(Some(self.0.len()))?;
        for (entry, settings) in OBJECTIVES.iter().zip(&self.0) {
            tables.serialize_entry(entry.table, &settings.to_json().map_err(S::Error::custom)?)?;
        }
        tables.end()
    }
}

impl<'de> Deserialize<'de> for ObjectiveTables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(BTreeMap::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
