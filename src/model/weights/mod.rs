//! Weight files: finding, reading, checking and writing them.
//!
//! Read are our safetensors, which carry the model's configuration, and PyTorch checkpoints in the forms of
//! [`crate::model::architecture::PUBLISHED`].

pub(crate) mod actr;
pub(crate) mod archive;
pub(crate) mod arguments;
mod batch_norm;
pub(crate) mod cats;
mod checksum;
pub(crate) mod chm;
pub(crate) mod choice;
pub(crate) mod description;
pub(crate) mod dhpf;
pub(crate) mod digest;
pub(crate) mod efficientnet;
pub(crate) mod fcn;
pub(crate) mod find;
mod foreign;
pub(crate) mod heads;
pub(crate) mod marco;
pub(crate) mod mmnet;
mod naming;
pub(crate) mod ncnet;
pub(crate) mod place;
pub(crate) mod published;
pub(crate) mod pytorch;
pub(crate) mod report;
pub(crate) mod resnet;
pub(crate) mod safetensors;
pub(crate) mod save;
pub(crate) mod transformatcher;
mod twins;
pub(crate) mod vision_transformers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::architecture::PUBLISHED;
use crate::model::config::{BACKBONE, ModelConfig};
use crate::nn::parameters::{Parameter, VarBuilder};
use crate::visible::Shown;
use arguments::Arguments;
use description::{Description, Provenance};
use find::find;
use naming::Naming;
use place::Place;
use published::{Holds, Published};
use report::LoadReport;

/// The tensors of one file, under the names that models use.
#[derive(Debug)]
pub(crate) struct StoredWeights {
    /// Where they were read from.
    pub place: Place,
    /// The values, on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// Whose file it is.
    pub source: Source,
    /// What a user should know of how the file was read.
    pub note: Option<String>,
    /// What its authors' training was told, if that lies beside it.
    pub arguments: Arguments,
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
    /// Where the values were read from.
    pub place: Place,
}

/// Finds and reads the weights that a user calls `wanted`: a name, a file, or a folder (see [`find()`]). Of a
/// checkpoint, `dictionary` is the one to take; without it, the only one that fits, or the usual one.
///
/// # Errors
/// When there are none, or as [`read`].
pub(crate) fn open(wanted: &Path, dictionary: Option<&str>) -> Result<StoredWeights> {
    match find(wanted)? {
        Place::File(path) => read_from(&path, dictionary),
        Place::Program(weights) => {
            let place = Place::Program(weights);
            ensure_whole(dictionary, &place)?;
            let contents = safetensors::read_bytes(weights.content);
            contents
                .and_then(|contents| described(contents, place.clone()))
                .with_context(|| format!("reading the weights {place}"))
        }
        Place::Joined(_) => bail!("`{}` leads to two files", wanted.shown()),
    }
}

/// Reads the tensors of a file: ours, or one of the published forms.
///
/// # Errors
/// When the file cannot be read or is of none of the forms.
pub(crate) fn read(path: &Path) -> Result<StoredWeights> {
    read_from(path, None)
}

fn read_from(path: &Path, dictionary: Option<&str>) -> Result<StoredWeights> {
    let place = Place::File(path.to_owned());
    if looks_like_safetensors(path)? {
        return safetensors::read(path)
            .and_then(|contents| match contents.description {
                Some(_) => {
                    ensure_whole(dictionary, &place)?;
                    described(contents, place)
                }
                None => {
                    let names: Vec<&str> = contents.tensors.keys().map(String::as_str).collect();
                    let naming = recognised(&names, dictionary)?;
                    let renamed =
                        |(name, tensor): (String, _)| Some((naming.rename(&name)?, tensor));
                    let tensors = contents.tensors.into_iter().filter_map(renamed).collect();
                    published(tensors, &naming, place)
                }
            })
            .with_context(|| format!("reading the safetensors file `{}`", path.shown()));
    }
    foreign::check(path).with_context(|| format!("reading the weights `{}`", path.shown()))?;
    let checkpoint = pytorch::Checkpoint::open(path)?;
    let context = || format!("reading the PyTorch checkpoint {place}");
    let naming = recognised(&checkpoint.names(), dictionary)
        .with_context(|| format!("{}, which has {}", context(), checkpoint.dictionaries()))?;
    checkpoint
        .read(|name| naming.rename(name))
        .and_then(|tensors| published(tensors, &naming, place.clone()))
        .with_context(context)
}

/// Ensures that nobody asks for a part of weights that have none.
fn ensure_whole(dictionary: Option<&str>, place: &Place) -> Result<()> {
    ensure!(
        dictionary.is_none(),
        "--dictionary chooses within a PyTorch checkpoint, and the weights {place} are none: leave it out"
    );
    Ok(())
}

/// How the names of a file of others lead to a model's.
fn recognised(names: &[&str], dictionary: Option<&str>) -> Result<Naming> {
    let naming = Naming::recognise(names, PUBLISHED, dictionary)?;
    naming.with_context(|| {
        let part = dictionary.map(|name| format!(" in its dictionary `{name}`"));
        format!(
            "it holds no model configuration, as lpmflow's own files do, and nothing known ({}){}; its tensors \
             begin with: {}",
            PUBLISHED.iter().map(|form| form.name).collect::<Vec<_>>().join(", "),
            part.unwrap_or_default(),
            names.iter().take(3).copied().collect::<Vec<_>>().join(", ")
        )
    })
}

