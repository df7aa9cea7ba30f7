//! SCOT behind its backbone against its authors' code, on a wide photo and a tall one whose features are made by the
//! formula: `scot_votes-seedN.safetensors`, with its constants for PF-WILLOW and (`hp0.`) for SPair-71k; and where things are
//! by the fully convolutional network's head, `scot_fcn-seedN.safetensors`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tch::{Device, Tensor};

use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::inside::parity::{formula, golden, resnet};
use crate::inside::process::in_own_process;
use crate::model::backbone::resnet::activation::{ACTIVATION, STEP};
use crate::model::backbone::resnet::segmentation::Segmentation;
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::features::{FeatureShape, Features, Level, LevelShape};
use crate::model::matcher::scot::Scot;
use crate::model::matcher::scot::config::ScotConfig;
use crate::model::matcher::{Matcher, MatcherConfig, PairFound};
use crate::model::part::Chosen;
use crate::model::weights::fcn::FCN;
use crate::nn::parameters::VarBuilder;

/// Both frames, in pixels.
const FRAMES: [Size; 2] = [Size { height: 36, width: 48 }, Size { height: 48, width: 28 }];

/// Values per cell.
const DIM: i64 = 64;

#[test]
fn costs_transport_votes_and_points_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("scot_votes") {
            let wanted = golden::tensors(&file);
            let pf = ScotConfig { blocks: vec![2], ..ScotConfig::pf() };
            let spair = ScotConfig { blocks: vec![0], ..ScotConfig::spair() };
            for (config, prefix) in [(pf, ""), (spair, "hp0.")] {
                check(seed, &config, prefix, &wanted);
            }
        }
    });
}

/// A photo's features, and where its things are.
fn photo(name: &str, frame: Size, block: usize, seed: u64) -> Features {
    let [rows, columns] = [frame.height, frame.width].map(|side| side as i64 / STEP);
    let values =
        formula::values(&format!("features.{name}"), (rows * columns * DIM) as usize, seed);
    let level = |name: &str, dim: i64, tokens: Tensor| Level {
        name: name.to_owned(),
        tokens,
        shape: FeatureShape { rows, columns, ..FeatureShape::square(dim, rows) },
    };
    let features = Tensor::from_slice(&values).view([1, rows * columns, DIM]);
    let [height, width] = [frame.height as i64, frame.width as i64];
    let seen = Tensor::from_slice(&formula::values(&format!("cam.{name}"), frame.area(), seed))
        .view([height, width])
        .clamp_min(0.0)
        .slice(0, None, None, STEP)
        .slice(1, None, None, STEP)
        .reshape([1, rows * columns, 1]);
    let levels = vec![level(ACTIVATION, 1, seen), level(&format!("block-{block}"), DIM, features)];
    Features::new(levels).of_images([height, width])
}

fn check(seed: u64, config: &ScotConfig, prefix: &str, wanted: &BTreeMap<String, Tensor>) {
    let matcher = config.build(&VarBuilder::fresh(Device::Cpu), &[] as &[LevelShape]);
    let matcher: &Scot = matcher.as_any().downcast_ref().unwrap();
    let block = config.blocks[0];
    let [source, target] = [("source", FRAMES[0]), ("target", FRAMES[1])]
        .map(|(name, frame)| photo(name, frame, block, seed));
    let thinned = |xs: Tensor| xs.get(0).slice(0, None, None, 5).slice(1, None, None, 5);
    let confidence = matcher.votes(&source, &target);
    let best = confidence.get(0).argmax(1, false);
    for (name, found, most) in [
        ("cost", thinned(matcher.cost(&source, &target)), 5e-6),
        ("transport", thinned(matcher.transported(&source, &target)), 1e-4),
        ("confidence", thinned(confidence), 1e-4),
    ] {
        let name = format!("{prefix}{name}");
        let distance = golden::distance(&name, &found, &wanted[&name]);
        println!("seed {seed} {name:14} {distance:?}");
        assert!(distance.relative <= most, "{name}: {distance:?}");
    }
    let name = format!("{prefix}best");
    assert_eq!(golden::distance(&name, &best, &wanted[&name]).maximum, 0.0, "{name}");

    let flow = matcher.forward(&source, &target).flow;
    let grid = Size::new(FRAMES[0].height / STEP as usize, FRAMES[0].width / STEP as usize);
    let flow = Flow::from_channels(grid, &Vec::<f32>::try_from(flow.flatten(0, -1)).unwrap());
    let found = PairFound {
        flow: &flow,
        correlation: None,
        source: &source,
        target: &target,
        frames: FRAMES,
        end: Point::new(1.0, 1.0),
    };
    let rule = matcher.point_transfer(&found).expect("it has a rule of its own");
    let [from, to] = FRAMES.map(|frame| (frame.width as f64, frame.height as f64));
    for index in 0..4 {
        let point = |name: &str| [0, 1].map(|axis| wanted[name].double_value(&[axis, index]));
        let [x, y] = point("source_points");
        let moved = rule.target_from_source_unit(Point::new(x / from.0, y / from.1));
        let [x, y] = point(&format!("{prefix}points"));
        let distance = Point::new(moved.x * to.0, moved.y * to.1).distance(Point::new(x, y));
        assert!(distance < 1e-4, "seed {seed}: point {index} is {distance} pixels off");
    }
}

