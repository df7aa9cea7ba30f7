//! A mirrored photo as a guide: where an animal faces the other way, its mirror image matches better, and leads to the
//! right END of the animal; which of left and right it is, the photo as it is then decides.
//!
//! With f the foreground of each cell (see [`foreground`](super::foreground)) and Q the agreement, a pair matches as well as
//! e = sum over s of f(s) f(t(s)) max over t of Q(s, t) / sum over s of f(s) f(t(s)), where t(s) is the best target.
//! If e is greater for the mirrored target, and both photos show something, the matches of the mirrored target
//! guide another pass over the target as it is. (To take the mirrored matches themselves exchanges left and right.)

use tch::Tensor;

use crate::model::matcher::consensus::config::ConsensusConfig;
use crate::model::matcher::consensus::guide::Guide;
use crate::model::matcher::consensus::peaks::{Round, TINY, expected};

/// The part of a photo's cells that must be foreground.
const MOST_CHANGED: f64 = 0.1;

/// The target's grid of a map `[B, S, T]` from right to left.
pub(super) fn mirrored(map: &Tensor, side: i64) -> Tensor {
    map.unflatten(2, [side, side]).flip([3]).flatten(2, 3)
}

/// Whether the mirrored target is the better match of each pair, and both photos show something: `[B]`, of the
/// foregrounds `[B, S]` and `[B, T]` and the agreement `[B, S, T]` with the target as it is and mirrored.
pub(super) fn is_better(
    [plain, mirror]: [&Tensor; 2],
    [source, target]: &[Tensor; 2],
    side: i64,
    config: &ConsensusConfig,
) -> Tensor {
    let mirrored_target = mirrored(&target.unsqueeze(1), side).squeeze_dim(1);
    let better =
        strength(mirror, [source, &mirrored_target]).gt_tensor(&strength(plain, [source, target]));
    let [source, target] =
        [source, target].map(|foreground| shows(foreground, config.mirror.foreground));
    better.logical_and(&source).logical_and(&target)
}

/// Where the matches of the mirrored target lead in the target as it is, whose grid has `side` rows.
pub(super) fn guide(mirror: &Round, side: i64, config: &ConsensusConfig) -> Guide {
    let matches = expected(&mirror.scores, side, config.window); // [B, S, 2]
    let columns = (side - 1) as f64 - matches.select(2, 0);
    Guide {
        matches: Tensor::stack(&[columns, matches.select(2, 1)], 2),
        sigma: config.mirror.sigma,
        iterations: config.iterations,
        radius_squared: config.mirror.radius_squared,
    }
}

/// e: `[B, S, T]`, with `[B, S]` and `[B, T]`, to `[B]`.
fn strength(agreement: &Tensor, [source, target]: [&Tensor; 2]) -> Tensor {
    let (best, at) = agreement.max_dim(2, false); // [B, S]
    let weights = source * target.gather(1, &at, false);
    let sum = |values: &Tensor| values.sum_dim_intlist([1].as_slice(), false, None);
    sum(&(best * &weights)) / (sum(&weights) + TINY)
}

/// Whether the most changed cells of photos are changed by more than this: `[B, N]` to `[B]`.
fn shows(foreground: &Tensor, least: f64) -> Tensor {
    let most = (foreground.size()[1] as f64 * MOST_CHANGED).ceil() as i64;
    let (most, _) = foreground.topk(most, 1, true, true);
    most.select(1, -1).gt(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn the_better_match_is_asked_for_where_both_photos_show_something() {
        let options = (Kind::Float, Device::Cpu);
        let config = ConsensusConfig::default();
        // Two pairs of 2 x 2 cells; the mirrored target agrees more in the first alone.
        let plain = Tensor::full([2, 4, 4], 0.5, options);
        let mirror = &plain + Tensor::from_slice(&[0.1f32, -0.1]).view([2, 1, 1]);
        let shown = Tensor::full([2, 4], 0.2, options);
        let ground = Tensor::full([2, 4], 0.05, options);
        let better = |source: &Tensor, target: &Tensor| {
            let foregrounds = [source, target].map(Tensor::shallow_clone);
            Vec::<bool>::try_from(is_better([&plain, &mirror], &foregrounds, 2, &config)).unwrap()
        };
        assert_eq!(better(&shown, &shown), [true, false]);
        assert_eq!(better(&shown, &ground), [false, false]);
        assert_eq!(better(&ground, &shown), [false, false]);
    }

    #[test]
    fn mirrored_twice_is_as_it_was() {
        let map = Tensor::arange(2 * 9 * 9, (Kind::Float, Device::Cpu)).view([2, 9, 9]);
        let once = mirrored(&map, 3);
        assert_eq!(mirrored(&once, 3), map);
        assert_eq!(once.double_value(&[1, 4, 3]), map.double_value(&[1, 4, 5]));
    }
}
