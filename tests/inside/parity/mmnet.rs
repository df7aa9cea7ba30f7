//! MMNet against its authors' code, on features and weights by the formula: its fusion of stages of one grid
//! (`mmnet_levels-seedN.safetensors`) and of finer and finer ones (`mmnet_pyramid-seedN.safetensors`), and its dilated
//! backbone (`fcn_resnet101-seedN.safetensors`).

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::inside::parity::{formula, golden, resnet};
use crate::inside::process::in_own_process;
use crate::model::backbone::BackboneConfig;
use crate::model::backbone::resnet::config::{ResNetConfig, Stem};
use crate::model::config::BACKBONE;
use crate::model::features::{FeatureShape, Features, Level, LevelShape};
use crate::model::input::ImageShape;
use crate::model::matcher::mmnet::MmNet;
use crate::model::matcher::mmnet::config::MmNetConfig;
use crate::model::matcher::{Matcher, MatcherConfig, Matching, PairFound};
use crate::model::weights::mmnet::MMNET;
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

/// The frame, in pixels, and the grid of its features.
const FRAME: Size = Size { height: 64, width: 96 };
const GRID: [i64; 2] = [4, 6];

#[test]
fn fused_stages_correlations_and_points_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("mmnet_levels") {
            let wanted = golden::tensors(&file);
            for correlations in 1..=3 {
                check(seed, correlations, &wanted);
            }
        }
    });
}

#[test]
fn a_pyramid_of_stages_equals_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("mmnet_pyramid") {
            let wanted = golden::tensors(&file);
            // The third stage has that grid, the second one twice as fine, the fourth half.
            let Pair { matcher, features } =
                pair(seed, 3, |stage| GRID.map(|side| (side << 1) >> (stage - 2)));
            let matcher: &MmNet = matcher.as_any().downcast_ref().unwrap();
            let [source, target] = &features;
            let fused = tch::no_grad(|| matcher.fused(source));
            for (index, name) in [(1, "fused.3"), (2, "fused.2")] {
                let thinned = fused[index].get(0).slice(0, None, None, 3);
                let distance = golden::distance(name, &thinned, &wanted[name]);
                println!("seed {seed} {name} {distance:?}");
                assert!(distance.maximum <= 1e-5, "{name}: {distance:?}");
            }
            let matching = tch::no_grad(|| matcher.forward(source, target));
            let correlation = matching.correlation.as_ref().unwrap().get(0);
            let thinned = correlation.slice(0, None, None, 5).slice(1, None, None, 5);
            let distance = golden::distance("correlation", &thinned, &wanted["correlation"]);
            println!("seed {seed} correlation {distance:?}");
            assert!(distance.maximum <= 5e-5, "{distance:?}");
            let grid = Size::new(2 * GRID[0] as usize, 2 * GRID[1] as usize);
            check_points(matcher, &features, &matching, grid, &wanted);
        }
    });
}

/// A matcher that reads so many stages, and features for it.
struct Pair {
    matcher: Box<dyn Matcher>,
    features: [Features; 2],
}

/// With stages of one block each on the grids that `grid` says.
fn pair(seed: u64, correlations: usize, grid: impl Fn(usize) -> [i64; 2]) -> Pair {
    let config = MmNetConfig { correlations, ..MmNetConfig::on_stages(vec![1; 4]) };
    let level = |stage: usize| {
        let [rows, columns] = grid(stage);
        let shape =
            FeatureShape { rows, columns, ..FeatureShape::square(256 << (stage - 1), rows) };
        LevelShape { name: format!("block-{stage}"), shape }
    };
    let levels: Vec<LevelShape> = (5 - correlations..=4).map(level).collect();
    config.check(&levels).unwrap();
    let matcher = formula::matcher(&config, &levels, seed, |_, weight| weight);
    let features = ["source", "target"].map(|photo| {
        let level = |level: &LevelShape| {
            let FeatureShape { dim, rows, columns, .. } = level.shape;
            let stage = level.name.strip_prefix("block-").unwrap();
            let name = format!("level.{stage}.1.{photo}");
            let values = formula::values(&name, (dim * rows * columns) as usize, seed);
            let tokens = Tensor::from_slice(&values).view([1, dim, rows * columns]);
            Level { name: level.name.clone(), tokens: tokens.transpose(1, 2), shape: level.shape }
        };
        Features::new(levels.iter().map(level).collect())
    });
    Pair { matcher, features }
}

