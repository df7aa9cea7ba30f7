//! TransforMatcher behind its backbone against its authors' code, on features and weights by the formula:
//! `transformatcher_matches-seedN.safetensors`, and `transformatcher_sharp-seedN.safetensors`, in which single matches
//! decide what the attention gives.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::inside::parity::{formula, golden, near_cells};
use crate::inside::process::in_own_process;
use crate::model::features::{FeatureShape, Features, Level, LevelShape};
use crate::model::matcher::Matcher;
use crate::model::matcher::transformatcher::TransforMatcher;
use crate::model::matcher::transformatcher::config::TransforMatcherConfig;
use crate::nn::runtime::recompute::Recompute;

/// What a file's scores of queries and keys are multiplied by, and how near numbers (relative) and points (pixels) must
/// come: as far apart as inputs that differ by 1e-6 bring the reference itself.
const FILES: [(&str, f64, f64, f64); 2] =
    [("transformatcher_matches", 8.0, 1e-5, 1e-3), ("transformatcher_sharp", 64.0, 2e-4, 1e-2)];

#[test]
fn refined_matches_and_points_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (name, sharpness, relative, pixels) in FILES {
            for (seed, file) in golden::seeds(name) {
                check(seed, sharpness, [relative, pixels], &golden::tensors(&file));
            }
        }
    });
}

/// Of the first three stages 23 blocks on 15 x 15 cells, and the last one's three on 8 x 8.
fn levels() -> Vec<LevelShape> {
    let level = |index: i64| {
        let (dim, side) = if index < 23 { (64, 15) } else { (128, 8) };
        let shape = FeatureShape::square(dim, side);
        LevelShape { name: format!("block-{}", 8 + index), shape }
    };
    (0..26).map(level).collect()
}

fn check(
    seed: u64,
    sharpness: f64,
    [relative, pixels]: [f64; 2],
    wanted: &BTreeMap<String, Tensor>,
) {
    let config = TransforMatcherConfig::on_blocks(8..=33);
    let levels = levels();
    let matcher = formula::matcher(&config, &levels, seed, |name, weight| match name {
        "match2match.to_embedding.1.weight" => weight * 4.0,
        _ if name.ends_with("attn_logits.weight") => weight * sharpness,
        _ => weight,
    });
    let matcher: &TransforMatcher = matcher.as_any().downcast_ref().unwrap();
    let photo = |photo: &str| {
        let level = |(index, level): (usize, &LevelShape)| {
            let (dim, side) = (level.shape.dim, level.shape.side());
            let name = format!("level.{index}.{photo}");
            let values = formula::values(&name, (dim * side * side) as usize, seed);
            let tokens = Tensor::from_slice(&values).view([1, dim, side * side]).transpose(1, 2);
            Level { name: level.name.clone(), tokens, shape: level.shape }
        };
        Features::new(levels.iter().enumerate().map(level).collect())
    };
    let (source, target) = (photo("source"), photo("target"));
    let plain = Recompute::plain();
    let (refined, correlation, flow) = tch::no_grad(|| {
        let refined = matcher.refined(&source, &target, &plain).get(0);
        let correlation = matcher.matches(&source, &target, &plain).get(0);
        (refined, correlation, matcher.forward(&source, &target).flow)
    });
    for (name, found, step) in [("refined", refined, 7), ("correlation", correlation, 29)] {
        let thinned = found.slice(0, None, None, step).slice(1, None, None, step);
        let distance = golden::distance(name, &thinned, &wanted[name]);
        println!("seed {seed} sharpness {sharpness} {name:12} {distance:?}");
        assert!(distance.relative <= relative, "{name}: {distance:?}");
    }
    let distance = near_cells::distance(matcher, [&source, &target], &flow, &wanted["points"]);
    println!("seed {seed} sharpness {sharpness} points {distance} pixels");
    assert!(distance < pixels, "points are {distance} pixels off");
}
