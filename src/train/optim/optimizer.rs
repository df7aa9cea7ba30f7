//! What optimizers have in common: their settings, their parameters' gradients, and a state that can be saved
//! and restored exactly.

use std::fmt::Debug;

use anyhow::Result;
use tch::{Tensor, no_grad};

use crate::model::part::Settings;
use crate::nn::parameters::{Group, Parameter};
use crate::train::folder::checkpoint::Tensors;
use crate::train::rules::Rule;

/// What the gradient norm is enlarged by before it divides, as PyTorch does.
const CLIP_EPSILON: f64 = 1e-6;

/// The settings of an optimizer; learning rates come from the schedule.
pub(crate) trait OptimizerConfig: Settings {
    /// What the settings must keep to.
    fn rules(&self) -> Vec<Rule>;

    /// An optimizer of these parameters, which are made to ask for gradients.
    fn build(&self, trained: &[&Parameter]) -> Box<dyn Optimizer>;
}

/// Moves parameters along their gradients.
pub(crate) trait Optimizer: Debug {
    /// The parameters it moves.
    fn parameters(&self) -> Vec<Tensor>;

    /// The tensors that a step changes: those parameters, and what is remembered of them.
    fn changing(&self) -> Vec<Tensor>;

    /// One update of every parameter that has a gradient, at the learning rate of its group.
    ///
    /// # Errors
    /// When it cannot be computed.
    fn step(&mut self, learning_rate: &dyn Fn(Group) -> f64) -> Result<()>;

    /// What it remembers from step to step, as named float32 tensors.
    fn state(&self) -> Tensors;

    /// Takes back what [`Optimizer::state`] gave.
    ///
    /// # Errors
    /// When a tensor is missing, of another shape, or of a parameter that is not trained.
    fn restore(&mut self, state: Tensors) -> Result<()>;

    /// The gradients of the parameters that have one.
    fn gradients(&self) -> Vec<Tensor> {
        self.parameters().iter().map(Tensor::grad).filter(Tensor::defined).collect()
    }

    /// Forgets all gradients.
    fn zero_gradients(&mut self) {
        self.parameters().iter_mut().for_each(Tensor::zero_grad);
    }

    /// Gives every gradient memory of its own; to be called after every backward pass.
    ///
    /// libtorch hands the gradient of `a + b` on to both as it is, and keeps parts of it for what either was
    /// put together from. What is then added to one gradient, or scaled in it, would change the others too.
    fn separate_gradients(&mut self) {
        let mut gradients: Vec<_> = self
            .gradients()
            .into_iter()
            .map(|gradient| {
                let start = gradient.data_ptr() as usize;
                (start, start + extent(&gradient), gradient)
            })
            .collect();
        gradients.sort_by_key(|(start, ..)| *start);
        let mut taken = 0;
        for (start, end, mut gradient) in gradients {
            if start < taken {
                let own = gradient.detach().copy();
                gradient.set_data(&own);
            } else {
                taken = end;
            }
        }
    }

    /// The Euclidean norm of all gradients together: one value on the device; 0 without gradients.
    fn gradient_norm(&self) -> Tensor {
        no_grad(|| {
            let norms: Vec<Tensor> = self.gradients().iter().map(Tensor::norm).collect();
            if norms.is_empty() { Tensor::from(0.0) } else { Tensor::stack(&norms, 0).norm() }
        })
    }

    /// Scales all gradients by `limit / norm` where `norm` exceeds `limit`.
    fn clip_gradients(&mut self, norm: f64, limit: f64) {
        let factor = limit / (norm + CLIP_EPSILON);
        if factor < 1.0 {
            no_grad(|| {
                for mut gradient in self.gradients() {
                    let _ = gradient.g_mul_scalar_(factor);
                }
            });
        }
    }
}

/// Bytes from a tensor's first value to behind its last.
fn extent(tensor: &Tensor) -> usize {
    let sides = tensor.size();
    let last: i64 =
        sides.iter().zip(tensor.stride()).map(|(side, stride)| (side - 1) * stride).sum();
    (last + 1) as usize * tensor.kind().elt_size_in_bytes()
}
