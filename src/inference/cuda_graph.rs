//! CUDA graphs: a forward pass of fixed shape is recorded once and then launched as a whole, so that the GPU
//! does not wait for the processor between its many small steps.
#![allow(unsafe_code, reason = "functions of ours in C++, see cuda_graph.cpp")]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::io::Write;

use anyhow::{Context, Result, bail};
use libloading::Library;
use tch::{Device, Tensor};

use crate::model::Model;
use crate::model::features::Features;
use crate::model::matcher::Matching;

/// `cuda_graph.cpp` as a shared library; empty where CUDA's headers were not there at build time.
static LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/liblpmflow_cuda.so"));

/// Room for an error's text.
const MESSAGE: usize = 1024;

type Begin = unsafe extern "C" fn(i8, *mut c_char, usize) -> *mut c_void;
type Act = unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> bool;
type Free = unsafe extern "C" fn(*mut c_void);

/// The functions of `cuda_graph.cpp`.
#[derive(Clone, Copy, Debug)]
struct Functions {
    begin: Begin,
    end: Act,
    replay: Act,
    free: Free,
}

/// The matcher's pass from two photos' features to their flow, recorded for the shapes it was last asked for.
#[derive(Debug)]
pub struct CudaGraphMatcher {
    functions: Functions,
    device: usize,
    recording: RefCell<Option<Recording>>,
}

#[derive(Debug)]
struct Recording {
    functions: Functions,
    graph: *mut c_void,
    /// What the recorded pass reads and writes: always the same memory.
    source: Features,
    target: Features,
    matching: Matching,
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Safety: the graph is `begin`'s, and nobody uses it after this.
        unsafe { (self.functions.free)(self.graph) };
    }
}

impl CudaGraphMatcher {
    /// Ready to record on `device`. libtorch's CUDA library must be open.
    ///
    /// # Errors
    /// When the device is no GPU, or this program was built without CUDA's headers.
    pub fn new(device: Device) -> Result<Self> {
        let Device::Cuda(index) = device else {
            bail!("CUDA graphs need a GPU: choose --device cuda, or leave --cuda-graph out");
        };
        let functions = Functions::load().context("loading the functions for CUDA graphs")?;
        Ok(Self { functions, device: index, recording: RefCell::new(None) })
    }

    /// What the model's matcher finds; recorded at the first call with these shapes.
    ///
    /// # Errors
    /// When the pass cannot be recorded or launched.
    pub fn matching(
        &self,
        model: &Model,
        source: &Features,
        target: &Features,
    ) -> Result<Matching> {
        let mut slot = self.recording.borrow_mut();
        let fits = |recording: &Recording| {
            recording.source.same_sizes(source) && recording.target.same_sizes(target)
        };
        let recording = match slot.take().filter(fits) {
            Some(recording) => slot.insert(recording),
            None => slot.insert(self.record(model, source, target).context(
                "recording the matcher as a CUDA graph (without --cuda-graph it runs step by step)",
            )?),
        };
        recording.source.copy_from(source);
        recording.target.copy_from(target);
        let replay = self.functions.replay;
        // Safety: the graph is alive, and the message has the length that is told.
        attempt(|message| unsafe { replay(recording.graph, message, MESSAGE) })
            .context("launching the matcher as a CUDA graph")?;
        let Matching { flow, correlation } = &recording.matching;
        Ok(Matching { flow: flow.copy(), correlation: correlation.as_ref().map(Tensor::copy) })
    }

    fn record(&self, model: &Model, source: &Features, target: &Features) -> Result<Recording> {
        let (source, target) = (source.copy(), target.copy());
        // Once step by step: what libraries set up at their first use cannot be recorded.
        drop(model.matching(&source, &target));
        let Functions { begin, end, free, .. } = self.functions;
        let device = i8::try_from(self.device).context("counting the GPUs")?;
        let mut graph = std::ptr::null_mut();
        // Safety: the message has the length that is told.
        attempt(|message| {
            graph = unsafe { begin(device, message, MESSAGE) };
            !graph.is_null()
        })?;
        let run = std::panic::AssertUnwindSafe(|| model.matching(&source, &target));
        let matching = std::panic::catch_unwind(run);
        // Safety: the graph is `begin`'s; it is freed here if it was not recorded, else by its `Recording`.
        let ended = attempt(|message| unsafe { end(graph, message, MESSAGE) });
        let functions = self.functions;
        match (matching, ended) {
            (Ok(matching), Ok(())) => Ok(Recording { functions, graph, source, target, matching }),
            (matching, ended) => {
                unsafe { free(graph) };
                ended?;
                drop(matching);
                bail!("an operation of the matcher cannot be recorded")
            }
        }
    }
}

impl Functions {
    fn load() -> Result<Self> {
        // Safety: the library is ours, and its functions have the types named here. It is never closed, so
        // they stay.
        unsafe {
            let library = open(LIBRARY)?;
            let functions = Self {
                begin: *library.get::<Begin>(b"lpmflow_graph_begin")?,
                end: *library.get::<Act>(b"lpmflow_graph_end")?,
                replay: *library.get::<Act>(b"lpmflow_graph_replay")?,
                free: *library.get::<Free>(b"lpmflow_graph_free")?,
            };
            std::mem::forget(library);
            Ok(functions)
        }
    }
}

/// Opens a shared library that lies in this program.
fn open(bytes: &[u8]) -> Result<Library> {
    if bytes.is_empty() {
        bail!(
            "this program was built without CUDA's headers; build it with the libtorch of \
             scripts/setup.sh"
        );
    }
    let mut file = tempfile::NamedTempFile::new().context("making a temporary file")?;
    file.write_all(bytes).with_context(|| format!("writing `{}`", file.path().display()))?;
    // Safety: the library is ours and has no initialisers. The file may go once it is open.
    Ok(unsafe { Library::new(file.path()) }?)
}

/// Calls a function that returns whether it succeeded, and else its reason in the text it is given.
fn attempt(call: impl FnOnce(*mut c_char) -> bool) -> Result<()> {
    let mut message = [0 as c_char; MESSAGE];
    if call(message.as_mut_ptr()) {
        return Ok(());
    }
    message[MESSAGE - 1] = 0;
    // Safety: the last byte is zero.
    let text = unsafe { CStr::from_ptr(message.as_ptr()) }.to_string_lossy();
    bail!("{}", text.lines().next().unwrap_or("for no stated reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_there_and_holds_its_functions() {
        assert!(LIBRARY.starts_with(b"\x7fELF"), "built without CUDA's headers");
        for name in ["begin", "end", "replay", "free"] {
            let name = format!("lpmflow_graph_{name}\0");
            assert!(LIBRARY.windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn graphs_need_a_gpu_and_errors_are_one_line() {
        let error = CudaGraphMatcher::new(Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("--device cuda"), "{error}");
        let fails = |message: *mut c_char| {
            let text = c"first line\nsecond line";
            unsafe { std::ptr::copy(text.as_ptr(), message, text.count_bytes() + 1) };
            false
        };
        assert_eq!(attempt(fails).unwrap_err().to_string(), "first line");
    }
}
