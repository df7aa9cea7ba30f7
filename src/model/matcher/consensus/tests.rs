//! Consensus against its definition and on pairs whose flow is known.

use tch::{Device, Kind};

use crate::model::features::{CHANGE, FeatureShape, Level, LevelShape};
use crate::model::matcher::consensus::calibration::Calibration;
use crate::model::matcher::consensus::*;
use crate::model::matcher::test_fields::{field, shifted_pair};
use crate::model::matcher::{Matcher, MatcherConfig};
use crate::model::quality::Quality;
use crate::nn::runtime::recording::recording;

fn flow(source: &Features, target: &Features) -> Tensor {
    Consensus::new(&ConsensusConfig::default()).forward(source, target).flow
}

fn largest(difference: Tensor) -> f64 {
    difference.abs().max().double_value(&[])
}

#[test]
fn a_photo_matches_itself_without_flow() {
    let features = field(1, 12);
    let flow = flow(&features, &features);
    assert_eq!(flow.size(), [1, 2, 12, 12]);
    // At the rim the window reaches to one side alone.
    assert!(largest(flow) < 0.3);
}

#[test]
fn a_shift_by_whole_cells_is_found_wherever_the_match_exists() {
    let (source, target) = shifted_pair(2, 12, [3, -2]);
    let flow = flow(&source, &target);
    // Target column = source column + 3, target row = source row - 2.
    let inside = flow.narrow(2, 2, 10).narrow(3, 0, 9);
    assert!(largest(inside.select(1, 0) - 3.0) < 0.3);
    assert!(largest(inside.select(1, 1) + 2.0) < 0.3);
}

#[test]
fn pairs_of_a_batch_do_not_touch_each_other() {
    let pairs = [shifted_pair(3, 10, [1, 0]), (field(4, 10), field(5, 10))];
    let [source, target] =
        [Features::cat(&[&pairs[0].0, &pairs[1].0]), Features::cat(&[&pairs[0].1, &pairs[1].1])];
    let together = flow(&source, &target);
    for (index, (source, target)) in pairs.iter().enumerate() {
        let alone = flow(source, target);
        assert!(largest(together.get(index as i64) - alone.get(0)) < 1e-4);
    }
}

#[test]
fn flow_equals_the_formula_computed_plainly_in_float64() {
    let side = 7;
    for (config, seed) in [
        (ConsensusConfig::default(), 6),
        (ConsensusConfig { radius_squared: 5, iterations: 2, ..Default::default() }, 7),
        (
            ConsensusConfig { radius_squared: 0, agreement: 1.5, prior: 0.8, ..Default::default() },
            8,
        ),
    ] {
        let (source, target) = (field(seed, side), field(seed + 100, side));
        let flow = Consensus::new(&config).forward(&source, &target).flow;
        let wanted = plain::flow(&config, &source, &target, side as usize);
        for (index, wanted) in wanted.into_iter().enumerate() {
            let (row, column) = (index as i64 / side, index as i64 % side);
            for (channel, wanted) in wanted.into_iter().enumerate() {
                let found = flow.double_value(&[0, channel as i64, row, column]);
                assert!((found - wanted).abs() < 1e-3, "{index}: {found} is not {wanted}");
            }
        }
    }
}

#[test]
fn empty_features_and_sharp_temperatures_stay_finite() {
    let blank = field(9, 6).map(|level| level.tokens.zeros_like());
    assert_eq!(flow(&blank, &field(10, 6)).isfinite().all().int64_value(&[]), 1);
    let sharp = ConsensusConfig { temperature: 0.001, ..Default::default() };
    let flow = Consensus::new(&sharp).forward(&field(11, 6), &field(12, 6)).flow;
    assert_eq!(flow.isfinite().all().int64_value(&[]), 1);
}

/// One that believes what its neighbours and its features support.
fn calibrated() -> ConsensusConfig {
    let calibration = Calibration { bias: 2.0, evidence: [0.2, 10.0, 0.1, -1.0, -0.5, 0.1] };
    ConsensusConfig { calibration: Some(calibration), ..Default::default() }
}

