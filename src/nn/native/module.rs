//! A traced module as the bytes of its archive (`module.cpp`): tch saves to files alone, and libtorch's writer
//! ends the process where a file cannot be written.

use std::ffi::{c_char, c_void};

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

/// The archive of a module: what [`CModule::save`] would write, in a folder called `archive`.
///
/// # Errors
/// When libtorch cannot make it.
pub(crate) fn archive(module: &CModule) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let taker = (&raw mut bytes).cast();
    attempt(|message| {
        // Safety: the module is that pointer and nothing else, and lives. `take` is given `bytes`, which nobody
        // else touches meanwhile, and the message has the length that is told.
        unsafe {
            let module = std::mem::transmute_copy::<CModule, *const c_void>(module);
            lpmflow_module_archive(module, take, taker, message, MESSAGE)
        }
    })
    .context("writing the traced model")?;
    Ok(bytes)
}

/// Appends bytes to the vector `taker`.
///
/// # Safety
/// `taker` points to a vector that nobody else uses, `bytes` to so many bytes.
unsafe extern "C" fn take(taker: *mut c_void, bytes: *const c_void, count: usize) {
    // Safety: as above.
    let (taker, bytes) = unsafe {
        (&mut *taker.cast::<Vec<u8>>(), std::slice::from_raw_parts(bytes.cast::<u8>(), count))
    };
    taker.extend_from_slice(bytes);
}
