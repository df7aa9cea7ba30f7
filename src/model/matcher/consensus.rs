//! Iterated neighbourhood consensus without training: a match is believed as far as its neighbours match
//! in the same direction (the idea of NC-Net and of Hough voting).
//!
//! With C the cosines of source cells s and target cells t, U = C / temperature, and the mutual softmax
//! `mutual(L)` = exp((log-softmax over targets of L + log-softmax over sources of L) / 2):
//!
//! 1. P = mutual(U).
//! 2. `iterations` times: Q(s, t) = sum over shifts d of K(d) P(s + d, t + d), for d in a disc, with
//!    K(d) = exp(-|d|^2 / (2 spread^2)); 3x3 mean of Q over the target grid, zeros beyond its rim;
//!    L = agreement * log(Q + 1e-8) + prior * U; P = mutual(L).
//! 3. Flow: the expected target cell under softmax(L - dist^2 / (2 window^2)), dist being measured from
//!    the best target of each source cell.
//!
//! Everything is computed with E = exp(L) = (Q + 1e-8)^agreement * exp(prior * U) instead of L: mutual(L)
//! is then E / sqrt(row sum * column sum), and no exponential is left inside the loop.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::cosine::{cells, cosines, flow_to};
use crate::model::backbone::Features;

/// Added to agreement, so that a match that no neighbour supports is unlikely, not impossible.
const FLOOR: f64 = 1e-8;

/// Added to sums that are divided by; far below any sum that matters.
const TINY: f64 = 1e-30;

/// The matcher's constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsensusConfig {
    /// What cosines are divided by.
    pub temperature: f64,
    /// Rounds of agreement, at least one.
    pub iterations: u32,
    /// Square of the radius, in cells, within which neighbours are asked.
    pub radius_squared: i64,
    /// Deviation, in cells, of the weight that neighbours have by their distance.
    pub spread: f64,
    /// Power of the neighbours' agreement.
    pub agreement: f64,
    /// Power of a match's own similarity, beside that of its neighbours.
    pub prior: f64,
    /// Deviation, in cells, of the window around the best match over which positions are averaged.
    pub window: f64,
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            temperature: 0.03,
            iterations: 5,
            radius_squared: 10,
            spread: 2.0,
            agreement: 2.0,
            prior: 0.5,
            window: 2.5,
        }
    }
}

impl ConsensusConfig {
    /// # Errors
    /// When a constant makes no sense.
    pub fn check(&self) -> Result<()> {
        let positive = [
            ("temperature", self.temperature),
            ("spread", self.spread),
            ("agreement", self.agreement),
            ("prior", self.prior),
            ("window", self.window),
        ];
        for (name, value) in positive {
            ensure!(
                value.is_finite() && value > 0.0,
                "consensus: `{name}` must be above 0, not {value}"
            );
        }
        ensure!(self.iterations >= 1, "consensus: `iterations` must be at least 1");
        ensure!(
            (0..=1000).contains(&self.radius_squared),
            "consensus: `radius_squared` must lie in 0 to 1000, not {}",
            self.radius_squared
        );
        Ok(())
    }
}

/// How well each source cell matches each target cell, as the logits of softmaxes; `[B, S, T]` each.
#[derive(Debug)]
pub struct Logits {
    /// After the last round of agreement.
    pub consensus: Tensor,
    /// Cosines less 1: not yet divided by a temperature.
    pub cosine: Tensor,
}

impl Logits {
    /// One batch of several.
    pub fn cat(parts: &[Self]) -> Self {
        let all = |pick: fn(&Self) -> &Tensor| Tensor::cat(&parts.iter().map(pick).collect::<Vec<_>>(), 0);
        Self { consensus: all(|part| &part.consensus), cosine: all(|part| &part.cosine) }
    }
}

/// The matcher; it has no variables.
#[derive(Debug)]
pub struct Consensus {
    config: ConsensusConfig,
}

impl Consensus {
    /// The matcher with these constants.
    pub fn new(config: &ConsensusConfig) -> Self {
        Self { config: config.clone() }
    }

