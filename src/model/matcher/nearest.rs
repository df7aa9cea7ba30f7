//! Every source position takes the target position with the most similar features.

use tch::Tensor;

use super::cosine::{cells, cosines, flow_to};
use crate::model::backbone::Features;

/// The flow `[B, 2, G, G]` in cells of the source grid.
pub fn flow(source: &Features, target: &Features) -> Tensor {
    let best = cosines(source, target).argmax(2, false); // [B, S]
    let matches = cells(target.shape.side, best.device())
        .index_select(0, &best.flatten(0, 1))
        .view([best.size()[0], -1, 2]); // [B, S, 2]
    flow_to(&matches, source.shape.side)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matcher::test_fields::{field, shifted_pair, stacked};

    #[test]
    fn a_photo_matches_itself_without_flow() {
        let features = field(1, 9);
        let flow = flow(&features, &features);
        assert_eq!(flow.size(), [1, 2, 9, 9]);
        assert_eq!(flow.abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn a_shift_is_exact_wherever_the_match_exists_and_pairs_of_a_batch_stay_apart() {
        let (source, target) = shifted_pair(2, 9, [2, 1]);
        let pair = (field(3, 9), field(4, 9));
        let together = flow(&stacked(&[&pair.0, &source]), &stacked(&[&pair.1, &target]));
        let inside = together.get(1).narrow(1, 0, 8).narrow(2, 0, 7);
        assert_eq!((inside.get(0) - 2.0).abs().max().double_value(&[]), 0.0);
        assert_eq!((inside.get(1) - 1.0).abs().max().double_value(&[]), 0.0);
        assert_eq!(together.get(0), flow(&pair.0, &pair.1).get(0));
    }

    #[test]
    fn class_tokens_and_lengths_of_vectors_do_not_matter() {
        let (source, target) = shifted_pair(5, 9, [1, 1]);
        let mut with_class = field(5, 9);
        let class = source.tokens.narrow(1, 40, 1) * 9.0;
        with_class.tokens = tch::Tensor::cat(&[class, &source.tokens * 3.0], 1);
        with_class.shape.class_token = true;
        assert_eq!(flow(&with_class, &target), flow(&source, &target));
    }
}
