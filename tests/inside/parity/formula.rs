//! Weights and images that anyone can rebuild: SplitMix64 numbers addressed by name, position and seed.

use std::collections::BTreeMap;
use std::f32::consts::PI;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::features::LevelShape;
use crate::model::matcher::{Matcher, MatcherConfig};
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
    weights(&variables(config), seed)
}

/// The same by the rules for published files of other systems.
pub fn all_published_weights(config: &ModelConfig, seed: u64) -> BTreeMap<String, Tensor> {
    let made = |Parameter { name, tensor, .. }: Parameter| {
        let weight = published_weight(&name, &tensor.size(), seed);
        (name, weight)
    };
    variables(config).into_iter().map(made).collect()
}

/// A matcher alone, for features of these forms, with formula weights of which `change` makes what is wanted.
pub fn matcher(
    config: &dyn MatcherConfig,
    levels: &[LevelShape],
    seed: u64,
    change: impl Fn(&str, Tensor) -> Tensor,
) -> Box<dyn Matcher> {
    matcher_with_parameters(config, levels, seed, change).0
}

/// The same with its parameters.
pub fn matcher_with_parameters(
    config: &dyn MatcherConfig,
    levels: &[LevelShape],
    seed: u64,
    change: impl Fn(&str, Tensor) -> Tensor,
) -> (Box<dyn Matcher>, Vec<Parameter>) {
    let blank = VarBuilder::stored(BTreeMap::new(), Device::Cpu);
    drop(config.build(&blank, levels));
    let made = |Parameter { name, tensor, .. }: Parameter| {
        let weight = change(&name, published_weight(&name, &tensor.size(), seed));
        (name, weight)
    };
    let weights = blank.finish().0.into_iter().map(made).collect();
    let path = VarBuilder::stored(weights, Device::Cpu);
    let matcher = config.build(&path, levels);
    (matcher, path.finish().0)
}

/// The variables that a model needs: built from nothing, it says which.
fn variables(config: &ModelConfig) -> Vec<Parameter> {
    let blank = VarBuilder::stored(BTreeMap::new(), Device::Cpu);
    let _ = Model::new(&blank, config);
    blank.finish().0
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

/// The weight of one name in LPMFlow, whose rules have two exceptions.
pub fn weight(name: &str, shape: &[i64], seed: u64) -> Tensor {
    let is_weight = name.ends_with(".weight");
    if is_weight && name.contains("spatial_attention") {
        return scaled(name, shape, seed, [1.0, 0.2]);
    }
    if is_weight && name.contains("cattn.qkv") {
        return scaled(name, shape, seed, [0.0, 3.0 * spread(shape)]);
    }
    published_weight(name, shape, seed)
}

/// The weight of one name, by the rule for its last component.
pub fn published_weight(name: &str, shape: &[i64], seed: u64) -> Tensor {
    let last = name.rsplit('.').next().unwrap();
    let within = |centre_and_scale| scaled(name, shape, seed, centre_and_scale);
    if matches!(last, "x_normal" | "y_normal") {
        let count = shape.iter().product();
        let line = Tensor::linspace(-1.0, 1.0, count, (Kind::Float, Device::Cpu));
        line + drawn(name, shape, seed) * Tensor::from(0.01f32)
    } else if last == "relative_position_bias_table"
        || last.contains("embed")
        || last.contains("token")
    {
        within([0.0, 0.5])
    } else if last == "gamma" {
        within([0.3, 0.2])
    } else if last == "weight" && shape.len() >= 2 {
        within([0.0, spread(shape)])
    } else if last == "weight" || last == "running_var" {
        within([1.0, 0.2])
    } else if last == "bias" || last == "running_mean" || name.contains(".param") {
        within([0.0, 0.1])
    } else if last == "freqs" {
        // Those of published files, where 32 bits are multiplied.
        Tensor::from_slice(&[PI, 5.0 * PI])
    } else {
        panic!("no rule for the tensor `{name}`")
    }
}

/// What keeps the values of a layer's results as large as those of what enters it.
fn spread(shape: &[i64]) -> f64 {
    let fan_in: i64 = shape[1..].iter().product();
    (3.0 / fan_in as f64).sqrt()
}

fn drawn(name: &str, shape: &[i64], seed: u64) -> Tensor {
    let count: i64 = shape.iter().product();
    Tensor::from_slice(&values(name, count as usize, seed)).view(shape)
}

/// Scale and centre are rounded to float32 before they meet the values.
fn scaled(name: &str, shape: &[i64], seed: u64, [centre, scale]: [f64; 2]) -> Tensor {
    drawn(name, shape, seed) * Tensor::from(scale as f32) + Tensor::from(centre as f32)
}