    /// The flow `[B, 2, G, G]` in cells of the source grid.
    pub fn flow(&self, source: &Features, target: &Features) -> Tensor {
        let (agreement, similarity) = self.last_round(source, target);
        let prior = (similarity * self.config.prior).exp_();
        let scores = (agreement + FLOOR).pow_(self.config.agreement) * prior;
        flow_to(&self.expected_cells(&scores, target.shape.side), source.shape.side)
    }

    /// The flow that the consensus of `logits` comes to, both grids being of `side` cells a side.
    pub fn flow_of(&self, logits: &Logits, side: i64) -> Tensor {
        flow_to(&self.expected_cells(&logits.consensus.exp(), side), side)
    }

    /// L of the last round and the cosines less 1, both `[B, S, T]`: what training compares with the
    /// truth.
    pub fn logits(&self, source: &Features, target: &Features) -> Logits {
        let (agreement, similarity) = self.last_round(source, target);
        let agreed = (agreement + FLOOR).log() * self.config.agreement;
        Logits {
            consensus: agreed + &similarity * self.config.prior,
            cosine: similarity * self.config.temperature,
        }
    }

    /// The smoothed agreement of the last round, and the similarities U less their greatest value,
    /// both `[B, S, T]`.
    fn last_round(&self, source: &Features, target: &Features) -> (Tensor, Tensor) {
        let (sources, targets) = (source.shape.side, target.shape.side);
        // Cosines end at 1, so these exponentials cannot overflow; the constant factor cancels.
        let similarity = (cosines(source, target) - 1.0) / self.config.temperature; // [B, S, T]
        let prior = (&similarity * self.config.prior).exp();
        let mut scores = similarity.exp();
        let round = |scores: &Tensor| {
            let belief = mutual(scores).view([-1, sources, sources, targets, targets]);
            smooth(&self.agreement(&belief)).view_as(scores)
        };
        for _ in 1..self.config.iterations {
            // Gradients pass the last round alone: through all of them they cost five times as much,
            // and the first rounds only decide which matches the last one sees.
            let agreement = tch::no_grad(|| round(&scores));
            scores = (agreement + FLOOR).pow_(self.config.agreement) * &prior;
        }
        (round(&scores), similarity)
    }

    /// Q(s, t) = sum of K(d) P(s + d, t + d) over the disc, zeros beyond the rims.
    ///
    /// K is a product of a weight along x and one along y, and a row of the disc is never longer than the
    /// rows nearer to the centre. So the sums along x are taken once, growing from the centre, and rows of
    /// the right length are then summed along y.
    ///
    /// # Shapes
    /// `belief` and result `[B, source row, source column, target row, target column]`.
    fn agreement(&self, belief: &Tensor) -> Tensor {
        let [row_axes, column_axes] = [[1, 3], [2, 4]];
        let reach = self.config.radius_squared.isqrt();
        let weight =
            |d: i64| (-((d * d) as f64) / (2.0 * self.config.spread * self.config.spread)).exp();
        let mut rows = vec![belief.shallow_clone()]; // rows[w]: sum over |dx| <= w
        for dx in 1..=reach {
            rows.push(&rows[rows.len() - 1] + shifted(belief, column_axes, dx) * weight(dx));
        }
        let half_width = |dy: i64| (self.config.radius_squared - dy * dy).isqrt() as usize;
        let mut sum = rows[half_width(0)].copy();
        for dy in 1..=reach {
            sum += shifted(&rows[half_width(dy)], row_axes, dy) * weight(dy);
        }
        sum
    }

    /// `[B, S, T]` scores to the expected column and row `[B, S, 2]` in a window around the best target.
    fn expected_cells(&self, scores: &Tensor, side: i64) -> Tensor {
        let cells = cells(side, scores.device()); // [T, 2]
        let offsets = cells.unsqueeze(0) - cells.unsqueeze(1); // [T, T, 2]
        let squares = offsets.square().sum_dim_intlist([2].as_slice(), false, None);
        let windows = (squares / (-2.0 * self.config.window * self.config.window)).exp_();
        let best = scores.argmax(2, false).flatten(0, 1); // [B * S]
        let weights = windows.index_select(0, &best).view_as(scores) * scores; // [B, S, T]
        let total = weights.sum_dim_intlist([2].as_slice(), true, None) + TINY;
        weights.matmul(&cells) / total
    }
}

