//! The JSON Schema of reports: the documentation beside this file, its lists of names filled from the lists
//! of what there is.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::data::layouts;
use crate::eval::protocol::name;
use crate::eval::protocol::rules::{Average, MeasureFrame, ThresholdReference, Ties, TransferRule};

/// The documentation of the layout.
pub(crate) const JSON_SCHEMA: &str = include_str!("report.schema.json");

/// Where the documentation lists names of protocols and layouts.
const PROTOCOLS: &str = "/$defs/protocolName/enum";
const LAYOUTS: &str = "/properties/dataset/properties/layout/enum";

/// Where it describes a protocol.
const PROTOCOL: &str = "/properties/protocols/items/properties";

/// The JSON Schema that every report satisfies.
///
/// # Errors
/// When the documentation is no JSON or lacks a list: not unless somebody has damaged it.
pub(crate) fn json_schema() -> Result<Value> {
    let mut schema = serde_json::from_str(JSON_SCHEMA).context("reading the schema of reports")?;
    let rule = |name: &str| format!("{PROTOCOL}/{name}/enum");
    fill(&mut schema, PROTOCOLS, &name::names().collect::<Vec<_>>())?;
    fill(&mut schema, LAYOUTS, &layouts::names().collect::<Vec<_>>())?;
    fill(&mut schema, &rule("threshold"), &ThresholdReference::ALL)?;
    fill(&mut schema, &rule("average"), &Average::ALL)?;
    fill(&mut schema, &rule("frame"), &MeasureFrame::ALL)?;
    fill(&mut schema, &rule("transfer"), &TransferRule::ALL)?;
    fill(&mut schema, &rule("ties"), &Ties::ALL)?;
    Ok(schema)
}

fn fill(schema: &mut Value, place: &str, names: &[impl Serialize]) -> Result<()> {
    let list = schema.pointer_mut(place);
    let list = list.with_context(|| format!("the schema of reports has no list at `{place}`"))?;
    *list = serde_json::to_value(names).context("writing the schema of reports")?;
    Ok(())
}
