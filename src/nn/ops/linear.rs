//! Linear maps, together with what follows them.

use std::cell::{Cell, OnceCell};

use tch::{Device, Tensor};

pub(crate) use crate::nn::native::linear::After;
use crate::nn::native::linear::{PackedWeight, Weight, can_map, linear, pack};
use crate::nn::native::tensor::is_unwritten;
use crate::nn::ops::Operation;
use crate::nn::runtime::mapped;

/// `xs W' + b` over the last dimension, and what comes after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinearMap<'a> {
    /// `[..., in]`.
    pub xs: &'a Tensor,
    /// `[out, in]`.
    pub weight: &'a Tensor,
    /// `[out]`.
    pub bias: &'a Tensor,
    /// What is kept of this weight from call to call.
    pub packed: &'a Packed,
    /// What becomes of the result.
    pub after: After<'a>,
}

impl Operation for LinearMap<'_> {
    /// `[..., out]`.
    type Output = Tensor;

    fn device(&self) -> Device {
        self.xs.device()
    }

    fn composite(&self) -> Tensor {
        let result = self.xs.linear(self.weight, Some(self.bias));
        match self.after {
            After::Nothing => result,
            After::Gelu => result.gelu("none"),
            After::Add(addend) => addend + result,
        }
    }

    /// Twice as fast as libtorch's usual way on processors that are not Intel's, and no slower on these. The
    /// same sums in another order.
    fn cpu(&self) -> Option<Tensor> {
        if !can_map(self.xs) {
            return None;
        }
        linear(self.xs, self.packed.get(self.xs, self.weight), self.bias, self.after)
    }
}

/// A weight in the order in which oneDNN reads it, which saves its being put in order at every use.
///
/// It is made at the second use: for one pair of photos it would cost what it saves. The weight itself then
/// gives its memory back, which only weights on the pages of a file can do, so others stay as they are.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    uses: Cell<u32>,
    weight: OnceCell<PackedWeight>,
}

impl Packed {
    /// Made at once, for inputs of so many rows, whatever memory that takes.
    pub(crate) fn made(weight: &Tensor, rows: i64) -> Self {
        let packed = Self::default();
        if let Some(made) = pack(weight, rows) {
            packed.weight.get_or_init(|| made);
        }
        packed
    }

    /// What to multiply `xs` with: the packed weight, or `weight` itself.
    fn get<'a>(&'a self, xs: &Tensor, weight: &'a Tensor) -> Weight<'a> {
        let uses = self.uses.get();
        self.uses.set(uses.saturating_add(1));
        if uses == 1 && mapped::holds(weight) {
            let rows = xs.numel() as i64 / weight.size()[1].max(1);
            if let Some(packed) = pack(weight, rows) {
                mapped::give_back(weight);
                return Weight::Packed(self.weight.get_or_init(|| packed));
            }
        }
        match self.weight.get() {
            // What was written since is not in the packed weight.
            Some(packed) if is_unwritten(weight) => Weight::Packed(packed),
            _ => Weight::Plain(weight),
        }
    }

    /// Whether there is a packed weight.
    #[cfg(test)]
    pub(crate) fn is_made(&self) -> bool {
        self.weight.get().is_some()
    }
}

/// A tensor of random values on the pages of a file, as weights are.
#[cfg(test)]
pub(crate) fn weight_of_a_file(size: &[i64]) -> Tensor {
    use crate::nn::runtime::mapped::MappedFile;
    use tch::Kind;
    let values = Tensor::rand(size, (Kind::Float, Device::Cpu)) - 0.5;
    let values = Vec::<f32>::try_from(values.flatten(0, -1)).unwrap();
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    MappedFile::open(file.path()).unwrap().tensor(0, size, Kind::Float).unwrap().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::native::linear::anywhere;
    use tch::{Kind, no_grad};

    fn random(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn equals_libtorchs_own_linear_map_and_leaves_gradients_to_it() {
        let (xs, addend) = (random(&[2, 33, 48]) * 30.0, random(&[2, 33, 80]));
        let (weight, bias, packed) = (random(&[80, 48]), random(&[80]), Packed::default());
        let one_row = addend.narrow(1, 0, 1).contiguous();
        let served = |xs: &Tensor, after| {
            let (weight, bias) = (&weight, &bias);
            let map = LinearMap { xs, weight, bias, packed: &packed, after };
            map.cpu().map(|fast| fast.allclose(&map.composite(), 1e-4, 1e-4, false))
        };
        anywhere::allowed(|| {
            assert_eq!(served(&xs, After::Nothing), None, "gradients may be wanted");
            no_grad(|| {
                for after in [After::Nothing, After::Gelu, After::Add(&addend)] {
                    assert_eq!(served(&xs, after), Some(true), "{after:?}");
                }
                assert_eq!(served(&xs.to_kind(Kind::Double), After::Nothing), None);
                assert_eq!(served(&xs, After::Add(&one_row)), None, "another shape");
            });
        });
    }

    #[test]
    fn weights_of_a_file_are_packed_at_their_second_use_unless_they_were_written_to() {
        let xs = random(&[33, 4096]);
        let bias = Tensor::zeros([64], (Kind::Float, Device::Cpu));
        for written in [false, true] {
            let (weight, packed) = (weight_of_a_file(&[64, 4096]), Packed::default());
            if written {
                let _ = weight.shallow_clone().g_mul_scalar_(2.0);
            }
            let wanted = xs.matmul(&weight.tr());
            let (weight, bias) = (&weight, &bias);
            let map = LinearMap { xs: &xs, weight, bias, packed: &packed, after: After::Nothing };
            let run = || anywhere::allowed(|| no_grad(|| map.cpu().expect("oneDNN serves")));
            for _ in 0..3 {
                assert!(run().allclose(&wanted, 1e-4, 1e-4, false));
            }
            assert_eq!(packed.is_made(), !written);
            assert!(xs.matmul(&weight.tr()).equal(&wanted), "the weight itself is as it was");
            let _ = weight.shallow_clone().g_mul_scalar_(2.0);
            // Halved, so that the same rounding is allowed as above.
            assert!((run() / 2.0).allclose(&wanted, 1e-4, 1e-4, false), "what is written counts");
        }
    }
}