/// exp of the mean of both log-softmaxes, from `scores` = exp(logits): `[B, S, T]` to the same shape.
fn mutual(scores: &Tensor) -> Tensor {
    let scale = |axis: i64| (scores.sum_dim_intlist([axis].as_slice(), true, None) + TINY).rsqrt_();
    (scores * scale(2)) * scale(1)
}

/// 3x3 mean over the target grid, zeros beyond its rim.
fn smooth(map: &Tensor) -> Tensor {
    map.flatten(1, 2).avg_pool2d([3, 3], [1, 1], [1, 1], false, true, None)
}

/// The sum of `map` moved by `distance` cells along both `axes` at once, and moved back as far: zeros come
/// in at the rims. `[B, row, column, row, column]` to the same shape.
fn shifted(map: &Tensor, axes: [usize; 2], distance: i64) -> Tensor {
    let size = map.size();
    if axes.iter().any(|&axis| size[axis] <= distance) {
        return map.zeros_like();
    }
    let moved = |start: i64, before: i64| {
        let cut = axes.iter().fold(map.shallow_clone(), |xs, &axis| {
            xs.narrow(axis as i64, start, size[axis] - distance)
        });
        // Padding is listed from the last dimension on: what comes before and after.
        let mut padding = vec![0; 2 * (size.len() - axes[0])];
        for axis in axes {
            let place = 2 * (size.len() - 1 - axis);
            padding[place] = before;
            padding[place + 1] = distance - before;
        }
        cut.constant_pad_nd(padding)
    };
    moved(distance, 0) + moved(0, distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matcher::test_fields::{field, shifted_pair, stacked};

    fn flow(source: &Features, target: &Features) -> Tensor {
        Consensus::new(&ConsensusConfig::default()).flow(source, target)
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
            [stacked(&[&pairs[0].0, &pairs[1].0]), stacked(&[&pairs[0].1, &pairs[1].1])];
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
                ConsensusConfig {
                    radius_squared: 0,
                    agreement: 1.5,
                    prior: 0.8,
                    ..Default::default()
                },
                8,
            ),
        ] {
            let (source, target) = (field(seed, side), field(seed + 100, side));
            let flow = Consensus::new(&config).flow(&source, &target);
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
        let mut blank = field(9, 6);
        blank.tokens = blank.tokens.zeros_like();
        assert_eq!(flow(&blank, &field(10, 6)).isfinite().all().int64_value(&[]), 1);
        let sharp = ConsensusConfig { temperature: 0.001, ..Default::default() };
        let flow = Consensus::new(&sharp).flow(&field(11, 6), &field(12, 6));
        assert_eq!(flow.isfinite().all().int64_value(&[]), 1);
    }

    /// The formula of the module's head, word by word.
    mod plain {
        use super::*;

        pub fn flow(
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
                let belief = mutual(&current);
                let agreement = agreement(config, &belief, side);
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
            let rows: Vec<Vec<f64>> = Vec::try_from(features.tokens.get(0)).unwrap();
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

        fn agreement(config: &ConsensusConfig, belief: &[Vec<f64>], side: usize) -> Vec<Vec<f64>> {
            let mut sums = vec![vec![0.0; belief.len()]; belief.len()];
            for dy in -4_i64..=4 {
                for dx in -4_i64..=4 {
                    let square = dx * dx + dy * dy;
                    if square > config.radius_squared {
                        continue;
                    }
                    let weight = (-(square as f64) / (2.0 * config.spread.powi(2))).exp();
                    for (s, row) in sums.iter_mut().enumerate() {
                        for (t, sum) in row.iter_mut().enumerate() {
                            if let (Some(s), Some(t)) =
                                (moved(s, dx, dy, side), moved(t, dx, dy, side))
                            {
                                *sum += weight * belief[s][t];
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
}
