//! CUDA graphs: a forward pass of fixed shape is recorded once and then launched as a whole, so that the GPU
//! does not wait for the processor between its many small steps.

use std::cell::RefCell;

use anyhow::{Context, Result, bail};
use tch::{Device, Tensor};

use crate::flow::Wanted;
use crate::model::Model;
use crate::model::features::Features;
use crate::model::matcher::Matching;
use crate::nn::native::cuda_graph::{CudaGraph, CudaGraphs};

/// The matcher's pass from two photos' features to their flow, recorded for what it was last asked for.
#[derive(Debug)]
pub(super) struct CudaGraphMatcher {
    graphs: CudaGraphs,
    device: usize,
    recording: RefCell<Option<Recording>>,
}

#[derive(Debug)]
struct Recording {
    graph: CudaGraph,
    wanted: Wanted,
    /// What the recorded pass reads and writes: always the same memory.
    source: Features,
    target: Features,
    matching: Matching,
}

impl CudaGraphMatcher {
    /// Ready to record on `device`. libtorch's CUDA library must be open.
    ///
    /// # Errors
    /// When the device is no GPU, or this program was built without CUDA's headers.
    pub(super) fn new(device: Device) -> Result<Self> {
        let Device::Cuda(index) = device else {
            bail!("CUDA graphs need a GPU: choose --device cuda, or leave --cuda-graph out");
        };
        let graphs = CudaGraphs::open().context("loading the functions for CUDA graphs")?;
        Ok(Self { graphs, device: index, recording: RefCell::new(None) })
    }

    /// What the model's matcher finds; recorded at the first call with these shapes and this wish.
    ///
    /// # Errors
    /// When the pass cannot be recorded or launched.
    pub(super) fn matching(
        &self,
        model: &Model,
        source: &Features,
        target: &Features,
        wanted: Wanted,
    ) -> Result<Matching> {
        let mut slot = self.recording.borrow_mut();
        let fits = |recording: &Recording| {
            recording.wanted == wanted
                && recording.source.same_sizes(source)
                && recording.target.same_sizes(target)
        };
        let recording = match slot.take().filter(fits) {
            Some(recording) => slot.insert(recording),
            None => slot.insert(self.record(model, source, target, wanted).context(
                "recording the matcher as a CUDA graph (without --cuda-graph it runs step by step)",
            )?),
        };
        recording.source.copy_from(source);
        recording.target.copy_from(target);
        recording.graph.replay().context("launching the matcher as a CUDA graph")?;
        let Matching { flow, correlation, confidence } = &recording.matching;
        let copy = |part: &Option<Tensor>| part.as_ref().map(Tensor::copy);
        Ok(Matching {
            flow: flow.copy(),
            correlation: copy(correlation),
            confidence: copy(confidence),
        })
    }

    fn record(
        &self,
        model: &Model,
        source: &Features,
        target: &Features,
        wanted: Wanted,
    ) -> Result<Recording> {
        let (source, target) = (source.copy(), target.copy());
        // Once step by step: what libraries set up at their first use cannot be recorded.
        drop(model.matching(&source, &target, wanted));
        let (graph, matching) =
            self.graphs.record(self.device, || model.matching(&source, &target, wanted))?;
        Ok(Recording { graph, wanted, source, target, matching })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_need_a_gpu() {
        let error = CudaGraphMatcher::new(Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("--device cuda"), "{error}");
    }
}
