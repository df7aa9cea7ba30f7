//! Choosing the device, and opening libtorch's CUDA library when one is wanted.
//!
//! The binary links libtorch's CPU library alone. Its CUDA library registers itself with libtorch when
//! it is opened, so opening it before the first CUDA call is all that is needed.

use std::sync::OnceLock;

use anyhow::{Result, bail};
use tch::{Cuda, Device};

use crate::nn::native::processor::{Vectors, vectors};

/// The name libtorch's CUDA library has beside its CPU library, on the binary's run path.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// The device a user's `auto`, `cpu`, `cuda` or `cuda:N` means here. `auto` is CUDA when libtorch has it
/// and a GPU is there.
///
/// # Errors
/// When the text is none of these, or CUDA is asked for and something is missing; the error says what.
pub(crate) fn choose(wanted: &str) -> Result<Device> {
    match named(wanted) {
        Some(Named::Cpu) => Ok(Device::Cpu),
        Some(Named::Auto) => Ok(if cuda_devices().is_ok_and(|count| count > 0) {
            Device::Cuda(0)
        } else {
            Device::Cpu
        }),
        Some(Named::Cuda(index)) => cuda(index),
        None => bail!("`{wanted}` is no device: use auto, cpu, cuda or cuda:N"),
    }
}

/// The vector instructions that libtorch and this program compute by on this processor, as the environment's
/// `ATEN_CPU_CAPABILITY` allows.
pub(crate) fn instructions() -> &'static str {
    match vectors() {
        Some(Vectors::Avx512) => "AVX-512",
        Some(Vectors::Avx2) => "AVX2",
        None => "the processor's basic instructions",
    }
}

/// Whether a text names a device as [`choose`] takes it, whether it is there or not.
pub(crate) fn is_device(text: &str) -> bool {
    named(text).is_some()
}

/// What a text names.
enum Named {
    Auto,
    Cpu,
    Cuda(usize),
}

fn named(text: &str) -> Option<Named> {
    match text {
        "auto" => Some(Named::Auto),
        "cpu" => Some(Named::Cpu),
        "cuda" => Some(Named::Cuda(0)),
        _ => text.strip_prefix("cuda:")?.parse().ok().map(Named::Cuda),
    }
}

fn cuda(index: usize) -> Result<Device> {
    let count = cuda_devices().map_err(|problem| {
        anyhow::anyhow!("using CUDA: {problem}; `scripts/setup.sh --cuda` sets its libraries up")
    })?;
    if count == 0 {
        bail!(
            "using CUDA: its libraries are here, but no GPU is visible (is the driver installed?)"
        );
    }
    if index >= count {
        bail!("using the device cuda:{index}: there are {count} GPUs, counted from 0");
    }
    Ok(Device::Cuda(index))
}

/// The number of GPUs, or why CUDA cannot be used at all.
fn cuda_devices() -> Result<usize, String> {
    static OPENED: OnceLock<Result<(), String>> = OnceLock::new();
    OPENED.get_or_init(open_cuda_library).clone()?;
    Ok(usize::try_from(Cuda::device_count()).unwrap_or(0))
}

#[expect(unsafe_code, reason = "opening a shared library runs its initialisers")]
fn open_cuda_library() -> Result<(), String> {
    if !driver_is_present() {
        return Err("there is no NVIDIA driver".to_owned());
    }
    // SAFETY: the library belongs to the libtorch we are linked against and is made to be opened this
    // way; its initialisers only register kernels.
    let library = unsafe { libloading::Library::new(CUDA_LIBRARY) };
    let library = library.map_err(|error| format!("cannot open {CUDA_LIBRARY} ({error})"))?;
    // Its kernels stay registered, so it must never be closed.
    std::mem::forget(library);
    Ok(())
}

/// Without a driver nothing in the CUDA library can work, and opening it costs half a second.
fn driver_is_present() -> bool {
    std::path::Path::new("/proc/driver/nvidia/version").exists()
        || std::path::Path::new("/dev/nvidiactl").exists()
        || std::path::Path::new("/dev/dxg").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_devices_are_named_in_the_error() {
        let error = choose("gpu").unwrap_err().to_string();
        assert!(error.contains("`gpu`") && error.contains("cuda:N"), "{error}");
        assert!(choose("cuda:x").is_err());
        assert_eq!(choose("cpu").unwrap(), Device::Cpu);
    }

    #[test]
    fn asking_for_cuda_without_a_driver_says_so() {
        if driver_is_present() {
            println!("skipped: this machine has an NVIDIA driver");
            return;
        }
        let error = choose("cuda").unwrap_err().to_string();
        assert!(error.contains("no NVIDIA driver") && error.contains("setup.sh --cuda"), "{error}");
        assert_eq!(choose("auto").unwrap(), Device::Cpu);
    }
}
