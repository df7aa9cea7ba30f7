//! What is in C++ and calls libtorch's CUDA library (`cuda_graph.cpp`, `cuda_stream.cpp`, `nccl.cpp`): a library of its own, which
//! this program carries and opens when asked, as the program must start where there is no CUDA.

use std::ffi::{c_char, c_void};
use std::io::Write;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use libloading::Library;

use crate::nn::native::attempt::{MESSAGE, attempt};
use crate::visible::Shown;

/// The library's file; empty where CUDA's headers were not there at build time.
static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/liblpmflow_cuda.so"));

type Stream = unsafe extern "C" fn(i8, *mut *mut c_void, *mut c_char, usize) -> bool;

/// The library, which stays open. libtorch's CUDA library must be open before.
///
/// # Errors
/// When this program was built without CUDA's headers, or the library cannot be opened.
pub(super) fn library() -> Result<&'static Library> {
    static OPENED: OnceLock<Result<Library, String>> = OnceLock::new();
    let opened = OPENED.get_or_init(|| open().map_err(|error| format!("{error:#}")));
    opened.as_ref().map_err(|problem| anyhow!("{problem}"))
}

fn open() -> Result<Library> {
    ensure!(
        !BYTES.is_empty(),
        "this program was built without CUDA's headers; build it with the libtorch of scripts/setup.sh"
    );
    let mut file = tempfile::NamedTempFile::new().context("making a temporary file")?;
    file.write_all(BYTES).with_context(|| format!("writing `{}`", file.path().shown()))?;
    // Safety: the library is ours and has no initialisers. The file may go once it is open.
    Ok(unsafe { Library::new(file.path()) }?)
}

/// The stream on which libtorch has a GPU work now.
///
/// # Errors
/// When the library cannot be opened, or libtorch refuses.
pub(super) fn current_stream(device: usize) -> Result<*mut c_void> {
    let device = i8::try_from(device).context("counting the GPUs")?;
    static CURRENT: OnceLock<Stream> = OnceLock::new();
    let current = match CURRENT.get() {
        Some(current) => *current,
        None => {
            // Safety: the library is ours, stays open, and its function has this type.
            let found = *unsafe { library()?.get::<Stream>(b"lpmflow_stream") }?;
            *CURRENT.get_or_init(|| found)
        }
    };
    let mut stream = std::ptr::null_mut();
    // Safety: the message has the length that is told.
    attempt(|message| unsafe { current(device, &mut stream, message, MESSAGE) })?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_there_and_holds_its_functions() {
        assert!(BYTES.starts_with(b"\x7fELF"), "built without CUDA's headers");
        for name in
            ["graph_begin", "graph_end", "graph_replay", "graph_free", "stream", "nccl_open"]
        {
            let name = format!("lpmflow_{name}\0");
            assert!(BYTES.windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name}");
        }
    }
}
