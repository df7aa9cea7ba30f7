//! CUDA graphs of libtorch's CUDA library (`cuda_graph.cpp`).

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, bail};

use crate::nn::native::attempt::{MESSAGE, attempt};
use crate::nn::native::cuda_library::library;

type Begin = unsafe extern "C" fn(i8, *mut c_char, usize) -> *mut c_void;
type Act = unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> bool;
type Free = unsafe extern "C" fn(*mut c_void);

/// The functions of `cuda_graph.cpp`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CudaGraphs {
    begin: Begin,
    end: Act,
    replay: Act,
    free: Free,
}

/// What was recorded on a GPU.
#[derive(Debug)]
pub(crate) struct CudaGraph {
    functions: CudaGraphs,
    graph: *mut c_void,
}

impl Drop for CudaGraph {
    fn drop(&mut self) {
        // Safety: the graph is `begin`'s, and nobody uses it after this.
        unsafe { (self.functions.free)(self.graph) };
    }
}

impl CudaGraphs {
    /// Opens the library. libtorch's CUDA library must be open before.
    ///
    /// # Errors
    /// When this program was built without CUDA's headers, or the library cannot be opened.
    pub(crate) fn open() -> Result<Self> {
        let library = library()?;
        // Safety: the library is ours, and its functions have the types named here. It is never closed, so
        // they stay.
        unsafe {
            Ok(Self {
                begin: *library.get::<Begin>(b"lpmflow_graph_begin")?,
                end: *library.get::<Act>(b"lpmflow_graph_end")?,
                replay: *library.get::<Act>(b"lpmflow_graph_replay")?,
                free: *library.get::<Free>(b"lpmflow_graph_free")?,
            })
        }
    }

    /// Records what `pass` has the GPU number `device` do, which is not done now, and returns what it makes:
    /// tensors whose values the graph's [`CudaGraph::replay`] computes.
    ///
    /// # Errors
    /// When an operation of the pass cannot be recorded.
    pub(crate) fn record<T>(
        &self,
        device: usize,
        pass: impl FnOnce() -> T,
    ) -> Result<(CudaGraph, T)> {
        let device = i8::try_from(device).context("counting the GPUs")?;
        let mut graph = std::ptr::null_mut();
        attempt(|message| {
            // Safety: the message has the length that is told.
            graph = unsafe { (self.begin)(device, message, MESSAGE) };
            !graph.is_null()
        })?;
        let graph = CudaGraph { functions: *self, graph };
        let made = catch_unwind(AssertUnwindSafe(pass));
        // Safety: the graph is alive, and the message has the length that is told.
        attempt(|message| unsafe { (self.end)(graph.graph, message, MESSAGE) })?;
        match made {
            Ok(made) => Ok((graph, made)),
            Err(_) => bail!("an operation of the matcher cannot be recorded"),
        }
    }
}

impl CudaGraph {
    /// Does once more what was recorded. Whatever the recorded pass read must be where it was: its inputs and
    /// the parameters, in the GPU's memory.
    ///
    /// # Errors
    /// When the GPU refuses.
    pub(crate) fn replay(&self) -> Result<()> {
        // Safety: the graph is alive, and the message has the length that is told.
        attempt(|message| unsafe { (self.functions.replay)(self.graph, message, MESSAGE) })
    }
}
