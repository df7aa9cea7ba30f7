//! Export: a model leaves the tool as a weight file or as a graph that others load, proven equal.

mod archive;
mod code;
mod interface;
pub(crate) mod torchscript;
pub(crate) mod verify;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::input::ImageShape;
use crate::model::weights::LoadedModel;
use crate::model::weights::choice::Choice;
use crate::model::weights::description::Description;
use crate::model::weights::place::Place;
use crate::model::weights::save::{self, Storage};
use crate::nn::parameters::VarBuilder;

/// What starts the variables that an iBOT file does not hold, so that equal input makes an equal file.
const INITIAL_SEED: i64 = 0;

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Weights with the model's configuration, for this tool and readers of safetensors.
    Safetensors,
    /// The network with its weights, for PyTorch and C++.
    TorchScript,
}

/// A model to be exported, on the CPU.
#[derive(Debug)]
pub(crate) struct Original {
    loaded: LoadedModel,
    description: Description,
}

impl Original {
    /// Loads the chosen weights. With a `config`, builds that model of them; this makes a complete model of a
    /// backbone, the rest starting fresh.
    ///
    /// # Errors
    /// When there are no such weights, or they do not fit the model.
    pub(crate) fn load(choice: &Choice, config: Option<ModelConfig>) -> Result<Self> {
        let stored = choice.open()?;
        let config = config.map_or_else(|| choice.config(&stored), Ok)?;
        tch::manual_seed(INITIAL_SEED);
        let loaded = stored.into_model(&config, Device::Cpu, Kind::Float)?;
        let mut provenance = loaded.provenance.clone();
        provenance.derived_from.push(loaded.place.source_file()?);
        Ok(Self { loaded, description: Description::new(config, provenance) })
    }

    /// Where the weights were read from.
    pub(crate) fn place(&self) -> &Place {
        &self.loaded.place
    }

    /// The model.
    pub(crate) fn config(&self) -> &ModelConfig {
        &self.description.config
    }

    /// What a user of an older weight file should know.
    pub(crate) fn notes(&self) -> &[String] {
        &self.loaded.notes
    }

    /// Writes the model as `output`. `precision` is what a safetensors file stores and what a TorchScript
    /// network computes in.
    ///
    /// # Errors
    /// When the file cannot be written, or values do not fit the precision.
    pub(crate) fn export(&self, output: &Path, format: Format, precision: Storage) -> Result<()> {
        match format {
            Format::Safetensors => {
                save::save(output, &self.tensors(), &self.description, precision)
            }
            Format::TorchScript => {
                ensure!(
                    self.config().matcher.looks() == 1,
                    "where the closer look of this quality goes depends on the photos, which TorchScript's graphs cannot \
                     hold: add --quality standard or fast, or export it as .safetensors"
                );
                ensure!(
                    self.config().input.shape() == ImageShape::Square,
                    "the matcher `{}` takes photos in frames that are no squares, which the interface of exported graphs \
                     does not have: export it as .safetensors",
                    self.config().matcher.kind()
                );
                ensure!(
                    self.config().matcher.is_traceable(),
                    "the matcher `{}` chooses what it computes by the photos, which TorchScript's graphs cannot hold: \
                     export it as .safetensors",
                    self.config().matcher.kind()
                );
                let mut model = self.network(format, precision)?;
                // What a graph would compute anew for every photo, and ONNX has no operation for.
                model.settle();
                torchscript::save(&model, &self.description, output)
            }
        }
    }

    /// The model that a file of this format and precision holds.
    ///
    /// # Errors
    /// When values do not fit the precision.
    fn network(&self, format: Format, precision: Storage) -> Result<Model> {
        let mut tensors = self.tensors();
        save::check_range(&tensors, precision)?;
        for tensor in tensors.values_mut() {
            *tensor = tensor.to_kind(precision.kind());
        }
        let computing = match format {
            Format::Safetensors => Kind::Float,
            Format::TorchScript => precision.kind(),
        };
        let path = VarBuilder::stored(tensors, Device::Cpu).in_kind(computing);
        Model::new(&path, &self.description.config)
    }

    fn tensors(&self) -> BTreeMap<String, Tensor> {
        let parameters = &self.loaded.parameters;
        parameters.iter().map(|v| (v.name.clone(), v.tensor.shallow_clone())).collect()
    }
}
