//! Settings of a model that users change by name.

use std::str::FromStr;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::config::ModelConfig;

/// The setting that says of which kind a part of the model is.
const KIND: &str = "kind";

/// A setting and its new value, as `matcher.radius=5`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Setting {
    /// As the user typed it.
    text: String,
    /// The names that lead to it, as the model's configuration has them.
    path: Vec<String>,
    value: Value,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((path, value)) = text.split_once('=') else {
            return Err("a setting is changed by NAME=VALUE, as matcher.radius=5".to_owned());
        };
        let path: Vec<String> = path.split('.').map(|name| name.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err(format!("`{text}` does not begin with a setting's name"));
        }
        // What is no JSON is a word.
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Ok(Self { text: text.to_owned(), path, value })
    }
}

impl TryFrom<String> for Setting {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Setting> for String {
    fn from(setting: Setting) -> Self {
        setting.text
    }
}

impl Setting {
    fn apply(&self, config: &mut Value) -> Result<()> {
        let [tables @ .., name] = &self.path[..] else { return Ok(()) };
        let mut table = config;
        for step in tables {
            // Settings that are as usual are left out of a configuration, tables of them too.
            let inner = entries(table)?.entry(step).or_insert_with(|| Map::new().into());
            if inner.is_null() {
                *inner = Map::new().into();
            }
            table = inner;
        }
        let entries = entries(table)?;
        if name == KIND && entries.get(KIND) != Some(&self.value) {
            // Another kind has other settings.
            entries.clear();
        }
        entries.insert(name.clone(), self.value.clone());
        Ok(())
    }

    fn name(&self) -> String {
        self.path.join(".")
    }
}

fn entries(value: &mut Value) -> Result<&mut Map<String, Value>> {
    match value {
        Value::Object(entries) => Ok(entries),
        other => bail!("it is within {other}, which has no settings"),
    }
}

/// A model with other settings.
///
/// # Errors
/// When there are no such settings, or no such model.
pub(crate) fn changed(config: &ModelConfig, settings: &[Setting]) -> Result<ModelConfig> {
    if settings.is_empty() {
        return Ok(config.clone());
    }
    let names: Vec<String> = settings.iter().map(Setting::name).collect();
    let change = || -> Result<ModelConfig> {
        let mut value = serde_json::to_value(config)?;
        settings.iter().try_for_each(|setting| setting.apply(&mut value))?;
        let config: ModelConfig = serde_json::from_value(value)?;
        config.check()?;
        Ok(config)
    };
    change().with_context(|| {
        let now = serde_json::to_string(config).unwrap_or_default();
        format!("changing the model's settings {} (they are {now})", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed_by(settings: &[&str]) -> Result<Value> {
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        let config = changed(&ModelConfig::zero_shot(), &settings)?;
        Ok(serde_json::to_value(&config)?)
    }

    #[test]
    fn a_setting_of_any_part_is_changed_by_its_name() {
        let config = changed_by(&["matcher.temperature=0.5", "input=centred-square"]).unwrap();
        assert_eq!(
            (&config["matcher"]["temperature"], &config["input"]),
            (&0.5.into(), &"centred-square".into())
        );
        let config = changed_by(&["matcher.kind=nearest"]).unwrap();
        assert_eq!(config["matcher"], serde_json::json!({ "kind": "nearest" }));
        let windowed = r#"matcher={"kind": "windowed", "sigma": 3, "temperature": 0.1}"#;
        assert_eq!(changed_by(&[windowed]).unwrap()["matcher"]["sigma"], 3.0);
        let steps = ["matcher.kind=windowed", "matcher.radius=2", "matcher.temperature=0.1"];
        assert_eq!(changed_by(&steps).unwrap()["matcher"]["radius"], 2);
        assert_eq!(changed_by(&[]).unwrap()["matcher"]["kind"], "consensus");
    }

    #[test]
    fn what_is_no_setting_or_makes_no_sense_is_named() {
        let error = |setting: &str| format!("{:#}", changed_by(&[setting]).unwrap_err());
        assert!(error("matcher.radios=2").contains("radios"), "{}", error("matcher.radios=2"));
        assert!(error("matcher.kind=best").contains("consensus"), "{}", error("matcher.kind=best"));
        let within = error("input_size.side=2");
        assert!(within.contains("within 256, which has no settings"), "{within}");
        assert!(
            error("backbone.image=7").contains("multiple of 32"),
            "{}",
            error("backbone.image=7")
        );
        for text in ["matcher", "=5", "matcher..radius=5"] {
            assert!(text.parse::<Setting>().is_err(), "{text}");
        }
    }
}
