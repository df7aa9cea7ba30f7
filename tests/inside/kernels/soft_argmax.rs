//! Expected positions.

use tch::{Device, Kind, Tensor, no_grad_guard};

use super::shim::Shim;
use super::{KINDS, error};
use crate::nn::native::kernels::soft_argmax::{launch, positions_of};
use crate::nn::native::kernels::source::SOFT_ARGMAX;
use crate::nn::ops::Operation;
use crate::nn::ops::soft_argmax::ExpectedPositions;

#[test]
fn expected_positions_are_those_of_a_softmax_and_a_product() {
    let shim = Shim::new(SOFT_ARGMAX);
    let _guard = no_grad_guard();
    for (kind, _) in KINDS {
        for [batch, rows, columns] in [[1, 1, 1], [2, 3, 5], [1, 16, 17]] {
            let options = (Kind::Float, Device::Cpu);
            let scores = Tensor::randn([batch, 7, rows * columns], options).to_kind(kind);
            let [x, y] = [columns, rows].map(|side| Tensor::randn([side], options));
            let found = positions_of(&scores);
            shim.run(&launch(&scores, [&x, &y], &found, 0.02).unwrap());
            let scores = scores.to_kind(Kind::Double);
            let [x, y] = [x, y].map(|xs| xs.to_kind(Kind::Double));
            let wanted =
                ExpectedPositions { scores: &scores, x: &x, y: &y, temperature: 0.02 }.composite();
            let error = error(&found, &wanted);
            // Sums are in float32 whatever the scores are in.
            assert!(error < 5e-6, "{kind:?} {rows} x {columns}: {error}");
        }
    }
}
