//! Sums over neighbouring matches, and the rounds of agreement.

use tch::{Device, Kind, Tensor, no_grad_guard};

use super::shim::Shim;
use super::{KINDS, error};
use crate::nn::native::kernels::agreement::{Buffers, Rounds, launches};
use crate::nn::native::kernels::disc::KernelDisc;
use crate::nn::native::kernels::neighbours::launch;
use crate::nn::native::kernels::source::{MUTUAL_SOFTMAX, NEIGHBOURS};
use crate::nn::ops::Operation;
use crate::nn::ops::agreement::Agreement;
use crate::nn::ops::neighbours::{Disc, NeighbourSum};

fn for_kernel(disc: &Disc) -> KernelDisc {
    KernelDisc::new(&disc.weights, &disc.half_widths).unwrap()
}

#[test]
fn neighbours_are_summed_over_every_disc() {
    let shim = Shim::new(NEIGHBOURS);
    let _guard = no_grad_guard();
    for (kind, rounding) in KINDS {
        for (shape, radius_squared, sigma) in [
            ([1, 1, 1, 1, 1], 0, 1.0),
            ([2, 5, 3, 4, 6], 10, 1.5),
            ([1, 7, 8, 6, 35], 22, 2.0),
            ([1, 3, 4, 3, 4], 256, 9.0),
        ] {
            let disc = Disc::gaussian(radius_squared, sigma);
            let probabilities = Tensor::rand(shape, (Kind::Float, Device::Cpu)).to_kind(kind);
            let out = probabilities.empty_like();
            shim.run(&launch(&probabilities, &out, &for_kernel(&disc)).unwrap());
            let probabilities = probabilities.to_kind(Kind::Double);
            let wanted = NeighbourSum { disc: &disc, probabilities: &probabilities }.composite();
            let error = error(&out, &wanted);
            assert!(error < rounding, "{kind:?} {shape:?} {radius_squared}: {error}");
        }
    }
}

#[test]
fn rounds_of_agreement_are_those_of_libtorchs_operations() {
    let [softmax, neighbours] = [MUTUAL_SOFTMAX, NEIGHBOURS].map(Shim::new);
    let _guard = no_grad_guard();
    let disc = Disc::gaussian(10, 1.5);
    for (kind, rounding) in KINDS {
        for (count, sides) in [(1, [2, 3]), (3, [5, 4])] {
            let [sources, targets] = sides;
            let shape = [2, sources * sources, targets * targets];
            let cosines = Tensor::rand(shape, (Kind::Float, Device::Cpu)) * 0.6 + 0.3;
            let similarities = ((cosines - 1.0) / 0.05).to_kind(kind);
            let rounds = Rounds { count, power: 2.0, prior: 0.4, floor: 1e-8, tiny: 1e-30 };
            let (buffers, kernel_disc) = (Buffers::new(&similarities, sides), for_kernel(&disc));
            for launch in launches(&similarities, &buffers, &kernel_disc, rounds).unwrap() {
                let shim = if launch.source == NEIGHBOURS { &neighbours } else { &softmax };
                shim.run(&launch);
            }
            let similarities = similarities.to_kind(Kind::Double);
            let wanted =
                Agreement { similarities: &similarities, sides, disc: &disc, rounds }.composite();
            let error = error(&buffers.agreement, &wanted);
            // Each round rounds twice, and the next one squares that.
            let allowed = rounding.max(1e-5) * 2.0 * 3.0_f64.powi(count as i32);
            assert!(error < allowed, "{kind:?} {count} rounds: {error}");
        }
    }
}

#[test]
fn discs_that_the_kernel_does_not_take_are_left_to_libtorch() {
    let far = Disc::gaussian(17 * 17, 9.0);
    assert!(KernelDisc::new(&far.weights, &far.half_widths).is_none(), "it reaches too far");
    assert!(KernelDisc::new(&[1.0, 0.5], &[0, 1]).is_none(), "outer rows are longer");
    assert!(KernelDisc::new(&[1.0], &[1]).is_none(), "a weight is missing");
    assert!(KernelDisc::new(&[], &[]).is_none());
}
