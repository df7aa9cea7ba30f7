//! Number formats of the network.

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use tch::{Device, Kind};

/// Number format of the network. The gates and the soft-argmax are computed in 32 bits in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
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
    /// What variables are held in.
    pub fn kind(self) -> Kind {
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
    pub fn check(self, device: Device) -> Result<()> {
        match (self, device) {
            (Self::Tf32 | Self::Float16, Device::Cpu) => {
                bail!(
                    "the precision {self:?} needs a GPU: choose --device cuda, or --precision float32"
                )
            }
            _ => Ok(()),
        }
    }

    /// Sets libtorch up for this precision. To be called before the CUDA library is opened: libtorch and
    /// the CUDA libraries read these settings once.
    #[expect(unsafe_code, reason = "the settings are environment variables")]
    pub(super) fn prepare(self) {
        let settings: &[(&str, &str)] = match self {
            Self::Tf32 => &[("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1")],
            // Convolutions would use TF32 unasked.
            Self::Float32 => &[("NVIDIA_TF32_OVERRIDE", "0")],
            Self::Bfloat16 | Self::Float16 => &[],
        };
        for (name, value) in settings {
            // SAFETY: called while the program has no other threads that read the environment.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
