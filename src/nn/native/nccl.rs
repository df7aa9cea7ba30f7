//! Sums over processes with a GPU each, by libtorch's functions over NCCL (`nccl.cpp`).

use std::ffi::{c_char, c_void};

use anyhow::{Context, Result};
use tch::Tensor;

use crate::nn::native::attempt::{MESSAGE, attempt};
use crate::nn::native::cuda_library::library;

/// Bytes of a group's name.
pub(crate) const NAME: usize = 128;

type NameGroup = unsafe extern "C" fn(*mut u8, *mut c_char, usize) -> bool;
type Open = unsafe extern "C" fn(*const u8, i32, i32, i8, *mut c_char, usize) -> *mut c_void;
type Act = unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_char, usize) -> bool;
type Finish = unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> bool;
type Close = unsafe extern "C" fn(*mut c_void);

/// A group of processes with a GPU each.
#[derive(Debug)]
pub(crate) struct Nccl {
    group: *mut c_void,
    start_all_reduce: Act,
    finish: Finish,
    broadcast: Act,
    close: Close,
}

// Safety: NCCL's group takes requests from whichever thread has it.
unsafe impl Send for Nccl {}

impl Drop for Nccl {
    fn drop(&mut self) {
        // Safety: the group is `open`'s, and nobody uses it after this.
        unsafe { (self.close)(self.group) };
    }
}

impl Nccl {
    /// A name for a group that is to be, which its first process gives the others. libtorch's CUDA library must be
    /// open before.
    ///
    /// # Errors
    /// When NCCL refuses.
    pub(crate) fn name() -> Result<[u8; NAME]> {
        let mut name = [0; NAME];
        // Safety: the library is ours, its function has this type and room for a name and a message.
        let make = *unsafe { library()?.get::<NameGroup>(b"lpmflow_nccl_name") }?;
        attempt(|message| unsafe { make(name.as_mut_ptr(), message, MESSAGE) })
            .context("naming a group of GPUs")?;
        Ok(name)
    }

    /// Joins the group of that name as number `rank` of `world`, with the GPU number `device` of this machine.
    ///
    /// # Errors
    /// When NCCL refuses.
    pub(crate) fn open(
        name: &[u8; NAME],
        (rank, world): (usize, usize),
        device: usize,
    ) -> Result<Self> {
        let library = library()?;
        let device = i8::try_from(device).context("counting the GPUs")?;
        let (rank, world) = (i32::try_from(rank)?, i32::try_from(world)?);
        // Safety: the library is ours, its functions have the types named here, and it is never closed.
        let (open, start_all_reduce, finish, broadcast, close) = unsafe {
            (
                *library.get::<Open>(b"lpmflow_nccl_open")?,
                *library.get::<Act>(b"lpmflow_nccl_start_all_reduce")?,
                *library.get::<Finish>(b"lpmflow_nccl_finish")?,
                *library.get::<Act>(b"lpmflow_nccl_broadcast")?,
                *library.get::<Close>(b"lpmflow_nccl_close")?,
            )
        };
        let mut group = std::ptr::null_mut();
        attempt(|message| {
            // Safety: name and message have the lengths that the function knows or is told.
            group = unsafe { open(name.as_ptr(), rank, world, device, message, MESSAGE) };
            !group.is_null()
        })
        .context("joining the other processes' GPUs")?;
        Ok(Self { group, start_all_reduce, finish, broadcast, close })
    }

    /// Has the GPU replace a tensor by its sum over the group.
    ///
    /// # Errors
    /// When NCCL refuses.
    pub(crate) fn all_reduce(&self, tensor: &Tensor) -> Result<()> {
        self.start_all_reduce(tensor)?;
        self.finish()
    }

    /// Has the GPU replace a tensor by its sum over the group, beside what it is given to do meanwhile. Nobody may use
    /// the tensor, or give up its memory, before [`Nccl::finish`].
    ///
    /// # Errors
    /// When NCCL refuses.
    pub(crate) fn start_all_reduce(&self, tensor: &Tensor) -> Result<()> {
        // Safety: group and tensor are alive, and the message has the length that is told.
        attempt(|message| unsafe {
            (self.start_all_reduce)(self.group, tensor.as_ptr().cast(), message, MESSAGE)
        })
    }

    /// Has the GPU end all sums that were begun before it does what comes now.
    ///
    /// # Errors
    /// When CUDA refuses.
    pub(crate) fn finish(&self) -> Result<()> {
        // Safety: as above.
        attempt(|message| unsafe { (self.finish)(self.group, message, MESSAGE) })
    }

    /// Has the GPU replace a tensor by that of the first process.
    ///
    /// # Errors
    /// When NCCL refuses.
    pub(crate) fn broadcast(&self, tensor: &Tensor) -> Result<()> {
        // Safety: as above.
        attempt(|message| unsafe {
            (self.broadcast)(self.group, tensor.as_ptr().cast(), message, MESSAGE)
        })
    }
}
