//! Reports, and whether they are what their schemas say.

use std::path::Path;

use serde_json::Value;

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// What a file holds.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a report")).expect("JSON")
}

/// Compares a report with the published schema.
#[track_caller]
pub fn assert_satisfies_schema(report: &Value) {
    assert_satisfies(include_str!("../../src/eval/report/report.schema.json"), report);
}

/// Compares a value with a schema.
#[track_caller]
pub fn assert_satisfies(schema: &str, value: &Value) {
    let schema = serde_json::from_str(schema).expect("a JSON schema");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