#[test]
fn a_match_that_exists_is_more_likely_than_one_that_does_not_and_the_flow_is_the_same() {
    let matcher = Consensus::new(&calibrated());
    let (source, target) = shifted_pair(2, 12, [3, -2]);
    let found = matcher.forward_with_confidence(&source, &target);
    assert_eq!(found.flow, flow(&source, &target));
    let matches = matcher.forward(&source, &target);
    assert_eq!(matches.flow, found.flow);
    assert!(matches.confidence.is_none(), "nobody asked for it");
    let right = found.confidence.unwrap();
    assert_eq!(right.size(), [1, 12, 12]);
    assert!(right.min().double_value(&[]) >= 0.0 && right.max().double_value(&[]) <= 1.0);
    let inside = right.narrow(1, 3, 8).narrow(2, 1, 7).mean(Kind::Float).double_value(&[]);
    let unrelated = matcher.forward_with_confidence(&field(20, 12), &field(21, 12));
    let unrelated = unrelated.confidence.unwrap();
    let unrelated = unrelated.mean(Kind::Float).double_value(&[]);
    assert!(inside > 0.7 && unrelated < 0.3, "{inside} and {unrelated}");
    let uncalibrated = Consensus::new(&ConsensusConfig::default());
    assert!(uncalibrated.forward_with_confidence(&source, &target).confidence.is_none());
}

#[test]
fn a_calibration_is_optional_must_be_finite_and_ends_with_further_training() {
    let written = |config: &ConsensusConfig| serde_json::to_string(config).unwrap();
    assert!(!written(&ConsensusConfig::default()).contains("calibration"));
    let read: ConsensusConfig = serde_json::from_str(&written(&calibrated())).unwrap();
    assert!(read == calibrated() && read.is_calibrated());
    let trained = read.to_train(&[]).unwrap();
    assert!(!trained.is_calibrated() && trained == ConsensusConfig::default().complete());
    let infinite = Calibration { bias: f64::INFINITY, evidence: [0.0; 6] };
    let infinite = ConsensusConfig { calibration: Some(infinite), ..Default::default() };
    assert!(infinite.check(&[]).unwrap_err().to_string().contains("must be finite"));
}

/// The same features, and how much of what lies there is known.
fn with_change(features: &Features, change: f64) -> Features {
    let last = features.last();
    let tokens = Tensor::full([1, last.shape.cells(), 1], change, (Kind::Float, Device::Cpu));
    let shape = FeatureShape { dim: 1, ..last.shape };
    features.shallow_clone().beside_last(Level { name: CHANGE.to_owned(), tokens, shape })
}

#[test]
fn a_mirrored_target_is_found_where_the_photos_show_something_known() {
    let side = 12;
    let source = field(30, side);
    let target = source.map(|level| mirror_grid(&level.tokens, side));
    let guided = ConsensusConfig { quality: Quality::Standard, ..ConsensusConfig::default() };
    let found = |config: &ConsensusConfig, change: f64| {
        let [source, target] = [&source, &target].map(|photo| with_change(photo, change));
        Consensus::new(config).forward(&source, &target).flow
    };
    // Column c of the source lies at side - 1 - c in the target.
    let wanted = (side - 1) as f64 - Tensor::arange(side, (Kind::Float, Device::Cpu)) * 2.0;
    let miss = |flow: &Tensor| {
        let inner = (flow.select(1, 0) - &wanted).narrow(1, 2, 8).narrow(2, 2, 8);
        inner.abs().mean(Kind::Float).double_value(&[])
    };
    let (plain, known) = (found(&ConsensusConfig::default(), 0.2), found(&guided, 0.2));
    assert!(
        miss(&known) < 0.3 && miss(&known) < miss(&plain),
        "{} of {}",
        miss(&known),
        miss(&plain)
    );
    assert_eq!(found(&guided, 0.05), plain, "nothing known is shown");
}

#[test]
fn a_batch_decides_for_each_of_its_pairs() {
    let side = 10;
    let guided =
        Consensus::new(&ConsensusConfig { quality: Quality::Standard, ..Default::default() });
    let sources = [31, 32].map(|seed| with_change(&field(seed, side), 0.2));
    let mirrored = sources[0].map(|level| mirror_grid(&level.tokens, side));
    let targets = [mirrored, sources[1].shallow_clone()];
    let [source, target] = [&sources, &targets].map(|pair| Features::cat(&[&pair[0], &pair[1]]));
    let together = guided.forward(&source, &target).flow;
    let recorded = recording(|| guided.forward(&source, &target).flow);
    assert_eq!(recorded, together);
    for (index, (source, target)) in (0..).zip(sources.iter().zip(&targets)) {
        let alone = guided.forward(source, target).flow;
        assert!(largest(together.get(index) - alone.get(0)) < 1e-4);
    }
}

#[test]
fn a_quality_asks_for_what_it_needs() {
    let shape = field(1, 6).last().shape;
    let last = LevelShape::last(shape);
    let config = |quality| ConsensusConfig { quality, ..ConsensusConfig::default() };
    for quality in [Quality::Fast, Quality::Fine] {
        config(quality).check(std::slice::from_ref(&last)).unwrap();
    }
    let standard = config(Quality::Standard);
    let error = standard.check(std::slice::from_ref(&last)).unwrap_err().to_string();
    assert!(error.contains("a trained adapter"), "{error}");
    let change = LevelShape { name: CHANGE.to_owned(), shape };
    standard.check(&[change, last]).unwrap();
}

