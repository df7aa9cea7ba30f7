//! Weights whose description is not what their tensors are.

use std::fs;

use serde_json::{Value, json};

use super::ZERO_SHOT;

/// The untrained weights with another description of the model, as a stranger might have written them.
pub fn described(change: impl Fn(&mut Value)) -> Vec<u8> {
    let file = fs::read(ZERO_SHOT).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let (header, data) = file[8..].split_at(length);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    let about = header["__metadata__"]["lpmflow"].as_str().unwrap();
    let mut about: Value = serde_json::from_str(about).unwrap();
    change(&mut about["config"]);
    header["__metadata__"] = json!({"lpmflow": about.to_string()});
    let header = header.to_string();
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend(header.bytes());
    changed.extend(data);
    changed
}

/// The description of a vision transformer.
pub fn vit(image: i64, patch: i64, dim: i64, depth: i64, heads: i64) -> Value {
    json!({"kind": "vit", "image": image, "patch": patch, "dim": dim, "depth": depth, "heads": heads, "pretrained_grid": 14})
}