/// Weights of others, by their renamed tensors.
fn published(
    tensors: BTreeMap<String, Tensor>,
    naming: &Naming,
    place: Place,
) -> Result<StoredWeights> {
    let (source, note) = (Source::Published(naming.form), naming.note());
    let file = place.file().filter(|_| !naming.form.meanings.is_empty());
    let arguments = file.map(Arguments::beside).unwrap_or_default();
    Ok(StoredWeights { place, tensors: (naming.form.adapt)(tensors)?, source, note, arguments })
}

/// Weights of ours, by what their file says of itself.
fn described(contents: safetensors::Contents, place: Place) -> Result<StoredWeights> {
    let description = contents.description.context(
        "it holds no model configuration; only safetensors files that lpmflow wrote can be used",
    )?;
    let source = Source::Described(Box::new(Description::from_json(&description)?));
    let (tensors, arguments) = (contents.tensors, Arguments::default());
    Ok(StoredWeights { place, tensors, source, note: None, arguments })
}

impl StoredWeights {
    /// The model that the file belongs to: as it says itself, or as its published form has it.
    ///
    /// # Errors
    /// When the tensors of a published file belong to no model of that form.
    pub(crate) fn config(&self) -> Result<ModelConfig> {
        match &self.source {
            Source::Described(description) => Ok(description.config.clone()),
            Source::Published(form) => (form.config)(&self.tensors, &self.arguments)
                .with_context(|| format!("using the weights {}", self.place)),
        }
    }

    /// Whether the file holds a whole model that learns, not a backbone with something training-free on it.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.source {
            Source::Described(description) => description.config.is_learned(),
            Source::Published(form) => matches!(form.holds, Holds::Model),
        }
    }

    /// These weights of a backbone with a head that is published by itself.
    ///
    /// # Errors
    /// When `head` holds none, or one for another backbone.
    pub(crate) fn with_head(self, head: Self) -> Result<Self> {
        let Source::Published(Published { holds: Holds::Head(onto), name, .. }) = head.source
        else {
            bail!("the weights {} hold no head alone, so --head cannot take them", head.place);
        };
        let joined = || -> Result<Description> {
            let config = onto(&self.config()?, &head.tensors)?;
            let [own, other] = [self.provenance(), head.provenance()];
            let both = |own: String, other: String| format!("{own}; {other}");
            let provenance = Provenance {
                origin: both(own.origin, other.origin),
                licence: both(own.licence, other.licence),
                ..Provenance::default()
            };
            Ok(Description::new(config, provenance))
        };
        let description = joined().with_context(|| {
            format!("joining {name} ({}) with the backbone {}", head.place, self.place)
        })?;
        // What the backbone's form allows to be there unread is left out: the joined file would be ours.
        let config = &description.config;
        let blank = VarBuilder::stored(BTreeMap::new(), Device::Cpu);
        Model::new(&blank, config)
            .with_context(|| format!("using {name} ({}) with {}", head.place, self.place))?;
        let (read, _) = blank.finish();
        let read: BTreeSet<String> = read.into_iter().map(|parameter| parameter.name).collect();
        let mut tensors = self.tensors;
        tensors.retain(|name, _| read.contains(name) || !config.is_unused(name));
        tensors.extend(head.tensors);
        let note = self.note.or(head.note);
        Ok(Self {
            place: Place::Joined(Box::new([self.place, head.place])),
            tensors,
            source: Source::Described(Box::new(description)),
            note,
            arguments: Arguments::default(),
        })
    }

    /// Builds the model that these values belong to, its variables held in `kind`.
    ///
    /// # Errors
    /// As [`StoredWeights::into_model`].
    pub(crate) fn load(self, device: Device, kind: Kind) -> Result<LoadedModel> {
        let config = self.config()?;
        self.into_model(&config, device, kind)
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
            Source::Published(form) if matches!(form.holds, Holds::Backbone) => {
                VarBuilder::stored_below(self.tensors, BACKBONE, device)
            }
            _ => VarBuilder::stored(self.tensors, device),
        };
        let model = Model::new(&path.in_kind(kind), config)
            .with_context(|| format!("using the weights {}", self.place))?;
        let (parameters, outcome) = path.finish();
        let report = LoadReport::new(outcome, &parameters, |name| config.is_unused(name));
        report.check().with_context(|| format!("using the weights {}", self.place))?;
        Ok(LoadedModel { model, parameters, report, provenance, notes, place: self.place })
    }

    /// What a user should know of the file: keys that have other names today, what else it holds.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.note.iter().cloned().collect();
        match &self.source {
            Source::Described(description) => notes.extend(description.notes.iter().cloned()),
            Source::Published(form) => {
                let config = self.config().ok();
                notes.extend(config.iter().flat_map(|c| self.arguments.notes(c, form.meanings)));
            }
        }
        notes
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

/// Whether a file begins as safetensors do: the header's length in eight bytes, then JSON.
fn looks_like_safetensors(path: &Path) -> Result<bool> {
    let attempt = || -> Result<bool> {
        ensure!(
            fs::metadata(path)?.is_file(),
            "it is a pipe or a device, and weights are read from where they lie: save them as a file first"
        );
        let mut start = Vec::new();
        File::open(path)?.take(9).read_to_end(&mut start)?;
        Ok(start.get(8) == Some(&b'{'))
    };
    attempt().with_context(|| format!("reading the weights `{}`", path.shown()))
}
