//! What a weight file of ours says about itself, beside its tensors.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::config::ModelConfig;
use crate::model::head::adapter::AdapterConfig;
use crate::model::part::Tagged;

/// The key under which the description stands in a safetensors file's metadata, as JSON.
pub(crate) const METADATA_KEY: &str = "lpmflow";

/// Keys of configurations with the names they have today: table, old name, new name.
const RENAMED: [(&str, &str, &str); 3] = [
    ("/config", "frame", "input_size"),
    ("/config", "adapter", "head"),
    ("/config/matcher", "spread", "sigma"),
];

/// The version of the description's form.
const SCHEMA: u32 = 1;

/// What the weights belong to and where they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    schema: u32,
    /// The model the weights fit.
    pub config: ModelConfig,
    /// Where they come from.
    pub provenance: Provenance,
    /// What a reader of an older file should know.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// Where weights come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provenance {
    /// Who made the values, and how they got into this file.
    pub origin: String,
    /// Under which licence they may be used.
    pub licence: String,
    /// What training recorded of itself, if these weights were trained by this tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_run: Option<Value>,
    /// The files these weights went through before this one, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived_from: Vec<SourceFile>,
}

/// A file that weights were taken from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceFile {
    /// Its name, without the folder.
    pub name: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The program and version that took them.
    pub taken_by: String,
}

impl Description {
    /// A description in today's form.
    pub(crate) fn new(config: ModelConfig, provenance: Provenance) -> Self {
        Self { schema: SCHEMA, config, provenance, notes: Vec::new() }
    }

    /// Reads the description back.
    ///
    /// # Errors
    /// When the text is no description, or one of a newer version.
    pub(crate) fn from_json(text: &str) -> Result<Self> {
        let mut value: Value =
            serde_json::from_str(text).context("its model configuration is no JSON")?;
        let schema = value.get("schema").and_then(Value::as_u64);
        let schema = schema.context("its model configuration has no `schema` number")?;
        ensure!(
            schema == u64::from(SCHEMA),
            "its model configuration has the schema {schema}, this version of lpmflow reads {SCHEMA}; \
             use the lpmflow that wrote the file, or a newer one"
        );
        let notes = modernise(&mut value);
        let mut description: Self = serde_json::from_value(value)
            .context("its model configuration is not one this version of lpmflow knows")?;
        description.config.check()?;
        description.notes = notes;
        Ok(description)
    }

    /// The description as JSON.
    ///
    /// # Errors
    /// When the configuration holds a number that JSON cannot.
    pub(crate) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).context("writing the model configuration as JSON")
    }
}

/// Gives the keys of an older file the names they have today, and says which it had to change.
fn modernise(description: &mut Value) -> Vec<String> {
    let mut notes = Vec::new();
    for (table, old, new) in RENAMED {
        let table = description.pointer_mut(table).and_then(Value::as_object_mut);
        let Some((table, mut value)) = table.and_then(|table| {
            let value = table.remove(old)?;
            Some((table, value))
        }) else {
            continue;
        };
        // There was one kind of head, so it was not said.
        if new == "head"
            && let Some(settings) = value.as_object_mut()
        {
            settings.insert("kind".to_owned(), AdapterConfig::KIND.into());
        }
        table.insert(new.to_owned(), value);
        notes.push(format!("`{old}` of its model configuration is called `{new}` today"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        let provenance = Provenance { origin: "here".into(), ..Provenance::default() };
        Description::new(ModelConfig::zero_shot(), provenance)
    }

    fn error_of(text: &str) -> String {
        format!("{:#}", Description::from_json(text).unwrap_err())
    }

    #[test]
    fn description_is_read_back_as_written() {
        let text = description().to_json().unwrap();
        assert_eq!(Description::from_json(&text).unwrap(), description());
    }

    #[test]
    fn keys_of_older_files_are_read_with_a_note() {
        let lite = Description::new(ModelConfig::lite(), Provenance::default()).to_json().unwrap();
        let old = lite
            .replace("\"input_size\"", "\"frame\"")
            .replace("\"head\":{\"kind\":\"adapter\",", "\"adapter\":{")
            .replace("\"sigma\"", "\"spread\"");
        let read = Description::from_json(&old).unwrap();
        assert_eq!(read.config, ModelConfig::lite());
        assert_eq!(read.notes.len(), 3, "{:?}", read.notes);
        assert!(Description::from_json(&lite).unwrap().notes.is_empty());
    }

    #[test]
    fn newer_unknown_and_senseless_descriptions_are_told_apart() {
        let text = description().to_json().unwrap();
        assert!(error_of(&text.replace("\"schema\":1", "\"schema\":2")).contains("schema 2"));
        let unknown = error_of(&text.replace("\"consensus\"", "\"hough\""));
        assert!(unknown.contains("unknown matcher \"hough\""), "{unknown}");
        let renamed = error_of(&text.replace("\"sigma\"", "\"width\""));
        assert!(renamed.contains("unknown field `width`"), "{renamed}");
        let senseless = error_of(&text.replace("\"image\":256", "\"image\":250"));
        assert!(senseless.contains("multiple of 32"), "{senseless}");
        assert!(error_of("{").contains("no JSON"));
        assert!(error_of("{}").contains("no `schema`"));
    }
}
