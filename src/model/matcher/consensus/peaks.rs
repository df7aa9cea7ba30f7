//! What the last round of agreement comes to: where the match of each source cell lies, and what speaks for it.

use tch::Tensor;

use crate::model::features::Features;
use crate::model::matcher::consensus::foreground::foregrounds;
use crate::model::matcher::cosine::{cells, flow_to};

/// Added to sums that are divided by; far below any sum that matters.
pub(super) const TINY: f64 = 1e-30;

/// Keeps the logarithm of no agreement finite.
const FLOOR: f64 = 1e-8;

/// Target cells at least as near to the best one as this part of the window's weight belong to the same peak.
const SAME_PEAK: f64 = 0.4;

/// A peak that stands out by more than this, as a logarithm, stands alone.
const CLEAR: f64 = 20.0;

/// Cells by which the way there and back may miss where a match is to be looked at closer.
const THERE_AND_BACK: f64 = 1.5;

/// What features change by even where nothing is shown.
const UNCHANGED: f64 = 0.03;

/// What a cell counts where nothing is shown.
const LITTLE: f64 = 0.001;

/// The part of a photo's cells that says how much of it has a counterpart.
const BEST_PART: f64 = 0.1;

/// What speaks for a match, in the order of [`Peaks::evidence`].
pub(crate) const EVIDENCE: [&str; 6] =
    ["support", "similarity", "distinctness", "round_trip", "roughness", "photo"];

/// The last round's maps, `[B, S, T]` each.
#[derive(Debug)]
pub(super) struct Round {
    /// E, whose best target cell is the match.
    pub scores: Tensor,
    /// Q, the smoothed agreement of the neighbours.
    pub agreement: Tensor,
    /// Cosines less 1.
    pub cosine: Tensor,
}

/// The matches of all source cells.
#[derive(Debug)]
pub(crate) struct Peaks {
    round: Round,
    sides: [i64; 2],
    /// The best target cell, `[B, S]`.
    best: Tensor,
    /// How near each target cell lies to the best one, `[B, S, T]`.
    near: Tensor,
    /// `[B, 2, G, G]`, in cells of the source grid.
    flow: Tensor,
}

impl Peaks {
    /// The matches that a round ends with; `sides` are those of the source's and the target's grid, `window` is
    /// the deviation of the weight by which cells are near the best one.
    pub(super) fn new(round: Round, sides: [i64; 2], window: f64) -> Self {
        let best = round.scores.argmax(2, false);
        let near = near(&best, sides[1], window).view_as(&round.scores);
        let flow = flow_near(&round.scores, &near, sides);
        Self { round, sides, best, near, flow }
    }

    /// The flow `[B, 2, G, G]` in cells of the source grid.
    pub(crate) fn into_flow(self) -> Tensor {
        self.flow
    }

    /// What speaks for each match, `[B, G, G, 6]` on the source grid, in the order of [`EVIDENCE`]:
    ///
    /// - support: the logarithm of how much its neighbours agree with it;
    /// - similarity: its cosine, less 1;
    /// - distinctness: by how much its score exceeds all others beyond its neighbourhood, as a logarithm;
    /// - round trip: the logarithm of 1 + the cells by which the target cell's own best source cell misses;
    /// - roughness: the logarithm of 1 + the cells by which the flow differs from that of its neighbours;
    /// - photo: the mean support of the photo's best supported tenth.
    pub(crate) fn evidence(&self) -> Tensor {
        let Round { scores, agreement, cosine } = &self.round;
        let [side, _] = self.sides;
        let at_best = |map: &Tensor| self.at_best(map);
        let support = (at_best(agreement) + FLOOR).log();
        let others = (scores * self.near.lt(SAME_PEAK)).amax([2].as_slice(), false);
        let distinctness = ((at_best(scores) + TINY) / (others + TINY)).log().clamp(0.0, CLEAR);
        let round_trip = self.miss().log1p();
        let best = (support.size()[1] as f64 * BEST_PART).ceil() as i64;
        let (best, _) = support.topk(best, 1, true, false);
        let photo = best.mean_dim([1].as_slice(), true, None).expand_as(&support);
        let parts =
            [support, at_best(cosine), distinctness, round_trip, roughness(&self.flow), photo];
        Tensor::stack(&parts, 2).view([-1, side, side, EVIDENCE.len() as i64])
    }

