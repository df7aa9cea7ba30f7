//! CATs' aggregation against its authors' code, on features and weights by the formula: `cats_levels-seedN.safetensors`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tch::{Device, Tensor};

use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::features::{FeatureShape, Features, Level};
use crate::model::matcher::Matcher;
use crate::model::matcher::cats::Cats;
use crate::model::matcher::cats::config::CatsConfig;
use crate::model::part::Chosen;
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

/// Blocks of ResNet-101 of three widths, with their values per cell and the sides of their grids.
const LEVELS: [(i64, i64, i64); 3] = [(0, 64, 64), (5, 512, 32), (20, 1024, 16)];

#[test]
fn correlation_and_flow_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        let matcher = CatsConfig::on_blocks(&LEVELS.map(|(block, ..)| block));
        let config = ModelConfig { matcher: Chosen::of(Arc::new(matcher)), ..ModelConfig::cats() };
        for (seed, file) in golden::seeds("cats_levels") {
            check(&config, seed, &golden::tensors(&file));
        }
    });
}

fn check(config: &ModelConfig, seed: u64, wanted: &BTreeMap<String, Tensor>) {
    let weights = formula::all_published_weights(config, seed);
    let model = Model::new(&VarBuilder::stored(weights, Device::Cpu), config).unwrap();
    let matcher: &Cats = model.matcher().as_any().downcast_ref().unwrap();
    let photo = |photo: &str| {
        let level = |(index, (block, dim, side)): (usize, (i64, i64, i64))| {
            let name = format!("level.{index}.{photo}");
            let values = formula::values(&name, (dim * side * side) as usize, seed);
            let tokens = Tensor::from_slice(&values).view([1, dim, side * side]).transpose(1, 2);
            let shape = FeatureShape::square(dim, side);
            Level { name: format!("block-{block}"), tokens, shape }
        };
        Features::new(LEVELS.into_iter().enumerate().map(level).collect())
    };
    let (source, target) = (photo("source"), photo("target"));
    let (correlation, flow) = tch::no_grad(|| {
        let correlation = matcher.correlation(&source, &target, &Recompute::plain());
        (correlation, matcher.forward(&source, &target).flow)
    });
    let thinned = correlation.get(0).slice(0, None, None, 4).slice(1, None, None, 4);
    for (name, found, most, mean) in
        [("correlation", thinned, 2e-5, 2e-6), ("flow", flow.get(0), 1e-2, 1e-4)]
    {
        let distance = golden::distance(name, &found, &wanted[name]);
        println!("seed {seed} {name:11} {distance:?}");
        assert!(distance.maximum <= most && distance.mean <= mean, "{name}: {distance:?}");
    }
}
