//! What is documented of protocols and layouts lists those there are.

use serde_json::Value;

use crate::data::layouts;
use crate::eval::protocol::name;
use crate::eval::report::schema::{JSON_SCHEMA, json_schema};

#[test]
fn documented_schema_lists_what_there_is() {
    let documented: Value = serde_json::from_str(JSON_SCHEMA).expect("a JSON schema");
    assert_eq!(json_schema().expect("a JSON schema"), documented);
    let protocols: Vec<&str> = name::names().collect();
    assert_eq!(documented["$defs"]["protocolName"]["enum"], serde_json::json!(protocols));
    let layouts: Vec<&str> = layouts::names().collect();
    let dataset = &documented["properties"]["dataset"]["properties"];
    assert_eq!(dataset["layout"]["enum"], serde_json::json!(layouts));
}

#[test]
fn readme_has_a_row_for_each_protocol_in_its_table() {
    let readme = include_str!("../../README.md");
    let table = readme.split("| protocol | threshold").nth(1).expect("a table of protocols");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut documented: Vec<&str> =
        rows.map(|row| row.split('`').nth(1).expect("a name in backticks")).collect();
    let mut protocols: Vec<&str> = name::names().collect();
    documented.sort_unstable();
    protocols.sort_unstable();
    assert_eq!(documented, protocols);
}