/// With so many stages on one grid.
fn check(seed: u64, correlations: usize, wanted: &BTreeMap<String, Tensor>) {
    let Pair { matcher, features } = pair(seed, correlations, |_| GRID);
    let matcher: &MmNet = matcher.as_any().downcast_ref().unwrap();
    let [source, target] = &features;
    let (fused, matching) =
        tch::no_grad(|| (matcher.fused(source), matcher.forward(source, target)));
    let correlation = matching.correlation.as_ref().unwrap().get(0);
    let thinned = correlation.slice(0, None, None, 5).slice(1, None, None, 5);
    let last = fused.last().unwrap().get(0).slice(0, None, None, 3);
    let (map, sum) =
        (format!("fused.{}", 5 - correlations), format!("correlation.{}", correlations - 1));
    for (name, found, most) in [(map, last, 1e-5), (sum, thinned, 5e-5)] {
        let distance = golden::distance(&name, &found, &wanted[&name]);
        println!("seed {seed} {name:13} {distance:?}");
        assert!(distance.maximum <= most, "{name}: {distance:?}");
    }
    if correlations == 3 {
        let grid = Size::new(GRID[0] as usize, GRID[1] as usize);
        check_points(matcher, &features, &matching, grid, wanted);
    }
}

/// Where points lie by what was found on a grid.
fn check_points(
    matcher: &MmNet,
    [source, target]: &[Features; 2],
    matching: &Matching,
    grid: Size,
    wanted: &BTreeMap<String, Tensor>,
) {
    let values = Vec::<f32>::try_from(matching.flow.flatten(0, -1)).unwrap();
    let flow = Flow::from_channels(grid, &values);
    let correlation = matching.correlation.as_ref().unwrap().get(0);
    let found = PairFound {
        flow: &flow,
        correlation: Some(&correlation),
        source,
        target,
        frames: [FRAME; 2],
        end: Point::new(1.0, 1.0),
    };
    let rule = matcher.point_transfer(&found).expect("it has a rule of its own");
    let (width, height) = (FRAME.width as f64, FRAME.height as f64);
    for index in 0..4 {
        let [x, y] = [0, 1].map(|axis| wanted["source_points"].double_value(&[axis, index]));
        let moved = rule.target_from_source_unit(Point::new(x / width, y / height));
        let wanted = [0, 1].map(|axis| wanted["points"].double_value(&[axis, index]));
        let distance = Point::new(moved.x * width, moved.y * height)
            .distance(Point::new(wanted[0], wanted[1]));
        assert!(distance < 1e-4, "point {index} is {distance} pixels off");
    }
}

#[test]
fn the_dilated_backbone_equals_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("fcn_resnet101") {
            backbone(seed, &golden::tensors(&file));
        }
    });
}

fn backbone(seed: u64, wanted: &BTreeMap<String, Tensor>) {
    let stages = [3, 4, 23, 3];
    let stem = [
        ("conv1.0", "conv1.1", [64, 3, 3, 3]),
        ("conv1.3", "conv1.4", [64, 64, 3, 3]),
        ("conv1.6", "bn1", [128, 64, 3, 3]),
    ];
    let published = resnet::shapes(stages, &stem).into_iter().map(|(name, shape)| {
        let name = format!("backbone.{name}");
        let values = formula::published_weight(&name, &shape, seed);
        (name, values)
    });
    let tensors = (MMNET.adapt)(published.collect()).unwrap();
    let config = ResNetConfig {
        shape: ImageShape::Own,
        stem: Stem::Deep,
        dilated: true,
        ..ResNetConfig::new(96, stages.to_vec(), vec![33])
    };
    let below = tensors.iter().map(|(name, tensor)| {
        (name.strip_prefix(BACKBONE).unwrap().to_owned(), tensor.shallow_clone())
    });
    let path = VarBuilder::stored(below.collect(), Device::Cpu);
    let ends = [3, 7, 30, 33].map(|block| format!("block-{block}"));
    let levels: Vec<LevelShape> =
        config.levels().into_iter().filter(|level| ends.contains(&level.name)).collect();
    let network = config.build(&path, &levels);
    let (_, outcome) = path.finish();
    assert!(outcome.missing.is_empty() && outcome.mismatched.is_empty(), "{outcome:?}");
    let pixels = formula::values("image.fcn", 3 * FRAME.area(), seed);
    let image = Tensor::from_slice(&pixels).view([1, 3, FRAME.height as i64, FRAME.width as i64]);
    let features = tch::no_grad(|| network.forward(&image, &Recompute::plain()));
    for (layer, name) in (1..).zip(ends) {
        let name_there = format!("layer{layer}");
        let found = features.level(&name).map().relu().get(0).slice(0, None, None, 16);
        let wanted = &wanted[&name_there];
        let distance = golden::distance(&name_there, &found, wanted);
        let relative = (&found - wanted).norm().double_value(&[]) / wanted.norm().double_value(&[]);
        println!("seed {seed} {name_there} {distance:?}, relative {relative:.1e}");
        assert!(distance.relative <= 1e-5 && relative <= 5e-6, "{name_there}: {distance:?}");
    }
    // In its own form an image keeps its size, in a wide one it takes the network's.
    let wide = ResNetConfig { shape: ImageShape::Wide, ..config };
    assert_eq!(wide.levels()[0].shape.rows, 17);
    assert_eq!(image.kind(), Kind::Float);
}
