//! Activation checkpointing: a network in segments, of which only the ends are kept until the backward
//! pass computes each anew (Chen et al., "Training Deep Nets with Sublinear Memory Cost").

use std::array;
use std::cell::{Cell, RefCell};

use tch::{Device, Kind, Tensor};

use crate::nn::runtime::autocast::autocast;
use crate::nn::runtime::dropout;

type Compute<'a> = Box<dyn Fn(&[Tensor]) -> Vec<Tensor> + 'a>;

/// How a forward pass goes through a network's segments.
///
/// With [`Recompute::recomputed`], results of a segment are where the graph of gradients begins anew, so the
/// loss must go backward by [`Recompute::backward`]. Tensors that more than one segment, or a segment and
/// the loss, make use of must come out of a segment themselves ([`Recompute::cut`]).
#[derive(Default)]
pub(crate) struct Recompute<'a> {
    /// What the samples draw their dropout from.
    seeds: Vec<i64>,
    /// Segments so far.
    segments: Cell<i64>,
    recorded: Option<RefCell<Vec<Segment<'a>>>>,
    /// Where products are in 16 bits.
    mixed: Option<Device>,
}

struct Segment<'a> {
    compute: Compute<'a>,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    number: i64,
}

impl<'a> Recompute<'a> {
    /// For forward passes without dropout: segments make no difference.
    pub(crate) fn plain() -> Self {
        Self::default()
    }

    /// For training: every sample draws its dropout from a seed of its own.
    pub(crate) fn seeded(seeds: Vec<i64>) -> Self {
        Self { seeds, ..Self::default() }
    }

    /// As [`Recompute::seeded`], but what happens inside segments is forgotten and computed again in the
    /// backward pass; in mixed precision on the device `mixed`.
    pub(crate) fn recomputed(seeds: Vec<i64>, mixed: Option<Device>) -> Self {
        Self { recorded: Some(RefCell::default()), mixed, ..Self::seeded(seeds) }
    }

    /// A segment with one tensor at each end.
    pub(crate) fn one(&self, input: &Tensor, compute: impl Fn(&Tensor) -> Tensor + 'a) -> Tensor {
        let [output] = self.run([input], move |[input]| [compute(input)]);
        output
    }

    /// An empty segment: behind it a tensor may be used more than once.
    pub(crate) fn cut(&self, tensor: &Tensor) -> Tensor {
        self.one(tensor, Tensor::shallow_clone)
    }

    /// A segment: all it reads but weights is in `inputs`.
    pub(crate) fn run<const I: usize, const O: usize>(
        &self,
        inputs: [&Tensor; I],
        compute: impl Fn([&Tensor; I]) -> [Tensor; O] + 'a,
    ) -> [Tensor; O] {
        let number = self.segments.replace(self.segments.get() + 1);
        dropout::begin(&self.seeds, number);
        let Some(recorded) = &self.recorded else { return compute(inputs) };
        // With gradients, though they are forgotten: without, faster functions round otherwise than those
        // of the backward pass.
        let outputs = compute(inputs).map(|output| {
            // Only floats have gradients.
            let output = output.detach();
            if output.is_floating_point() { output.set_requires_grad(true) } else { output }
        });
        let segment = Segment {
            compute: Box::new(move |inputs| compute(array::from_fn(|index| &inputs[index])).into()),
            inputs: inputs.into_iter().map(Tensor::shallow_clone).collect(),
            outputs: outputs.iter().map(Tensor::shallow_clone).collect(),
            number,
        };
        recorded.borrow_mut().push(segment);
        outputs
    }

    /// Adds the gradients of `loss` to those of the weights.
    pub(crate) fn backward(self, loss: &Tensor) {
        loss.backward();
        let mut segments = self.recorded.map(RefCell::into_inner).unwrap_or_default();
        // All who use a segment's results come after it, and have said what they need.
        while let Some(segment) = segments.pop() {
            segment.backward(&self.seeds, self.mixed);
        }
    }
}

impl Segment<'_> {
    fn backward(self, seeds: &[i64], mixed: Option<Device>) {
        let leaf = |input: &Tensor| input.detach().set_requires_grad(input.requires_grad());
        let inputs: Vec<Tensor> = self.inputs.iter().map(leaf).collect();
        dropout::begin(seeds, self.number);
        let compute = || (self.compute)(&inputs);
        let outputs = match mixed {
            Some(device) => autocast(device, compute),
            None => compute(),
        };
        backward_from(&outputs, &self.outputs);
        drop(outputs);
        backward_from(&self.inputs, &inputs);
    }
}

/// Goes backward from `tensors`, whose gradients are those of `leaves`.
fn backward_from(tensors: &[Tensor], leaves: &[Tensor]) {
    let pairs = tensors.iter().zip(leaves);
    let products = pairs
        .filter(|(tensor, leaf)| tensor.requires_grad() && leaf.grad().defined())
        .map(|(tensor, leaf)| (tensor * leaf.grad()).sum(Kind::Float));
    if let Some(sum) = products.reduce(|sum, product| sum + product) {
        sum.backward();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inside::process::{ONE_THREAD, in_own_process};

    fn random(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Float, Device::Cpu))
    }

    /// Two layers with dropout whose results are used twice, and the gradient of the first's weights.
    fn gradients(recompute: Recompute, weights: &[Tensor; 2], xs: &Tensor) -> (f64, Vec<Tensor>) {
        let fresh = weights.each_ref().map(|weight| weight.detach().set_requires_grad(true));
        let layer = |xs: &Tensor, weight: &Tensor| {
            dropout::drop(xs.matmul(weight).tanh(), 0.5) // [B, D]
        };
        let kept = fresh.each_ref().map(Tensor::shallow_clone);
        let [first, twice] = recompute.run([xs], move |[xs]| {
            let first = layer(xs, &kept[0]);
            let twice = &first * 2.0;
            [first, twice]
        });
        let kept = fresh[1].shallow_clone();
        let second = recompute.one(&(&first + &twice), move |xs| layer(xs, &kept));
        let loss = (&second * &first).square().sum(Kind::Float);
        recompute.backward(&loss);
        (loss.double_value(&[]), fresh.iter().map(Tensor::grad).collect())
    }

    #[test]
    fn recomputed_segments_give_the_same_loss_and_gradients_with_the_same_dropout() {
        // Other tests draw from the same generator.
        in_own_process(&ONE_THREAD, || {
            tch::manual_seed(1);
            let weights = [random(&[6, 6]), random(&[6, 6])];
            let xs = random(&[4, 6]);
            let seeds = || vec![5, 6, 7, 8];
            let (loss, wanted) = gradients(Recompute::seeded(seeds()), &weights, &xs);
            let recompute = Recompute::recomputed(seeds(), None);
            let (recomputed_loss, found) = gradients(recompute, &weights, &xs);
            assert_eq!(loss, recomputed_loss);
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!(wanted.abs().max().double_value(&[]) > 0.1);
                assert!(found.allclose(wanted, 1e-6, 1e-6, false));
            }
            let (other_loss, _) = gradients(Recompute::seeded(vec![1, 2, 3, 4]), &weights, &xs);
            assert_ne!(loss, other_loss, "another seed, other dropout");
        });
    }
}
