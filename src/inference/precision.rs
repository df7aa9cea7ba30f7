//! Number formats of the network.

use anyhow::{Result, bail};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::Serialize;
use tch::{Device, Kind};

use crate::nn::native::tf32::Tf32;

/// Number format of the network. The gates and the soft-argmax are computed in 32 bits in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Precision {
    /// 32-bit floats throughout
    #[default]
    Float32,
    /// 32-bit storage, tensor-core products (CUDA)
    Tf32,
    /// 16-bit floats with the exponent range of 32
    Bfloat16,
    /// 16-bit floats (CUDA)
    Float16,
}

impl Precision {
    /// What parameters are held in.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Float32 | Self::Tf32 => Kind::Float,
            Self::Bfloat16 => Kind::BFloat16,
            Self::Float16 => Kind::Half,
        }
    }

    /// Whether a device computes in this format.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn check(self, device: Device) -> Result<()> {
        match (self, device) {
            (Self::Tf32 | Self::Float16, Device::Cpu) => {
                let name = self.to_possible_value();
                let name = name.as_ref().map(PossibleValue::get_name).unwrap_or_default();
                bail!(
                    "the precision {name} needs a GPU: choose --device cuda, or --precision float32"
                )
            }
            _ => Ok(()),
        }
    }

    /// Where GPUs may round to TF32 in this precision. libtorch itself would have convolutions do so unasked.
    pub(crate) fn tf32(self) -> Tf32 {
        match self {
            Self::Float32 => Tf32 { products: false, convolutions: false },
            Self::Tf32 => Tf32 { products: true, convolutions: true },
            Self::Bfloat16 | Self::Float16 => Tf32 { products: false, convolutions: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorch_is_told_where_tf32_is_allowed() {
        // The only test that touches these settings, of which the CPU takes no notice.
        let before = Tf32::current();
        for precision in [Precision::Tf32, Precision::Bfloat16, Precision::Float32] {
            precision.tf32().apply();
            assert_eq!(Tf32::current(), precision.tf32());
        }
        before.apply();
        assert_eq!(Tf32::current(), before);
        assert_eq!(before, Tf32 { products: false, convolutions: true }, "libtorch's own");
    }
}
