//! DHPF's choice of blocks, votes and points against its authors' code, on features and weights by the formula:
//! `dhpf_layers-seedN.safetensors`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::Model;
use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::config::ModelConfig;
use crate::model::features::{FeatureShape, Features, Level};
use crate::model::input::InputRule;
use crate::model::matcher::dhpf::Dhpf;
use crate::model::matcher::dhpf::config::DhpfConfig;
use crate::model::matcher::{Matcher, PairFound};
use crate::model::part::Chosen;
use crate::nn::parameters::VarBuilder;

/// Side of the frame, in pixels.
const FRAME: i64 = 48;

/// Values per cell, and rows: of what enters the first block, and of two blocks.
const LEVELS: [(i64, i64); 3] = [(64, 12), (256, 12), (512, 6)];

/// In the source, in pixels of the frame.
const POINTS: [(f64, f64); 4] = [(3.5, 7.0), (10.0, 12.0), (20.25, 33.0), (40.0, 47.0)];

#[test]
fn chosen_blocks_votes_and_points_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        let backbone = ResNetConfig::new(FRAME, vec![1, 1], vec![0]);
        let config = ModelConfig {
            input_size: FRAME as usize,
            input: InputRule::Stretch,
            backbone: Chosen::of(Arc::new(backbone)),
            head: None,
            matcher: Chosen::of(Arc::new(DhpfConfig::default())),
        };
        for (seed, file) in golden::seeds("dhpf_layers") {
            check(&config, seed, &golden::tensors(&file));
        }
    });
}

/// The matcher's weights: what a batch norm is folded into a convolution by, as the program does.
fn weights(config: &ModelConfig, seed: u64) -> BTreeMap<String, Tensor> {
    let mut weights = formula::all_published_weights(config, seed);
    for index in 0..LEVELS.len() {
        for part in ["reduction_ffns", "gumbel_ffns"] {
            let name = |module: usize, what: &str| format!("{part}.{index}.{module}.{what}");
            let outputs = weights[&name(0, "weight")].size()[0];
            let norm = |what: &str| formula::published_weight(&name(1, what), &[outputs], seed);
            let scale = norm("weight") / (norm("running_var") + 1e-5).sqrt();
            let weight = &weights[&name(0, "weight")] * scale.view([-1, 1, 1, 1]);
            weights.insert(name(0, "weight"), weight);
            weights.insert(name(0, "bias"), norm("bias") - norm("running_mean") * scale);
        }
    }
    weights
}

fn check(config: &ModelConfig, seed: u64, wanted: &BTreeMap<String, Tensor>) {
    let path = VarBuilder::stored(weights(config, seed), Device::Cpu);
    let model = Model::new(&path, config).unwrap();
    let matcher: &Dhpf = model.matcher().as_any().downcast_ref().unwrap();
    let photo = |photo: &str| {
        let level = |(index, (dim, side)): (usize, (i64, i64))| {
            let name = format!("level.{index}.{photo}");
            let values = formula::values(&name, (dim * side * side) as usize, seed);
            let tokens = Tensor::from_slice(&values).view([1, dim, side * side]).transpose(1, 2);
            let shape = FeatureShape::square(dim, side);
            Level { name: format!("block-{index}"), tokens, shape }
        };
        Features::new(LEVELS.into_iter().enumerate().map(level).collect())
    };
    let (source, target) = (photo("source"), photo("target"));
    let thinned = |xs: Tensor| xs.get(0).slice(0, None, None, 4).slice(1, None, None, 4);
    let (appearance, matches, flow) = tch::no_grad(|| {
        let appearance = thinned(matcher.appearance(&source, &target));
        let matches = thinned(matcher.matches(&source, &target));
        (appearance, matches, matcher.forward(&source, &target).flow)
    });
    for (name, found) in [("appearance", appearance), ("matches", matches)] {
        let distance = golden::distance(name, &found, &wanted[name]);
        println!("seed {seed} {name:10} {distance:?}");
        assert!(distance.relative <= 1e-5, "{name}: {distance:?}");
    }

    let side = LEVELS[0].1;
    let values = Vec::<f32>::try_from(flow.to_kind(Kind::Float).flatten(0, -1)).unwrap();
    let flow = Flow::from_channels(Size::square(side as usize), &values);
    let best = Vec::<f32>::try_from(&wanted["best"]).unwrap();
    for (cell, best) in (0..).zip(best) {
        let (row, column) = (cell / side as usize, cell % side as usize);
        let step = flow.at(row, column);
        let found = (row as f64 + step.y) * side as f64 + column as f64 + step.x;
        assert_eq!(found, f64::from(best), "cell {cell}");
    }
    let end = Point::new(1.0, 1.0);
    let frames = [Size::square(FRAME as usize); 2];
    let found =
        PairFound { flow: &flow, correlation: None, source: &source, target: &target, frames, end };
    let rule = matcher.point_transfer(&found).expect("it has a rule of its own");
    for (index, (x, y)) in (0..).zip(POINTS) {
        let side = FRAME as f64;
        let moved = rule.target_from_source_unit(Point::new(x / side, y / side));
        let wanted = [0, 1].map(|axis| wanted["points"].double_value(&[axis, index]));
        let distance =
            Point::new(moved.x * side, moved.y * side).distance(Point::new(wanted[0], wanted[1]));
        assert!(distance < 1e-4, "seed {seed}: point {index} is {distance} pixels off");
    }
}
