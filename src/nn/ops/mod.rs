//! Operations that are more than one of libtorch's: each in a file of its own, with a form for each kind of
//! device. They know tensors only; parameters are the layers' ([`crate::nn::layers`]).
//!
//! | operation | composite | CPU | CUDA |
//! |---|---|---|---|
//! | [`linear::LinearMap`] | `linear`, then GELU or a sum | oneDNN, where there is AVX-512 | |
//! | [`attention::SelfAttention`] | `scaled_dot_product_attention` | AVX2, AVX-512 | `attention.cu` |
//! | [`attention::CrossAttention`] | products and a softmax | AVX2, AVX-512 | `attention.cu` |
//! | [`depthwise::DepthwiseRelu6`] | a convolution between two activations | AVX2, AVX-512 | |
//! | [`neighbours::NeighbourSum`] | shifted sums | C++ | `neighbours.cu` |
//! | [`agreement::Agreement`] | a mutual softmax and sums over neighbours | | `mutual_softmax.cu` |
//! | [`soft_argmax::ExpectedPositions`] | a softmax and a product | | `soft_argmax.cu` |
//!
//! To add a form, write it in [`crate::nn::native`], say so in [`Operation::cpu`] or [`Operation::cuda`] of
//! the operation, and compare it with the composite in the operation's test.

use tch::Device;

pub(crate) mod agreement;
pub(crate) mod attention;
pub(crate) mod depthwise;
pub(crate) mod linear;
pub(crate) mod neighbours;
pub(crate) mod soft_argmax;

/// An operation with its arguments, ready to run.
///
/// All forms give the same but for rounding. Only the composite has gradients, and only it can be traced.
pub(crate) trait Operation {
    /// What it yields.
    type Output;

    /// Where its arguments are.
    fn device(&self) -> Device;

    /// Out of libtorch's operations: on every device and in every precision.
    fn composite(&self) -> Self::Output;

    /// Ours for the CPU; `None` where it does not serve, before anything is computed.
    fn cpu(&self) -> Option<Self::Output> {
        None
    }

    /// Ours for NVIDIA's GPUs; `None` as for [`Operation::cpu`].
    fn cuda(&self) -> Option<Self::Output> {
        None
    }

    /// The device's own form where that serves, and else the composite.
    fn run(&self) -> Self::Output {
        let own = match self.device() {
            Device::Cpu => self.cpu(),
            Device::Cuda(_) => self.cuda(),
            Device::Mps | Device::Vulkan => None,
        };
        own.unwrap_or_else(|| self.composite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields the name of its form.
    struct Named {
        device: Device,
        serves: bool,
    }

    impl Operation for Named {
        type Output = &'static str;

        fn device(&self) -> Device {
            self.device
        }

        fn composite(&self) -> &'static str {
            "composite"
        }

        fn cuda(&self) -> Option<&'static str> {
            self.serves.then_some("cuda")
        }
    }

    #[test]
    fn the_devices_own_form_is_run_where_it_serves() {
        let run = |device, serves| Named { device, serves }.run();
        assert_eq!(run(Device::Cuda(1), true), "cuda");
        assert_eq!(run(Device::Cuda(1), false), "composite");
        assert_eq!(run(Device::Cpu, true), "composite", "it has none for this device");
    }
}
