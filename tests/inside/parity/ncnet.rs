//! NC-Net's filtering of matches against its authors' code, on features and weights by the formula:
//! `ncnet_consensus-seedN.safetensors`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::Model;
use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::config::ModelConfig;
use crate::model::features::{FeatureShape, Features, Level};
use crate::model::input::InputRule;
use crate::model::matcher::ncnet::NcNet;
use crate::model::matcher::ncnet::config::NcNetConfig;
use crate::model::part::Chosen;
use crate::nn::parameters::VarBuilder;

/// Rows and columns, and values per cell, of the features behind the first block at 36 pixels.
const SHAPE: FeatureShape = FeatureShape::square(256, 9);

#[test]
fn filtered_matches_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        let backbone = ResNetConfig::new(36, vec![1], vec![1]);
        let matcher = NcNetConfig { level: "block-1".to_owned(), ..NcNetConfig::pf_pascal() };
        let config = ModelConfig {
            input_size: 36,
            input: InputRule::SampledStretch,
            backbone: Chosen::of(Arc::new(backbone)),
            head: None,
            matcher: Chosen::of(Arc::new(matcher)),
        };
        for (seed, file) in golden::seeds("ncnet_consensus") {
            check(&config, seed, &golden::tensors(&file));
        }
    });
}

fn check(config: &ModelConfig, seed: u64, wanted: &BTreeMap<String, Tensor>) {
    let weights = formula::all_published_weights(config, seed);
    let model = Model::new(&VarBuilder::stored(weights, Device::Cpu), config).unwrap();
    let matcher: &NcNet = model.matcher().as_any().downcast_ref().unwrap();
    let photo = |photo: &str| {
        let (dim, side) = (SHAPE.dim, SHAPE.side());
        let values = formula::values(&format!("level.{photo}"), (dim * side * side) as usize, seed);
        let tokens = Tensor::from_slice(&values).view([1, dim, side * side]).transpose(1, 2);
        Features::new(vec![Level { name: "block-1".to_owned(), tokens, shape: SHAPE }])
    };
    let filtered = tch::no_grad(|| matcher.filtered(&photo("source"), &photo("target")).get(0));
    let best = filtered.argmax(1, false).to_kind(Kind::Float);
    let thinned = filtered.slice(0, None, None, 3).slice(1, None, None, 3);
    let distance = golden::distance("filtered", &thinned, &wanted["filtered"]);
    println!("seed {seed} {distance:?}");
    assert!(distance.maximum <= 2e-5 && distance.relative <= 1e-4, "{distance:?}");
    assert_eq!(golden::distance("best", &best, &wanted["best"]).maximum, 0.0);
}
