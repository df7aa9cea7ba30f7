//! What training minimises: the end-point error of the flow, and a contrast between masked tokens.

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use crate::nn::shape::dims;
use crate::nn::unit_length::unit_length;

/// Divides the similarities of [`contrast`]; InfoNCE's usual value, which the reference uses.
const CONTRAST_TEMPERATURE: f64 = 0.1;

/// Epochs after which the guided rate stays at its end value.
const GUIDANCE_EPOCHS: u64 = 10;

/// How much the contrast weighs; the defaults are the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// The contrast's weight in the first epochs; 0 leaves the contrast and the masking out.
    pub contrastive_weight: f64,
    /// Whether that weight falls as 1 over the epoch ("gradual guidance").
    pub gradual_guidance: bool,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self { contrastive_weight: 0.2, gradual_guidance: true }
    }
}

impl LossConfig {
    /// The contrast's weight in an epoch, counted from 0: with gradual guidance `rate / epoch` up to
    /// epoch 10 and a tenth of `rate` after it.
    pub fn contrastive_weight(&self, epoch: u64) -> f64 {
        if self.gradual_guidance {
            self.contrastive_weight / epoch.clamp(1, GUIDANCE_EPOCHS) as f64
        } else {
            self.contrastive_weight
        }
    }
}

/// The cells of a sparse target flow that say something: where it is not exactly (0, 0).
///
/// # Shapes
/// `target` `[B, 2, H, W]`; result `[B, H, W]`, of kind Bool.
pub fn known_cells(target: &Tensor) -> Tensor {
    target.not_equal(0.0).any_dim(1, false) // [B, H, W]
}

/// End-point error: the mean Euclidean distance between two flows over the valid cells of the whole
/// batch; 0 where no cell is valid, so that such a batch teaches nothing.
///
/// # Shapes
/// `predicted`, `target` `[B, 2, H, W]`; `valid` `[B, H, W]`, of kind Bool; result one value.
pub fn end_point_error(predicted: &Tensor, target: &Tensor, valid: &Tensor) -> Tensor {
    let distance = (target - predicted).norm_scalaropt_dim(2.0, [1], false); // [B, H, W]
    let distance = distance.where_scalarother(valid, 0.0);
    distance.sum(Kind::Float) / valid.sum(Kind::Float).clamp_min(1.0)
}

/// Contrast (InfoNCE) of the masked source tokens: each is to resemble the mean of its neighbours on
/// the grid more than it resembles the other masked tokens. No gradient flows through that mean.
///
/// # Shapes
/// `tokens` `[B, 1 + G * G, D]`, class token first; `masked` `[B, M]`, positions among these tokens;
/// result one value, the mean over masked tokens and samples.
pub fn contrast(tokens: &Tensor, masked: &Tensor) -> Tensor {
    let [_, _, dim] = dims(tokens);
    let [batch, count] = dims(masked);
    let index = masked.unsqueeze(-1).expand([batch, count, dim], false); // [B, M, D]
    let queries = unit_length(&tokens.gather(1, &index, false));
    let positives = unit_length(&neighbour_means(&tokens.detach()).gather(1, &(index - 1), false));

    let positive = (&queries * positives).sum_dim_intlist(&[-1][..], true, Kind::Float); // [B, M, 1]
    let itself = Tensor::eye(count, (Kind::Bool, tokens.device()));
    let negatives =
        queries.matmul(&queries.transpose(1, 2)).masked_fill(&itself, f64::NEG_INFINITY); // [B, M, M]
    let logits = Tensor::cat(&[positive, negatives], -1) / CONTRAST_TEMPERATURE; // [B, M, 1 + M]
    let first = Tensor::zeros([batch * count], (Kind::Int64, tokens.device()));
    logits.flatten(0, 1).cross_entropy_loss::<Tensor>(&first, None, Reduction::Mean, -100, 0.0)
}