/// `[B, G * G, D]` with the columns of the grid from right to left.
fn mirror_grid(tokens: &Tensor, side: i64) -> Tensor {
    tokens.unflatten(1, [side, side]).flip([2]).flatten(1, 2)
}

/// The formula of the module's head, word by word.
mod plain {
    use super::*;

    pub(super) fn flow(
        config: &ConsensusConfig,
        source: &Features,
        target: &Features,
        side: usize,
    ) -> Vec<[f64; 2]> {
        let cells = side * side;
        let (sources, targets) = (rows(source), rows(target));
        let logits: Vec<Vec<f64>> = sources
            .iter()
            .map(|s| targets.iter().map(|t| dot(s, t) / config.temperature).collect())
            .collect();
        let mut current = logits.clone();
        for _ in 0..config.iterations {
            let probabilities = mutual(&current);
            let agreement = agreement(config, &probabilities, side);
            for s in 0..cells {
                for t in 0..cells {
                    let smooth = mean3(&agreement[s], t, side);
                    current[s][t] =
                        config.agreement * (smooth + FLOOR).ln() + config.prior * logits[s][t];
                }
            }
        }
        (0..cells).map(|s| expected_step(config, &current[s], s, side)).collect()
    }

    fn rows(features: &Features) -> Vec<Vec<f64>> {
        let rows: Vec<Vec<f64>> = Vec::try_from(features.last().tokens.get(0)).unwrap();
        let unit = |row: &Vec<f64>| row.iter().map(|v| v / dot(row, row).sqrt()).collect();
        rows.iter().map(unit).collect()
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
        let top = values.clone().fold(f64::MIN, f64::max);
        values.map(|v| (v - top).exp()).sum::<f64>().ln() + top
    }

    fn mutual(logits: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let over_targets = |s: usize| log_sum(logits[s].iter().copied());
        let over_sources = |t: usize| log_sum(logits.iter().map(move |row| row[t]));
        let columns: Vec<f64> = (0..logits.len()).map(over_sources).collect();
        (0..logits.len())
            .map(|s| {
                let row = over_targets(s);
                let both = |t: usize| logits[s][t] - (row + columns[t]) / 2.0;
                (0..logits.len()).map(|t| both(t).exp()).collect()
            })
            .collect()
    }

    fn agreement(
        config: &ConsensusConfig,
        probabilities: &[Vec<f64>],
        side: usize,
    ) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![0.0; probabilities.len()]; probabilities.len()];
        for dy in -4_i64..=4 {
            for dx in -4_i64..=4 {
                let square = dx * dx + dy * dy;
                if square > config.radius_squared {
                    continue;
                }
                let weight = (-(square as f64) / (2.0 * config.sigma.powi(2))).exp();
                for (s, row) in sums.iter_mut().enumerate() {
                    for (t, sum) in row.iter_mut().enumerate() {
                        if let (Some(s), Some(t)) = (moved(s, dx, dy, side), moved(t, dx, dy, side))
                        {
                            *sum += weight * probabilities[s][t];
                        }
                    }
                }
            }
        }
        sums
    }

    fn moved(cell: usize, dx: i64, dy: i64, side: usize) -> Option<usize> {
        let side = side as i64;
        let (x, y) = (cell as i64 % side + dx, cell as i64 / side + dy);
        ((0..side).contains(&x) && (0..side).contains(&y)).then_some((y * side + x) as usize)
    }

    fn mean3(values: &[f64], cell: usize, side: usize) -> f64 {
        let shifts = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy)));
        let near = shifts.filter_map(|(dx, dy)| moved(cell, dx, dy, side));
        near.map(|near| values[near]).sum::<f64>() / 9.0
    }

    fn expected_step(
        config: &ConsensusConfig,
        logits: &[f64],
        own: usize,
        side: usize,
    ) -> [f64; 2] {
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
        let place = |cell: usize| [(cell % side) as f64, (cell / side) as f64];
        let square = |t: usize| {
            let ([ax, ay], [bx, by]) = (place(t), place(best));
            (ax - bx).powi(2) + (ay - by).powi(2)
        };
        let windowed: Vec<f64> = (0..logits.len())
            .map(|t| logits[t] - square(t) / (2.0 * config.window.powi(2)))
            .collect();
        let total = log_sum(windowed.iter().copied());
        let mean = |axis: usize| -> f64 {
            windowed.iter().enumerate().map(|(t, v)| (v - total).exp() * place(t)[axis]).sum()
        };
        [mean(0) - place(own)[0], mean(1) - place(own)[1]]
    }
}
