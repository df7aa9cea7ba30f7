//! The end-point error against the official training code's values.

use serde_json::Value;
use tch::{Kind, Tensor};

use crate::inside::shared_data;
use crate::train::objective::flow::{end_point_error, known_cells};

/// The tensor `[B, C, H, W]` of nested arrays.
fn tensor(value: &Value) -> Tensor {
    match value.as_array() {
        Some(items) => Tensor::stack(&items.iter().map(tensor).collect::<Vec<_>>(), 0),
        None => Tensor::from(value.as_f64().unwrap() as f32),
    }
}

#[test]
fn end_point_error_gives_the_official_values() {
    let Some(golden) = shared_data::golden() else { return };
    let text = std::fs::read(golden.join("datasets/edge_cases.json")).unwrap();
    let cases: Value = serde_json::from_slice(&text).unwrap();
    let cases = cases["epe"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let target = tensor(&case["target"]);
        let known = known_cells(&target);
        let sum = end_point_error(&tensor(&case["input"]), &target, &known);
        let found = sum / known.sum(Kind::Float).clamp_min(1.0);
        // Without a known cell the official code gives NaN, which would end the run; ours teaches nothing.
        let wanted = case["value"].as_f64().unwrap_or(0.0);
        let found = found.double_value(&[]);
        assert!((found - wanted).abs() <= 1e-5 * wanted, "{found} is not {wanted}");
    }
}
