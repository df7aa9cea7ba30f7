//! Weight files: finding, reading, checking and writing them.
//!
//! Read are our safetensors, which carry the model's configuration, and PyTorch checkpoints in the forms of
//! [`crate::model::architecture::PUBLISHED`].

mod checksum;
pub(crate) mod description;
pub(crate) mod efficientnet;
pub(crate) mod find;
mod pickle;
pub(crate) mod published;
pub(crate) mod pytorch;
pub(crate) mod report;
pub(crate) mod safetensors;
pub(crate) mod save;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::architecture::PUBLISHED;
use crate::model::config::{BACKBONE, ModelConfig};
use crate::nn::parameters::{Parameter, VarBuilder};
use description::{Description, Provenance, SourceFile};
use published::{Naming, Published};
use report::LoadReport;

/// The file inside the authors' folders.
const AUTHORS_FILE: &str = "model_best.pth";

/// The tensors of one file, under the names that models use.
#[derive(Debug)]
pub(crate) struct StoredWeights {
    /// The file they were read from.
    pub path: PathBuf,
    /// The values, on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// Whose file it is.
    pub source: Source,
}

/// Whose file it is.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Ours.
    Described(Box<Description>),
    /// Published by others.
    Published(&'static Published),
}

/// A model with the values of a file.
#[derive(Debug)]
pub(crate) struct LoadedModel {
    /// The model.
    pub model: Model,
    /// Its parameters; they share storage with the model.
    pub parameters: Vec<Parameter>,
    /// How the file's tensors fitted.
    #[cfg_attr(not(test), expect(dead_code, reason = "errors of it are reported at once"))]
    pub report: LoadReport,
    /// Where the values come from.
    pub provenance: Provenance,
    /// What a user of an older file should know.
    pub notes: Vec<String>,
    /// The file.
    pub path: PathBuf,
}

/// Reads the weights of `path`, a file of one of the three forms or the authors' folder, and builds the
/// model they belong to, its variables held in `kind`.
///
/// # Errors
/// When the file cannot be read, or does not fit its model exactly; everything wrong is listed at once.
pub(crate) fn load(path: &Path, device: Device, kind: Kind) -> Result<LoadedModel> {
    let stored = read(path)?;
    let config = stored.config();
    stored.into_model(&config, device, kind)
}

/// Reads the tensors of `path`, a file of one of the three forms or the authors' folder.
///
/// # Errors
/// When the file cannot be read or is of none of the forms.
pub(crate) fn read(path: &Path) -> Result<StoredWeights> {
    let path = if path.is_dir() { path.join(AUTHORS_FILE) } else { path.to_owned() };
    if looks_like_safetensors(&path)? {
        let safetensors::Contents { tensors, description } = safetensors::read(&path)?;
        let description = || -> Result<Description> {
            Description::from_json(&description.context(
                "it holds no model configuration; only safetensors files that lpmflow wrote can be \
                 used",
            )?)
        };
        let description = description()
            .with_context(|| format!("reading the safetensors file `{}`", path.display()))?;
        let source = Source::Described(Box::new(description));
        return Ok(StoredWeights { path, tensors, source });
    }
    let checkpoint = pytorch::Checkpoint::open(&path)?;
    let Some(naming) = Naming::recognise(&checkpoint.names(), PUBLISHED) else {
        bail!(
            "the PyTorch checkpoint `{}` holds nothing known ({}); its tensors begin with: {}",
            path.display(),
            PUBLISHED.iter().map(|form| form.name).collect::<Vec<_>>().join(", "),
            checkpoint.names().into_iter().take(3).collect::<Vec<_>>().join(", ")
        );
    };
    let tensors = checkpoint
        .read(|name| naming.rename(name))
        .and_then(naming.form.adapt)
        .with_context(|| format!("reading the PyTorch checkpoint `{}`", path.display()))?;
    Ok(StoredWeights { path, tensors, source: Source::Published(naming.form) })
}

impl StoredWeights {
    /// The model that the file belongs to: as it says itself, or as its published form has it.
    pub(crate) fn config(&self) -> ModelConfig {
        match &self.source {
            Source::Described(description) => description.config.clone(),
            Source::Published(form) => (form.config)(),
        }
    }

    /// Whether the file holds a whole model that learns, not a backbone with something training-free on it.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.source {
            Source::Described(description) => description.config.is_learned(),
            Source::Published(form) => form.whole,
        }
    }

    /// Builds the model `config` from these values. Of a published backbone the rest starts fresh, drawn from libtorch's random generator. Variables are held in `kind`.
    ///
    /// # Errors
    /// When the values do not fit the model exactly; everything wrong is listed at once.
    pub(crate) fn into_model(
        self,
        config: &ModelConfig,
        device: Device,
        kind: Kind,
    ) -> Result<LoadedModel> {
        let (provenance, notes) = (self.provenance(), self.notes());
        let path = match self.source {
            Source::Published(form) if !form.whole => {
                VarBuilder::stored_below(self.tensors, BACKBONE, device)
            }
            _ => VarBuilder::stored(self.tensors, device),
        };
        let model = Model::new(&path.in_kind(kind), config)
            .with_context(|| format!("using the weights `{}`", self.path.display()))?;
        let (parameters, outcome) = path.finish();
        let report = LoadReport::new(outcome, &parameters, |name| config.is_unused(name));
        report.check().with_context(|| format!("using the weights `{}`", self.path.display()))?;
        Ok(LoadedModel { model, parameters, report, provenance, notes, path: self.path })
    }

    /// What a user of an older file should know: keys that have other names today.
    pub(crate) fn notes(&self) -> Vec<String> {
        match &self.source {
            Source::Described(description) => description.notes.clone(),
            Source::Published(_) => Vec::new(),
        }
    }

    /// Where the values come from.
    pub(crate) fn provenance(&self) -> Provenance {
        let (origin, licence) = match &self.source {
            Source::Described(description) => return description.provenance.clone(),
            Source::Published(form) => (form.origin, form.licence),
        };
        Provenance { origin: origin.into(), licence: licence.into(), ..Provenance::default() }
    }
}

/// What a provenance says of a file that weights are taken from.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn source_file(path: &Path) -> Result<SourceFile> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let taken_by = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(SourceFile { name, sha256: sha256(path)?, taken_by })
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let hash = || -> Result<String> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut hasher = Sha256::new();
        loop {
            let chunk = reader.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            hasher.update(chunk);
            let length = chunk.len();
            reader.consume(length);
        }
        let digest = hasher.finalize();
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    hash().with_context(|| format!("hashing `{}`", path.display()))
}

/// Whether a file begins as safetensors do: the header's length in eight bytes, then JSON.
fn looks_like_safetensors(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(9).read_to_end(&mut start))
        .with_context(|| format!("reading the weights `{}`", path.display()))?;
    Ok(start.get(8) == Some(&b'{'))
}
