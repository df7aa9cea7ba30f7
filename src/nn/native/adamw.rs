//! AdamW by libtorch's fused kernels (`adamw.cpp`): every value is read and written once, for all parameters in
//! one call.

use std::ffi::{c_char, c_void};

use anyhow::{Context, Result};
use tch::{Kind, Tensor};

use crate::nn::native::attempt::{MESSAGE, attempt};

/// What an update is computed with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Constants {
    /// The learning rate.
    pub rate: f64,
    /// How fast the mean gradient is forgotten.
    pub beta1: f64,
    /// How fast the mean squared gradient is forgotten.
    pub beta2: f64,
    /// Part of itself, times the rate, that every value loses.
    pub weight_decay: f64,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f64,
}

/// Parameters to be updated together, and what belongs to each.
#[derive(Debug, Default)]
pub(crate) struct Updated {
    parameters: Vec<Tensor>,
    gradients: Vec<Tensor>,
    first_moments: Vec<Tensor>,
    second_moments: Vec<Tensor>,
}

unsafe extern "C" {
    #[allow(clippy::too_many_arguments, reason = "lists side by side")]
    fn lpmflow_adamw(
        parameters: *const *const c_void,
        gradients: *const *const c_void,
        first_moments: *const *const c_void,
        second_moments: *const *const c_void,
        count: usize,
        steps: *const c_void,
        constants: Constants,
        message: *mut c_char,
        room: usize,
    ) -> bool;
}

impl Updated {
    /// Adds one.
    ///
    /// # Panics
    /// When the four are not of one shape and device, of float32, and all but the gradient in row-major order.
    pub(crate) fn push(&mut self, parameter: &Tensor, gradient: &Tensor, moments: [&Tensor; 2]) {
        // The kernels go through the memory of all four as through that of one.
        let gradient = gradient.contiguous();
        let [first, second] = moments;
        for tensor in [parameter, &gradient, first, second] {
            let fits = tensor.kind() == Kind::Float
                && tensor.is_contiguous()
                && tensor.size() == parameter.size()
                && tensor.device() == parameter.device();
            assert!(fits, "{tensor:?} does not go with {parameter:?}");
        }
        self.parameters.push(parameter.shallow_clone());
        self.gradients.push(gradient);
        self.first_moments.push(first.shallow_clone());
        self.second_moments.push(second.shallow_clone());
    }

    /// Updates them in place, moments and all; `steps` counts the updates of each, with this one.
    ///
    /// # Errors
    /// When libtorch cannot.
    pub(crate) fn update(&self, steps: u32, constants: Constants) -> Result<()> {
        let Some(parameter) = self.parameters.first() else { return Ok(()) };
        let steps = Tensor::from_slice(&[steps as f32]).to_device(parameter.device());
        let pointers = |tensors: &[Tensor]| -> Vec<*const c_void> {
            tensors.iter().map(|tensor| tensor.as_ptr().cast()).collect()
        };
        let [parameters, gradients, first_moments, second_moments] =
            [&self.parameters, &self.gradients, &self.first_moments, &self.second_moments]
                .map(|tensors| pointers(tensors));
        attempt(|message| {
            // Safety: the lists have the length that is told, of pointers to live tensors that go together; the
            // message has the length that is told, too.
            unsafe {
                lpmflow_adamw(
                    parameters.as_ptr(),
                    gradients.as_ptr(),
                    first_moments.as_ptr(),
                    second_moments.as_ptr(),
                    parameters.len(),
                    steps.as_ptr().cast(),
                    constants,
                    message,
                    MESSAGE,
                )
            }
        })
        .context("updating the weights")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::native::tensor::is_unwritten;
    use tch::{Device, no_grad};

    #[test]
    fn an_update_counts_as_writing() {
        let [parameter, gradient, first, second] =
            [1.0_f32, 0.5, 0.0, 0.0].map(|value| Tensor::from_slice(&[value; 3]));
        let mut updated = Updated::default();
        updated.push(&parameter, &gradient, [&first, &second]);
        assert!(is_unwritten(&parameter));
        let constants =
            Constants { rate: 0.1, beta1: 0.9, beta2: 0.999, weight_decay: 0.0, epsilon: 1e-8 };
        no_grad(|| updated.update(1, constants)).unwrap();
        assert!(!is_unwritten(&parameter));
        // The first step goes by the gradient's sign.
        let moved = parameter - Tensor::full([3], 0.9, (Kind::Float, Device::Cpu));
        assert!(moved.abs().max().double_value(&[]) < 1e-6);
    }
}
