//! TorchScript: the network as a graph that PyTorch and C++ programs load without this tool.
//!
//! The module is `forward(source, target) -> flow`. Both images are `[B, 3, H, W]`, RGB, float32, values 0
//! to 1, which it checks; normalisation is inside. `H` and `W` are the model's `input_size`, an attribute of the
//! module; other sizes are resized bilinearly. `flow(source, target)` is the same unchecked. A model
//! of padded squares takes, and its flow speaks of, the squares: padding is the caller's.
//! The flow is `[B, 2, h, w]`, float32, on the source grid and in its own pixels.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use tch::{CModule, Device, Kind, Tensor};

use crate::export::archive;
use crate::export::interface::CLASS;
use crate::model::Model;
use crate::model::features::Role;
use crate::model::normalisation::Normaliser;
use crate::model::weights::description::Description;
use crate::nn::native;
use crate::nn::runtime::recording::recording;
use crate::output;
use crate::visible::Shown;

/// The name under which PyTorch gives the model's description (`_extra_files` of `torch.jit.load`).
const DESCRIPTION: &str = "lpmflow.json";

/// A model behind the module's interface.
#[derive(Debug)]
pub(crate) struct Network<'a> {
    model: &'a Model,
    normaliser: Normaliser,
}

impl<'a> Network<'a> {
    /// A model, its variables on the CPU.
    pub(crate) fn new(model: &'a Model) -> Self {
        Self { model, normaliser: Normaliser::new(model.normalisation(), Device::Cpu) }
    }

    /// The flow between two batches of images.
    pub(crate) fn forward(&self, source: &Tensor, target: &Tensor) -> Tensor {
        let [source, target] = [(source, Role::Source), (target, Role::Target)]
            .map(|(images, role)| self.model.features(&self.normaliser.apply(images), role));
        self.model.flow(&source, &target).to_kind(Kind::Float)
    }
}

/// Writes a model, whose variables are on the CPU, as a TorchScript file.
///
/// # Errors
/// When libtorch cannot trace the model, or the file cannot be written.
pub(crate) fn save(model: &Model, description: &Description, path: &Path) -> Result<()> {
    let description = (DESCRIPTION, description.to_json()?);
    let module = trace(model).context("tracing the model")?;
    let input_size = model.config().input_size;
    // By way of files: a large model fits into memory once or twice, not four times.
    output::write(path, |file| {
        let [mut traced, summing] = [output::scratch(path)?, output::scratch(path)?];
        native::module::archive(&module, traced.as_file_mut())?;
        archive::seal(traced, summing, input_size, description, file)
    })
}

/// Loads a TorchScript file, compared with all its checksums.
///
/// # Errors
/// When the file is damaged or libtorch cannot read it.
pub(crate) fn load(path: &Path) -> Result<CModule> {
    let load = || -> Result<CModule> {
        archive::check(path)?;
        match path.to_str() {
            Some(_) => Ok(CModule::load(path)?),
            // libtorch opens none of another name.
            None => Ok(CModule::load_data(&mut File::open(path)?)?),
        }
    };
    load().with_context(|| format!("reading the TorchScript file `{}`", path.shown()))
}

/// Records the operations of one forward pass. They are the same for every batch size. The images are of
/// another size than the network's, so that resizing is among the operations.
fn trace(model: &Model) -> Result<CModule> {
    let side = model.config().input_size as i64 + 1;
    let images = [(); 2].map(|()| Tensor::zeros([1, 3, side, side], (Kind::Float, Device::Cpu)));
    let network = Network::new(model);
    Ok(tch::no_grad(|| {
        CModule::create_by_tracing(CLASS, "forward", &images, &mut |images| {
            vec![recording(|| network.forward(&images[0], &images[1]))]
        })
    })?)
}
