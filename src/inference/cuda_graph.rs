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
use crate::nn::runtime::recording::recording;

/// The passes that a pair may take, each recorded for what it was last asked for.
#[derive(Debug)]
pub(super) struct RecordedPasses {
    recorder: Recorder,
    /// From two photos to what is kept of them and their matching.
    whole: Slot<Tensor, (Features, Matching)>,
    /// From the features of two photos to their matching.
    matcher: Slot<[Features; 2], Matching>,
}

impl RecordedPasses {
    /// Ready to record on `device`. libtorch's CUDA library must be open.
    ///
    /// # Errors
    /// When the device is no GPU, or this program was built without CUDA's headers.
    pub(super) fn new(device: Device) -> Result<Self> {
        let Device::Cuda(device) = device else {
            bail!("CUDA graphs need a GPU: choose --device cuda, or leave --cuda-graph out");
        };
        let graphs = CudaGraphs::open().context("loading the functions for CUDA graphs")?;
        let recorder = Recorder { graphs, device };
        Ok(Self { recorder, whole: Slot::default(), matcher: Slot::default() })
    }

    /// What is to be kept of the two photos of a pair, and what corresponds between them.
    ///
    /// # Shapes
    /// `images` `[2, 3, H, W]` on the GPU, normalised.
    ///
    /// # Errors
    /// When the pass cannot be recorded or launched.
    pub(super) fn whole(
        &self,
        model: &Model,
        images: &Tensor,
        wanted: Wanted,
    ) -> Result<(Features, Matching)> {
        self.whole.run(&self.recorder, wanted, images, |images| {
            let kept = model.kept_of_pairs(images);
            let [source, target] = model.unpacked(kept.shallow_clone()).halves();
            let matching = model.matching(&source, &target, wanted);
            (kept, matching)
        })
    }

    /// What corresponds between photos with these features.
    ///
    /// # Errors
    /// As [`RecordedPasses::whole`].
    pub(super) fn matching(
        &self,
        model: &Model,
        features: &[Features; 2],
        wanted: Wanted,
    ) -> Result<Matching> {
        self.matcher.run(&self.recorder, wanted, features, |[source, target]| {
            model.matching(source, target, wanted)
        })
    }
}

#[derive(Debug)]
struct Recorder {
    graphs: CudaGraphs,
    device: usize,
}

/// A pass as it was last recorded.
#[derive(Debug)]
struct Slot<I, O>(RefCell<Option<Recording<I, O>>>);

#[derive(Debug)]
struct Recording<I, O> {
    graph: CudaGraph,
    wanted: Wanted,
    /// What the recorded pass reads and writes: always the same memory.
    inputs: I,
    outputs: O,
}

impl<I, O> Default for Slot<I, O> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<I: Input, O: Values> Slot<I, O> {
    /// What `pass` makes of the inputs; recorded at the first call with these sizes and this wish.
    fn run(
        &self,
        recorder: &Recorder,
        wanted: Wanted,
        inputs: &I,
        pass: impl Fn(&I) -> O,
    ) -> Result<O> {
        let mut slot = self.0.borrow_mut();
        let fits = |recording: &Recording<I, O>| {
            recording.wanted == wanted && recording.inputs.same_sizes(inputs)
        };
        let recording = match slot.take().filter(fits) {
            Some(recording) => slot.insert(recording),
            None => {
                let inputs = inputs.copied();
                // Once step by step: what libraries set up at their first use cannot be recorded.
                drop(recording(|| pass(&inputs)));
                let recorded =
                    recorder.graphs.record(recorder.device, || recording(|| pass(&inputs)));
                let (graph, outputs) = recorded.context(
                    "recording the forward pass as a CUDA graph (without --cuda-graph it runs step by step)",
                )?;
                slot.insert(Recording { graph, wanted, inputs, outputs })
            }
        };
        recording.inputs.take_over(inputs);
        recording.graph.replay().context("launching the forward pass as a CUDA graph")?;
        Ok(recording.outputs.copied())
    }
}

/// Tensors whose values stay in place.
trait Values {
    /// The same values in memory of their own.
    fn copied(&self) -> Self;
}

/// What a recorded pass reads.
trait Input: Values {
    /// Whether all tensors have the sizes of the others.
    fn same_sizes(&self, other: &Self) -> bool;

    /// Takes over values of the same sizes.
    fn take_over(&mut self, other: &Self);
}

impl Values for Tensor {
    fn copied(&self) -> Self {
        self.copy()
    }
}

impl Input for Tensor {
    fn same_sizes(&self, other: &Self) -> bool {
        self.size() == other.size()
    }

    fn take_over(&mut self, other: &Self) {
        self.copy_(other);
    }
}

impl Values for [Features; 2] {
    fn copied(&self) -> Self {
        self.each_ref().map(Features::copy)
    }
}

impl Input for [Features; 2] {
    fn same_sizes(&self, other: &Self) -> bool {
        self.iter().zip(other).all(|(own, other)| own.same_sizes(other))
    }

    fn take_over(&mut self, other: &Self) {
        self.iter_mut().zip(other).for_each(|(own, other)| own.copy_from(other));
    }
}

impl Values for Matching {
    fn copied(&self) -> Self {
        let copy = |part: &Option<Tensor>| part.as_ref().map(Tensor::copy);
        let Self { flow, correlation, confidence, focus } = self;
        Self {
            flow: flow.copy(),
            correlation: copy(correlation),
            confidence: copy(confidence),
            focus: copy(focus),
        }
    }
}

impl Values for (Features, Matching) {
    fn copied(&self) -> Self {
        (self.0.copy(), self.1.copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_need_a_gpu() {
        let error = RecordedPasses::new(Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("--device cuda"), "{error}");
    }
}