#[test]
fn where_a_segmentation_sees_things_equals_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("scot_fcn") {
            check_segmentation(seed, &golden::tensors(&file));
        }
    });
}

fn check_segmentation(seed: u64, wanted: &BTreeMap<String, Tensor>) {
    let stem = [
        ("conv1.0", "conv1.1", [64, 3, 3, 3]),
        ("conv1.3", "conv1.4", [64, 64, 3, 3]),
        ("conv1.6", "bn1", [128, 64, 3, 3]),
    ];
    let backbone = resnet::shapes([1; 4], &stem)
        .into_iter()
        .map(|(name, shape)| (format!("pretrained.{name}"), shape));
    let head = [
        ("0.weight", vec![512, 2048, 3, 3]),
        ("1.weight", vec![512]),
        ("1.bias", vec![512]),
        ("1.running_mean", vec![512]),
        ("1.running_var", vec![512]),
        ("4.weight", vec![21, 512, 1, 1]),
        ("4.bias", vec![21]),
    ]
    .map(|(name, shape)| (format!("head.conv5.{name}"), shape));
    let published = backbone.chain(head).map(|(name, shape)| {
        let values = formula::published_weight(&name, &shape, seed);
        (name, values)
    });
    let tensors = (FCN.adapt)(published.collect()).unwrap();
    let path = VarBuilder::stored(tensors, Device::Cpu);
    let below =
        BACKBONE.trim_end_matches('.').split('.').fold(path.clone(), |path, part| &path / part);
    let head = Segmentation::new(&below, 2048);
    let (_, outcome) = path.finish();
    assert!(outcome.missing.is_empty() && outcome.mismatched.is_empty(), "{outcome:?}");
    for (index, (size, [rows, columns])) in
        [([36, 48], [5, 6]), ([48, 28], [6, 4])].into_iter().enumerate()
    {
        let name = format!("features.fcn.{index}");
        let values = formula::values(&name, (2048 * rows * columns) as usize, seed);
        let last = Tensor::from_slice(&values).view([1, 2048, rows, columns]).relu();
        let found = tch::no_grad(|| head.forward(&last, size)).get(0);
        let distance = golden::distance(&name, &found, &wanted[&format!("map.{index}")]);
        println!("seed {seed} {name} {distance:?}");
        assert!(distance.maximum <= 1e-6, "{name}: {distance:?}");
    }
}

#[test]
fn the_cells_of_a_dilated_network_are_not_taken_for_others() {
    let config = ScotConfig { blocks: vec![8, 20], ..ScotConfig::fcn() };
    let on =
        |model: ModelConfig| ModelConfig { matcher: Chosen::of(Arc::new(config.clone())), ..model };
    let error = on(ModelConfig::scot_fcn()).check().unwrap_err().to_string();
    assert!(
        error.contains("taken to be 16 pixels apart, and of this backbone they are 8"),
        "{error}"
    );
    on(ModelConfig::scot(ScotConfig::pf())).check().unwrap();
    ModelConfig::scot_fcn().check().unwrap();
}
