//! CHM behind its backbone against its authors' code, on features and weights by the formula: `chm_matches-seedN.safetensors`,
//! and with its two other kernels `chm_iso-seedN.safetensors` and `chm_full-seedN.safetensors`.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::inside::parity::{formula, golden, near_cells};
use crate::inside::process::in_own_process;
use crate::model::features::{FeatureShape, Features, Level, LevelShape};
use crate::model::matcher::Matcher;
use crate::model::matcher::chm::Chm;
use crate::model::matcher::chm::config::{ChmConfig, Sharing};

/// Rows and columns, and values per cell.
const SHAPE: FeatureShape = FeatureShape::square(64, 15);

#[test]
fn correlations_votes_and_points_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        let kernels =
            [("chm_matches", Sharing::Psi), ("chm_iso", Sharing::Iso), ("chm_full", Sharing::Full)];
        for (name, sharing) in kernels {
            for (seed, file) in golden::seeds(name) {
                check(seed, sharing, &golden::tensors(&file));
            }
        }
    });
}

fn check(seed: u64, sharing: Sharing, wanted: &BTreeMap<String, Tensor>) {
    let config = ChmConfig::on_block(30, sharing);
    let levels = [LevelShape { name: config.level.clone(), shape: SHAPE }];
    let matcher = formula::matcher(&config, &levels, seed, |_, weight| weight);
    let matcher: &Chm = matcher.as_any().downcast_ref().unwrap();
    let photo = |photo: &str| {
        let (dim, side) = (SHAPE.dim, SHAPE.side());
        let values = formula::values(&format!("level.{photo}"), (dim * side * side) as usize, seed);
        let tokens = Tensor::from_slice(&values).view([1, dim, side * side]).transpose(1, 2);
        Features::new(vec![Level { name: config.level.clone(), tokens, shape: SHAPE }])
    };
    let (source, target) = (photo("source"), photo("target"));
    let (correlations, matches, flow) = tch::no_grad(|| {
        let correlations = matcher.correlations(&source, &target).get(0); // [9, S, T]
        let matches = matcher.matches(&source, &target).get(0);
        (correlations, matches, matcher.forward(&source, &target).flow)
    });
    let thinned = |found: &Tensor, step: i64| {
        found.slice(-2, None, None, step).slice(-1, None, None, step).contiguous()
    };
    let correlations = thinned(&correlations, 5).view([3, 3, 45, 45]);
    for (name, found) in [("correlation6d", correlations), ("matches", thinned(&matches, 29))] {
        // The correlations are those of all kernels.
        let Some(wanted) = wanted.get(name) else { continue };
        let distance = golden::distance(name, &found, wanted);
        println!("seed {seed} {sharing:?} {name:13} {distance:?}");
        assert!(distance.relative <= 1e-5, "{name}: {distance:?}");
    }
    let distance = near_cells::distance(matcher, [&source, &target], &flow, &wanted["points"]);
    println!("seed {seed} {sharing:?} points {distance} pixels");
    assert!(distance < 1e-3, "points are {distance} pixels off");
}