/// The mean of each patch token's up to eight neighbours, `[B, G * G, D]`.
fn neighbour_means(tokens: &Tensor) -> Tensor {
    let [batch, count, dim] = dims(tokens);
    let side = ((count - 1) as f64).sqrt() as i64;
    let map = tokens.narrow(1, 1, count - 1).transpose(1, 2).reshape([batch, dim, side, side]); // [B, D, G, G]
    let around = |map: &Tensor| map.avg_pool2d([3, 3], [1, 1], [1, 1], false, true, 1) - map;
    let neighbours = around(&map.ones_like().narrow(1, 0, 1));
    (around(&map) / neighbours).flatten(2, 3).transpose(1, 2) // [B, G * G, D]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn flow(values: &[f32], shape: [i64; 4]) -> Tensor {
        Tensor::from_slice(values).view(shape)
    }

    #[test]
    fn end_point_error_is_the_mean_distance_over_known_cells() {
        let target = flow(&[3.0, 0.0, 0.0, 4.0, 0.0, 2.0], [1, 2, 1, 3]);
        let predicted = flow(&[0.0, 50.0, 0.0, 0.0, 70.0, 0.0], [1, 2, 1, 3]);
        let valid = known_cells(&target);
        assert_eq!(Vec::<bool>::try_from(valid.flatten(0, -1)).unwrap(), [true, false, true]);
        let error = end_point_error(&predicted, &target, &valid).double_value(&[]);
        assert_eq!(error, (5.0 + 2.0) / 2.0);
    }

    #[test]
    fn a_perfect_cell_and_a_batch_without_known_cells_have_finite_gradients() {
        let target = flow(&[1.0, 0.0, 1.0, 0.0], [1, 2, 1, 2]);
        for valid in [known_cells(&target), known_cells(&target.zeros_like())] {
            let predicted = target.copy().set_requires_grad(true);
            let error = end_point_error(&predicted, &target, &valid);
            error.backward();
            assert_eq!(error.double_value(&[]), 0.0);
            assert_eq!(predicted.grad().abs().sum(Kind::Float).double_value(&[]), 0.0);
        }
    }

    #[test]
    fn unknown_cells_do_not_reach_the_gradient_even_when_they_overflow() {
        let target = flow(&[1.0, 0.0, 1.0, 0.0], [1, 2, 1, 2]);
        let predicted = flow(&[1.0, 3e38, 4.0, 3e38], [1, 2, 1, 2]).set_requires_grad(true);
        let error = end_point_error(&predicted, &target, &known_cells(&target));
        error.backward();
        assert_eq!(error.double_value(&[]), 3.0);
        assert!(predicted.grad().isfinite().all().int64_value(&[]) == 1);
    }

    /// The loss by the definition, one masked token at a time.
    fn contrast_by_hand(tokens: &[Vec<f64>], side: usize, masked: &[usize]) -> f64 {
        let unit = |token: &[f64]| -> Vec<f64> {
            let length = token.iter().map(|value| value * value).sum::<f64>().sqrt();
            token.iter().map(|value| value / length).collect()
        };
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut total = 0.0;
        for &position in masked {
            let (row, column) = ((position - 1) / side, (position - 1) % side);
            let mut mean = vec![0.0; tokens[0].len()];
            for r in row.saturating_sub(1)..=(row + 1).min(side - 1) {
                for c in column.saturating_sub(1)..=(column + 1).min(side - 1) {
                    if (r, c) != (row, column) {
                        let token = &tokens[1 + r * side + c];
                        mean.iter_mut().zip(token).for_each(|(sum, value)| *sum += value);
                    }
                }
            }
            let query = unit(&tokens[position]);
            let positive = (dot(&query, &unit(&mean)) / 0.1).exp();
            let negatives: f64 = masked
                .iter()
                .filter(|&&other| other != position)
                .map(|&other| (dot(&query, &unit(&tokens[other])) / 0.1).exp())
                .sum();
            total -= (positive / (positive + negatives)).ln();
        }
        total / masked.len() as f64
    }

    #[test]
    fn contrast_follows_its_definition_at_corners_edges_and_inside() {
        tch::manual_seed(5);
        let side = 4;
        let tokens = Tensor::randn([2, 17, 6], (Kind::Float, Device::Cpu));
        let masked = [[1_i64, 2, 6, 16], [11, 4, 8, 7]];
        let mut wanted = 0.0;
        for (sample, masked) in masked.iter().enumerate() {
            let rows = Vec::<Vec<f64>>::try_from(&tokens.get(sample as i64).to_kind(Kind::Double));
            let masked = masked.map(|position| position as usize);
            wanted += contrast_by_hand(&rows.unwrap(), side, &masked) / 2.0;
        }
        let masked = Tensor::from_slice2(&masked);
        let found = contrast(&tokens, &masked).double_value(&[]);
        assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
    }

    #[test]
    fn only_masked_tokens_get_a_gradient_from_the_contrast() {
        tch::manual_seed(6);
        let tokens = Tensor::randn([1, 10, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        contrast(&tokens, &Tensor::from_slice2(&[[5_i64, 9]])).backward();
        let sizes = tokens.grad().abs().sum_dim_intlist(&[0, 2][..], false, Kind::Float);
        let touched: Vec<bool> =
            Vec::<f32>::try_from(sizes).unwrap().iter().map(|&s| s > 0.0).collect();
        assert_eq!(touched, (0..10).map(|token| token == 5 || token == 9).collect::<Vec<_>>());
    }

    #[test]
    fn gradual_guidance_falls_to_a_tenth_and_stays() {
        let loss = LossConfig::default();
        let rates = [0, 1, 2, 5, 10, 11, 300].map(|epoch| loss.contrastive_weight(epoch));
        for (rate, wanted) in rates.into_iter().zip([0.2, 0.2, 0.1, 0.04, 0.02, 0.02, 0.02]) {
            assert!((rate - wanted).abs() < 1e-15);
        }
        let steady = LossConfig { gradual_guidance: false, ..loss };
        assert_eq!(steady.contrastive_weight(300), 0.2);
    }
}
