//! Weights and images that anyone can rebuild: SplitMix64 numbers addressed by name, position and seed.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::nn::parameters::{Parameter, VarBuilder};

/// What one value's state is ahead of the one before.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The `count` values of `name`, in [-1, 1) and exact in float32.
pub fn values(name: &str, count: usize, seed: u64) -> Vec<f32> {
    const PART: usize = 1 << 16;
    let start = fnv(name).wrapping_add(seed);
    let mut values = vec![0.0; count];
    values.par_chunks_mut(PART).enumerate().for_each(|(index, part)| {
        fill(part, start.wrapping_add(((index * PART) as u64).wrapping_mul(STEP)));
    });
    values
}

/// Fills `left` with the values that follow a state. No iterator: two hundred million values are made without the
/// compiler's best optimisation.
fn fill(mut left: &mut [f32], mut state: u64) {
    while let [value, rest @ ..] = left {
        state = state.wrapping_add(STEP);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        *value = (z >> 40) as f32 / 8_388_608.0 - 1.0;
        left = rest;
    }
}

/// FNV-1a, 64 bit.
fn fnv(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// A network input of side 512, already normalised: `[1, 3, 512, 512]`.
pub fn image(name: &str, seed: u64) -> Tensor {
    Tensor::from_slice(&values(&format!("image.{name}"), 3 * 512 * 512, seed))
        .view([1, 3, 512, 512])
}

/// A model with formula weights.
pub fn model(config: &ModelConfig, seed: u64) -> Model {
    model_with_variables(config, seed).0
}

/// Formula weights for every variable of a model.
pub fn all_weights(config: &ModelConfig, seed: u64) -> BTreeMap<String, Tensor> {
    // Built from nothing, the model says which variables it needs.
    let blank = VarBuilder::stored(BTreeMap::new(), Device::Cpu);
    let _ = Model::new(&blank, config);
    weights(&blank.finish().0, seed)
}

/// A model with formula weights, and its variables.
pub fn model_with_variables(config: &ModelConfig, seed: u64) -> (Model, Vec<Parameter>) {
    let path = VarBuilder::stored(all_weights(config, seed), Device::Cpu);
    let model = Model::new(&path, config).unwrap();
    let (variables, outcome) = path.finish();
    assert!(
        outcome.missing.is_empty()
            && outcome.mismatched.is_empty()
            && outcome.unexpected.is_empty()
    );
    (model, variables)
}

/// The weights of every variable, by the rule for the last component of its name.
pub fn weights(variables: &[Parameter], seed: u64) -> BTreeMap<String, Tensor> {
    variables
        .iter()
        .map(|variable| {
            (variable.name.clone(), weight(&variable.name, &variable.tensor.size(), seed))
        })
        .collect()
}

/// The weight of one name, by the rule for its last component.
pub fn weight(name: &str, shape: &[i64], seed: u64) -> Tensor {
    let count: i64 = shape.iter().product();
    let drawn = Tensor::from_slice(&values(name, count as usize, seed)).view(shape);
    let last = name.rsplit('.').next().unwrap();
    let scaled = |center: f64, scale: f64| {
        // Scale and center are rounded to float32 before they meet the values.
        drawn.shallow_clone() * Tensor::from(scale as f32) + Tensor::from(center as f32)
    };
    if matches!(last, "x_normal" | "y_normal") {
        let line = Tensor::linspace(-1.0, 1.0, count, (Kind::Float, Device::Cpu));
        line + drawn * Tensor::from(0.01f32)
    } else if last == "relative_position_bias_table"
        || last.contains("embed")
        || last.contains("token")
    {
        scaled(0.0, 0.5)
    } else if last == "gamma" {
        scaled(0.3, 0.2)
    } else if last == "weight" && shape.len() >= 2 && !name.contains("spatial_attention") {
        let fan_in: i64 = shape[1..].iter().product();
        let gain = if name.contains("cattn.qkv") { 3.0 } else { 1.0 };
        scaled(0.0, (3.0 / fan_in as f64).sqrt() * gain)
    } else if last == "weight" || last == "running_var" {
        scaled(1.0, 0.2)
    } else if last == "bias" || last == "running_mean" {
        scaled(0.0, 0.1)
    } else {
        panic!("no rule for the tensor `{name}`")
    }
}
