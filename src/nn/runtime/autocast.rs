//! Mixed precision: matrix products and convolutions in bfloat16, sums, norms and softmaxes in float32, and
//! the parameters themselves in float32.

use tch::Device;

use crate::nn::native;

/// What `compute` gives when it computes in mixed precision on `device`.
pub(crate) fn autocast<T>(device: Device, compute: impl FnOnce() -> T) -> T {
    struct Off(Device);
    impl Drop for Off {
        fn drop(&mut self) {
            native::autocast::set(false, self.0);
        }
    }
    native::autocast::set(true, device);
    let _off = Off(device);
    compute()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn products_are_in_bfloat16_while_it_lasts_and_gradients_in_float32() {
        let [xs, weight] = [(); 2].map(|()| Tensor::randn([8, 8], (Kind::Float, Device::Cpu)));
        let weight = weight.set_requires_grad(true);
        let product = autocast(Device::Cpu, || xs.matmul(&weight));
        assert_eq!(product.kind(), Kind::BFloat16);
        product.to_kind(Kind::Float).sum(Kind::Float).backward();
        assert_eq!(weight.grad().kind(), Kind::Float);
        assert_eq!(xs.matmul(&weight).kind(), Kind::Float);
    }
}
