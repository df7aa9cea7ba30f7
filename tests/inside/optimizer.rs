//! Ten AdamW steps against PyTorch's own (numbers by tests/golden/optimizer/generate.py).

use std::collections::BTreeMap;

use tch::{Kind, Tensor, no_grad};

use crate::nn::parameters::{Group, Parameter};
use crate::train::optim::adamw::{AdamW, AdamWConfig};
use crate::train::optim::optimizer::Optimizer;

const NAMES: [&str; 4] = ["head.weight", "head.bias", "backbone.weight", "unused"];
const CLIP: f64 = 1.5;

#[test]
fn ten_steps_give_pytorchs_values() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/optimizer/adamw.safetensors");
    let golden: BTreeMap<String, Tensor> =
        Tensor::read_safetensors(path).unwrap().into_iter().collect();
    let variables = NAMES.map(|name| Parameter {
        name: name.to_owned(),
        tensor: golden[&format!("start.{name}")].copy(),
        group: if name.starts_with("backbone") { Group::BACKBONE } else { Group::HEAD },
        buffer: false,
    });
    let mut optimizer = AdamW::new(&variables.each_ref(), AdamWConfig::default());
    for step in 1..=10 {
        optimizer.zero_gradients();
        for variable in &variables {
            if let Some(gradient) = golden.get(&format!("gradient.{step}.{}", variable.name)) {
                (&variable.tensor * gradient).sum(Kind::Float).backward();
            }
        }
        if step > 5 {
            let norm = optimizer.gradient_norm().double_value(&[]);
            let wanted = golden[&format!("norm.{step}")].double_value(&[0]);
            assert!((norm / wanted - 1.0).abs() < 1e-6, "step {step}: norm {norm} is not {wanted}");
            optimizer.clip_gradients(norm, CLIP);
        }
        let decay = if step >= 5 { 0.5 } else { 1.0 };
        let rate = |group| decay * if group == Group::BACKBONE { 3e-3 } else { 4e-2 };
        optimizer.step(&rate).unwrap();
        for variable in &variables {
            let wanted = &golden[&format!("after.{step}.{}", variable.name)];
            let difference = no_grad(|| (&variable.tensor - wanted).abs().max().double_value(&[]));
            // A few units in the last place of values around 1.
            assert!(difference <= 5e-7, "step {step}, {}: {difference}", variable.name);
        }
    }
}
