//! Agreement of neighbouring matches, round by round.

use tch::{Device, Tensor};

use crate::nn::native::kernels;
pub(crate) use crate::nn::native::kernels::agreement::Rounds;
use crate::nn::ops::Operation;
use crate::nn::ops::neighbours::{Disc, NeighbourSum};

/// In each round scores E become probabilities by a mutual softmax, E / sqrt(row sum * column sum); neighbours'
/// probabilities are summed over a disc and averaged over 3x3 target cells: the agreement A. The first round's scores
/// are exp(U), later ones (A + floor)^power * exp(prior * U).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreement<'a> {
    /// U, at most 0: `[B, S, T]`.
    pub similarities: &'a Tensor,
    /// Cells a side of the source's grid and of the target's, which are square.
    pub sides: [i64; 2],
    /// Which neighbours.
    pub disc: &'a Disc,
    /// How often, and with which constants.
    pub rounds: Rounds,
}

impl Operation for Agreement<'_> {
    /// A of the last round, `[B, S, T]`. Gradients pass that round alone: through all of them they cost five times as
    /// much, and the first rounds only decide which matches the last one sees.
    type Output = Tensor;

    fn device(&self) -> Device {
        self.similarities.device()
    }

    fn composite(&self) -> Tensor {
        let Self { similarities, rounds, .. } = self;
        let prior = (*similarities * rounds.prior).exp();
        let mut scores = similarities.exp();
        for _ in 1..rounds.count {
            let agreement = tch::no_grad(|| self.round(&scores));
            scores = (agreement + rounds.floor).pow_(rounds.power) * &prior;
        }
        self.round(&scores)
    }

    fn cuda(&self) -> Option<Tensor> {
        let disc = (self.disc.weights.as_slice(), self.disc.half_widths.as_slice());
        kernels::agreement::agreement(self.similarities, self.sides, disc, self.rounds)
    }
}

impl Agreement<'_> {
    fn round(&self, scores: &Tensor) -> Tensor {
        let [sources, targets] = self.sides;
        let probabilities = mutual(scores, self.rounds.tiny);
        let probabilities = probabilities.view([-1, sources, sources, targets, targets]);
        let sum = NeighbourSum { disc: self.disc, probabilities: &probabilities }.run();
        smooth(&sum).view_as(scores)
    }
}

/// exp of the mean of both log-softmaxes, from `scores` = exp(logits): `[B, S, T]` to the same shape.
fn mutual(scores: &Tensor, tiny: f64) -> Tensor {
    let scale = |axis: i64| (scores.sum_dim_intlist([axis].as_slice(), true, None) + tiny).rsqrt_();
    (scores * scale(2)) * scale(1)
}

/// 3x3 mean over the target grid, zeros beyond its rim: `[B, source row, source column, target row, target
/// column]` to the same shape.
fn smooth(map: &Tensor) -> Tensor {
    // Two matrix products: pooling takes ten times as long on the CPU.
    let thirds = |side: i64| {
        let ones = Tensor::ones([side, side], (map.kind(), map.device()));
        (ones.tril(1) - ones.tril(-2)) / 3.0
    };
    let [.., rows, columns] = map.size()[..] else { unreachable!("a map of five axes") };
    let along_x = map.reshape([-1, columns]).matmul(&thirds(columns)).view([-1, rows, columns]);
    thirds(rows).matmul(&along_x)
}
