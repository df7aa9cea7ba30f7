//! A traced module as the bytes of its archive (`module.cpp`): libtorch's own writer, which tch uses, ends the
//! process where a file cannot be written.

use std::ffi::{c_char, c_void};
use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result};
use tch::CModule;

use crate::nn::native::attempt::{MESSAGE, attempt};

type Take = unsafe extern "C" fn(*mut c_void, *const c_void, usize);

unsafe extern "C" {
    fn lpmflow_module_archive(
        module: *const c_void,
        take: Take,
        taker: *mut c_void,
        message: *mut c_char,
        room: usize,
    ) -> bool;
}

// All that a module of tch holds is the pointer to libtorch's.
const _: () = assert!(size_of::<CModule>() == size_of::<*const c_void>());

/// Where the pieces of an archive go.
struct Taker<W> {
    output: W,
    outcome: io::Result<()>,
}

/// Writes the archive of a module to `output`: what [`CModule::save`] would write, in a folder called `archive`.
///
/// # Errors
/// When libtorch cannot make it, or `output` does not take it.
pub(crate) fn archive<W: Write>(module: &CModule, output: W) -> Result<()> {
    let mut taker = Taker { output: BufWriter::new(output), outcome: Ok(()) };
    let pointer = (&raw mut taker).cast();
    attempt(|message| {
        // Safety: the module is that pointer and nothing else, and lives. `take` is given the taker of its type,
        // which nobody else touches meanwhile, and the message has the length that is told.
        unsafe {
            let module = std::mem::transmute_copy::<CModule, *const c_void>(module);
            lpmflow_module_archive(module, take::<BufWriter<W>>, pointer, message, MESSAGE)
        }
    })
    .context("writing the traced model")?;
    taker.outcome?;
    Ok(taker.output.flush()?)
}

/// Writes bytes to a taker, as long as it takes them: libtorch is not told, as it would end the process.
///
/// # Safety
/// `taker` points to a `Taker<W>` that nobody else uses, `bytes` to so many bytes.
unsafe extern "C" fn take<W: Write>(taker: *mut c_void, bytes: *const c_void, count: usize) {
    // Safety: as above.
    let (taker, bytes) = unsafe {
        (&mut *taker.cast::<Taker<W>>(), std::slice::from_raw_parts(bytes.cast::<u8>(), count))
    };
    if taker.outcome.is_ok() {
        taker.outcome = taker.output.write_all(bytes);
    }
}