    /// How much each cell is worth a closer look, `[B, S]`: by the agreement of its match, if the way there and back
    /// agrees, and by what both cells show, where the features tell.
    pub(crate) fn focus(&self, source: &Features, target: &Features) -> Tensor {
        let agrees = self.miss().le(THERE_AND_BACK);
        let focus = self.at_best(&self.round.agreement) * agrees;
        let Some([source, target]) = foregrounds(source, target) else { return focus };
        let shown = |cells: &Tensor| (cells - UNCHANGED).clamp_min(LITTLE);
        focus * shown(&source) * shown(&target).gather(1, &self.best, false)
    }

    /// The cells by which the best source cell of each match misses its own, `[B, S]`.
    fn miss(&self) -> Tensor {
        let (scores, side) = (&self.round.scores, self.sides[0]);
        let cells = cells(side, scores.device()); // [S, 2]
        let home = scores.argmax(1, false).gather(1, &self.best, false); // [B, S]
        let miss = cells.index_select(0, &home.flatten(0, 1)).view([-1, side * side, 2]) - &cells;
        miss.norm_scalaropt_dim(2.0, [2], false)
    }

    /// What a map `[B, S, T]` holds of each match, `[B, S]`.
    fn at_best(&self, map: &Tensor) -> Tensor {
        map.gather(2, &self.best.unsqueeze(-1), false).squeeze_dim(2)
    }
}

/// The flow `[B, 2, G, G]` that `[B, S, T]` scores come to.
pub(super) fn flow(scores: &Tensor, sides: [i64; 2], window: f64) -> Tensor {
    flow_to(&expected(scores, sides[1], window), sides[0])
}

/// The expected target cell of each source cell, column and row, `[B, S, 2]`.
pub(super) fn expected(scores: &Tensor, side: i64, window: f64) -> Tensor {
    let near = near(&scores.argmax(2, false), side, window).view_as(scores);
    expected_near(scores, &near, side)
}

/// Takes each source cell to its expected target cell, near the best one.
fn flow_near(scores: &Tensor, near: &Tensor, [sources, targets]: [i64; 2]) -> Tensor {
    flow_to(&expected_near(scores, near, targets), sources)
}

fn expected_near(scores: &Tensor, near: &Tensor, side: i64) -> Tensor {
    let weights = near * scores;
    let total = weights.sum_dim_intlist([2].as_slice(), true, None) + TINY;
    weights.matmul(&cells(side, scores.device())) / total
}

/// How near each cell of a grid lies to one of its cells, 1 for that itself: `[B, S]` to `[B * S, T]`.
fn near(best: &Tensor, side: i64, window: f64) -> Tensor {
    let cells = cells(side, best.device()); // [T, 2]
    let offsets = cells.unsqueeze(0) - cells.unsqueeze(1); // [T, T, 2]
    let squares = offsets.square().sum_dim_intlist([2].as_slice(), false, None);
    let windows = (squares / (-2.0 * window * window)).exp_();
    windows.index_select(0, &best.flatten(0, 1))
}

/// How far the flow is from the mean of its neighbours', as a logarithm: `[B, 2, G, G]` to `[B, S]`.
fn roughness(flow: &Tensor) -> Tensor {
    let mean = flow.replication_pad2d([1, 1, 1, 1]).avg_pool2d(
        [3, 3],
        [1, 1],
        [0, 0],
        false,
        true,
        None::<i64>,
    );
    (flow - mean).norm_scalaropt_dim(2.0, [1], false).log1p().flatten(1, 2)
}
