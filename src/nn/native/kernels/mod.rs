//! CUDA kernels of our own (`*.cu`): compiled where they run, by NVRTC, for the GPU that is there, and launched on
//! libtorch's current stream, so that they take part in its order and in CUDA graphs.
//!
//! They serve where `--kernels own` was said ([`serving::enable`]); libtorch's own run otherwise. Each has a file that
//! turns tensors into [`launch::Launch`]es: what these say is tried on the CPU too, by tests that run the same sources
//! there.

pub(crate) mod agreement;
pub(crate) mod attention;
pub(crate) mod compiler;
pub(crate) mod disc;
mod driver;
pub(crate) mod launch;
pub(crate) mod neighbours;
pub(crate) mod serving;
pub(crate) mod soft_argmax;
pub(crate) mod source;
pub(crate) mod store;
