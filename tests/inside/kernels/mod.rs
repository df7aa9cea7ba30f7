//! Our CUDA kernels where there is no GPU: each source is compiled to machine code by NVRTC, and its arithmetic is
//! tried by compiling the same source for the CPU (`shim.h`), launched by the same description as on a GPU.

mod attention;
mod consensus;
mod shim;
mod soft_argmax;

use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use crate::nn::native::kernels::compiler::{machine_code, open};
use crate::nn::native::kernels::source::ALL;
use crate::nn::native::kernels::store;

/// Number formats of the kernels, with the error of a value near 1 that rounding to them makes.
const KINDS: [(Kind, f64); 3] = [(Kind::Float, 2e-6), (Kind::BFloat16, 8e-3), (Kind::Half, 1e-3)];

/// Where `scripts/nvrtc.sh` and `scripts/setup.sh --cuda` put NVRTC.
fn nvrtc() -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [".nvrtc", ".libtorch"].map(|name| project.join(name).join("nvidia/cu13/lib"));
    folders.into_iter().find(|folder| folder.join("libnvrtc.so.13").is_file())
}

#[test]
fn every_kernel_compiles_to_machine_code_of_every_generation() {
    let Some(folder) = nvrtc() else {
        let required = std::env::var("LPMFLOW_REQUIRE_NVRTC").is_ok_and(|value| value == "1");
        assert!(!required, "scripts/nvrtc.sh has not put NVRTC into .nvrtc");
        println!("skipped: NVRTC is not there (scripts/nvrtc.sh)");
        return;
    };
    open(&folder).unwrap();
    // What did not change since was compiled then.
    let done = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kernels");
    for source in ALL {
        for architecture in ["sm_75", "sm_80", "sm_90"] {
            let file = store::file(&done, *source, architecture, 0);
            let code = store::kept(Some(&file), || machine_code(*source, architecture)).unwrap();
            assert!(code.starts_with(b"\x7fELF"), "{} for {architecture}", source.name);
        }
    }
    let error = machine_code(ALL[0], "sm_10").unwrap_err().to_string();
    assert!(error.contains("compiling the kernels") && error.contains("sm_10"), "{error}");
}

/// The largest difference, as a part of the largest value.
pub fn error(found: &Tensor, wanted: &Tensor) -> f64 {
    let [found, wanted] = [found, wanted].map(|xs| xs.to_kind(Kind::Double).to_device(Device::Cpu));
    let scale = wanted.abs().max().double_value(&[]).max(1e-30);
    (found - wanted).abs().max().double_value(&[]) / scale
}
