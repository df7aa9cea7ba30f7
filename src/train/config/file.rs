//! Configuration files: keys of older versions are read, and unknown ones are named with the nearest that
//! there is.

use anyhow::{Context, Result, bail, ensure};
use toml::{Table, Value};

use crate::spelling::nearest;
use crate::train::config::TrainConfig;
use crate::train::init::ModelChoice;
use crate::train::optim::choice::OptimizerChoice;
use crate::train::samples::dataset::DataConfig;

/// Keys with the names they have today: table (of today), old name, new name.
const RENAMED: [(&str, &str, &str); 5] = [
    ("", "average_decay", "ema_decay"),
    ("", "matches", "matching"),
    ("matching", "spread", "sigma"),
    ("matching", "retention", "distillation_weight"),
    ("loss", "contrast_rate", "contrastive_weight"),
];

/// The table whose keys are names of the model's.
const GROUPS: &str = "group_learning_rates";

/// What a configuration file says.
#[derive(Clone, Debug)]
pub(crate) struct ConfigFile {
    /// The settings.
    pub config: TrainConfig,
    /// What its author should know.
    pub notes: Vec<String>,
}

impl ConfigFile {
    /// Reads a configuration, complete or not.
    ///
    /// # Errors
    /// When it is not TOML, has unknown keys (all are listed, each with the nearest valid name), or a
    /// value of the wrong kind or beyond its limits.
    pub(crate) fn from_toml(text: &str) -> Result<Self> {
        let mut given: Table = text.parse().context("it is not valid TOML")?;
        let notes = modernise(&mut given)?;
        let unknown = unknown_keys(&given, &known_keys(&given)?, "");
        if !unknown.is_empty() {
            bail!("unknown keys: {}", unknown.join(", "));
        }
        // From the text, so that errors show the line, where it has today's keys.
        let config: TrainConfig =
            if notes.is_empty() { toml::from_str(text)? } else { given.try_into()? };
        config.check()?;
        Ok(Self { config, notes })
    }
}

impl TrainConfig {
    /// The complete configuration as TOML.
    ///
    /// # Errors
    /// When a number is beyond what TOML can hold.
    pub(crate) fn to_toml(&self) -> Result<String> {
        toml::to_string(self).context("writing the configuration as TOML")
    }
}

/// Gives old keys the names they have today, and says which.
fn modernise(given: &mut Table) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for (table, old, new) in RENAMED {
        let (found, prefix) = match table {
            "" => (Some(&mut *given), String::new()),
            name => (given.get_mut(name).and_then(Value::as_table_mut), format!("{name}.")),
        };
        let Some(found) = found else { continue };
        if let Some(value) = found.remove(old) {
            ensure!(
                !found.contains_key(new),
                "`{prefix}{old}` is the old name of `{prefix}{new}`, and both are given"
            );
            found.insert(new.to_owned(), value);
            notes.push(format!("the setting `{prefix}{old}` is called `{prefix}{new}` today"));
        }
    }
    Ok(notes)
}

/// A table with every key that may be given.
fn known_keys(given: &Table) -> Result<Table> {
    let chosen = |key: &str| given.get(key)?.as_table()?.get("kind")?.as_str();
    let optimizer = chosen("optimizer").and_then(OptimizerChoice::of_kind).unwrap_or_default();
    let config = TrainConfig {
        steps: Some(1),
        data: DataConfig::with_every_key(),
        model: ModelChoice::with_every_key(),
        optimizer,
        ..TrainConfig::default()
    };
    let mut known = Table::try_from(config).context("writing the default configuration")?;
    let groups = given.get(GROUPS).cloned().unwrap_or_else(|| Value::Table(Table::new()));
    known.insert(GROUPS.to_owned(), groups);
    Ok(known)
}

/// The keys of `given` that `known` lacks, with the nearest one it has.
fn unknown_keys(given: &Table, known: &Table, prefix: &str) -> Vec<String> {
    let mut unknown = Vec::new();
    for (key, value) in given {
        match (value, known.get(key)) {
            (Value::Table(given), Some(Value::Table(known))) => {
                unknown.extend(unknown_keys(given, known, &format!("{prefix}{key}.")));
            }
            (_, Some(_)) => {}
            (_, None) => {
                let meant = nearest(key, known.keys().map(String::as_str))
                    .map(|nearest| format!(" (did you mean `{prefix}{nearest}`?)"));
                unknown.push(format!("`{prefix}{key}`{}", meant.unwrap_or_default()));
            }
        }
    }
    unknown
}
