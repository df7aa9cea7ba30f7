//! What is documented of protocols and layouts lists those there are, less those made for tests.

use serde_json::{Value, json};

use crate::data::layouts;
use crate::eval::protocol::name;
use crate::eval::report::schema::{JSON_SCHEMA, json_schema};

/// The names that users have.
fn public<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.filter(|name| !name.starts_with("toy")).collect()
}

#[test]
fn documented_schema_lists_what_there_is() {
    let documented: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    let mut filled = json_schema().unwrap();
    let protocols = json!(public(name::names()));
    let layouts = json!(public(layouts::names()));
    for (place, names) in [
        ("/$defs/protocolName/enum", protocols),
        ("/properties/dataset/properties/layout/enum", layouts),
    ] {
        let list = filled.pointer_mut(place).unwrap();
        assert!(list.as_array().unwrap().len() > names.as_array().unwrap().len(), "{list}");
        *list = names;
    }
    assert_eq!(filled, documented);
}

#[test]
fn readme_has_a_row_for_each_protocol_in_its_table() {
    let readme = include_str!("../../README.md");
    let table = readme.split("| protocol | threshold").nth(1).expect("a table of protocols");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut documented: Vec<&str> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    let mut protocols = public(name::names());
    documented.sort_unstable();
    protocols.sort_unstable();
    assert_eq!(documented, protocols);
}
