//! The self-contrastive loss of masked tokens.

use tch::{Kind, Reduction, Tensor};

use crate::nn::shape::dims;
use crate::nn::unit_length::unit_length;

/// Divides the similarities; InfoNCE's usual value, which the reference uses.
const TEMPERATURE: f64 = 0.1;

/// Contrastive loss (InfoNCE) of the masked source tokens: each is to resemble the mean of its neighbours on
/// the grid more than it resembles the other masked tokens. No gradient flows through that mean.
///
/// # Shapes
/// `tokens` `[B, 1 + G * G, D]`, class token first; `masked` `[B, M]`, positions among these tokens;
/// result one value, the sum over masked tokens and samples.
pub(crate) fn contrastive_loss(tokens: &Tensor, masked: &Tensor) -> Tensor {
    let [_, _, dim] = dims(tokens);
    let [batch, count] = dims(masked);
    let index = masked.unsqueeze(-1).expand([batch, count, dim], false); // [B, M, D]
    let queries = unit_length(&tokens.gather(1, &index, false));
    let positives = unit_length(&neighbour_means(&tokens.detach()).gather(1, &(index - 1), false));

    let positive = (&queries * positives).sum_dim_intlist(&[-1][..], true, Kind::Float); // [B, M, 1]
    let itself = Tensor::eye(count, (Kind::Bool, tokens.device()));
    let negatives =
        queries.matmul(&queries.transpose(1, 2)).masked_fill(&itself, f64::NEG_INFINITY); // [B, M, M]
    let logits = Tensor::cat(&[positive, negatives], -1) / TEMPERATURE; // [B, M, 1 + M]
    let first = Tensor::zeros([batch * count], (Kind::Int64, tokens.device()));
    logits.flatten(0, 1).cross_entropy_loss::<Tensor>(&first, None, Reduction::Sum, -100, 0.0)
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

    /// The loss by the definition, one masked token at a time.
    fn loss_by_hand(tokens: &[Vec<f64>], side: usize, masked: &[usize]) -> f64 {
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
        total
    }

    #[test]
    fn the_loss_follows_its_definition_at_corners_edges_and_inside() {
        tch::manual_seed(5);
        let side = 4;
        let tokens = Tensor::randn([2, 17, 6], (Kind::Float, Device::Cpu));
        let masked = [[1_i64, 2, 6, 16], [11, 4, 8, 7]];
        let mut wanted = 0.0;
        for (sample, masked) in masked.iter().enumerate() {
            let rows = Vec::<Vec<f64>>::try_from(&tokens.get(sample as i64).to_kind(Kind::Double));
            let masked = masked.map(|position| position as usize);
            wanted += loss_by_hand(&rows.unwrap(), side, &masked);
        }
        let masked = Tensor::from_slice2(&masked);
        let found = contrastive_loss(&tokens, &masked).double_value(&[]);
        assert!((found - wanted).abs() < 1e-5 * wanted, "{found} is not {wanted}");
    }

    #[test]
    fn only_masked_tokens_get_a_gradient_from_the_loss() {
        tch::manual_seed(6);
        let tokens = Tensor::randn([1, 10, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        contrastive_loss(&tokens, &Tensor::from_slice2(&[[5_i64, 9]])).backward();
        let sizes = tokens.grad().abs().sum_dim_intlist(&[0, 2][..], false, Kind::Float);
        let touched: Vec<bool> =
            Vec::<f32>::try_from(sizes).unwrap().iter().map(|&s| s > 0.0).collect();
        assert_eq!(touched, (0..10).map(|token| token == 5 || token == 9).collect::<Vec<_>>());
    }
}
