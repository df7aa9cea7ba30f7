//! Masking of foreground tokens for the self-contrastive loss (training only; upstream
//! `token_replace`).

use tch::{Kind, Tensor};

use crate::nn::shape::dims;

/// Keeps the length of a zero vector away from zero.
const LENGTH_FLOOR: f64 = 1e-6;

/// A quarter of the patches, those that look most like foreground, are candidates for masking.
pub(crate) const fn candidates(patches: i64) -> i64 {
    patches / 4
}

/// A quarter of the candidates is masked.
pub(crate) const fn masked(patches: i64) -> i64 {
    candidates(patches) / 4
}

/// Source tokens of which some are replaced.
#[derive(Debug)]
pub(crate) struct Masked {
    /// `[B, N, D]`.
    pub source: Tensor,
    /// Token indices of the replaced patches (class token = 0), `[B, M]`.
    pub tokens: Tensor,
}

/// Replaces chosen candidates of the source by the sum of both photos' class tokens.
///
/// Candidates are ranked by the cosines of a source patch with both class tokens. `ranks` `[B, M]`
/// says which ranks (0 the highest) to replace in each sample.
///
/// Parity: the replacement is a constant, no gradient flows through it into the class tokens.
pub(crate) fn mask_foreground_tokens(source: &Tensor, target: &Tensor, ranks: &Tensor) -> Masked {
    let [_, tokens, dim] = dims(source);
    let patches = source.narrow(1, 1, tokens - 1).detach();
    let classes = Tensor::cat(&[source.narrow(1, 0, 1), target.narrow(1, 0, 1)], 1).detach(); // [B, 2, D]
    let cosines = unit(&patches).matmul(&unit(&classes).transpose(1, 2)); // [B, N - 1, 2]
    let heat = cosines.sum_dim_intlist([2i64].as_slice(), false, None::<Kind>); // [B, N - 1]
    let (_, ranked) = heat.topk(candidates(tokens - 1), 1, true, true);
    let chosen = ranked.gather(1, ranks, false) + 1; // [B, M]
    let places = chosen.unsqueeze(2).expand([-1, -1, dim], false); // [B, M, D]
    let replacement = classes.sum_dim_intlist([1i64].as_slice(), true, None::<Kind>); // [B, 1, D]
    let source = source.scatter(1, &places, &replacement.expand_as(&places));
    Masked { source, tokens: chosen }
}

/// Vectors of length one. Parity: upstream adds to the sum of squares here, where [`crate::nn::unit_length`]
/// clamps the length.
fn unit(xs: &Tensor) -> Tensor {
    let squares = xs.square().sum_dim_intlist([-1i64].as_slice(), true, None::<Kind>);
    xs / (squares + LENGTH_FLOOR).sqrt()
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn the_hottest_patches_are_replaced_by_the_sum_of_the_class_tokens() {
        // Sixteen patches pointing away from the class tokens, but for patches 3 and 9.
        let source = Tensor::full([1, 17, 2], -1.0, (Kind::Float, Device::Cpu));
        let target = source.shallow_clone().copy();
        for (token, values) in [(0, [1.0f32, 0.0]), (4, [2.0, 0.0]), (10, [1.0, 0.5])] {
            source.select(0, 0).select(0, token).copy_(&Tensor::from_slice(&values));
        }
        target.select(0, 0).select(0, 0).copy_(&Tensor::from_slice(&[3.0f32, 0.0]));
        let masked = mask_foreground_tokens(&source, &target, &Tensor::from_slice2(&[[1i64]]));
        assert_eq!(masked.tokens.int64_value(&[0, 0]), 10, "patch 9 has rank 1");
        assert_eq!(
            Vec::<f32>::try_from(masked.source.select(0, 0).select(0, 10)).unwrap(),
            [4.0, 0.0]
        );
        assert_eq!(
            Vec::<f32>::try_from(masked.source.select(0, 0).select(0, 4)).unwrap(),
            [2.0, 0.0]
        );
    }

    #[test]
    fn neither_replaced_tokens_nor_their_replacement_pass_a_gradient_on() {
        let tokens = || Tensor::randn([1, 17, 2], (Kind::Float, Device::Cpu));
        let (source, target) = (tokens().set_requires_grad(true), tokens().set_requires_grad(true));
        let masked = mask_foreground_tokens(&source, &target, &Tensor::from_slice2(&[[2i64]]));
        masked.source.sum(Kind::Float).backward();
        assert!(!target.grad().defined());
        let replaced = masked.tokens.int64_value(&[0, 0]);
        let wanted = source.ones_like();
        let _ = wanted.select(1, replaced).fill_(0.0);
        assert_eq!(source.grad(), wanted);
    }
}
