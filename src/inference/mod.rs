//! Inference: frames become features, kept per photo, and features become flows.

pub mod cache;
mod cuda_graph;
pub mod device;
pub mod frame;
pub mod memory;
pub mod precision;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use image::RgbImage;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::flow::{Flow, Matched};
use crate::geometry::Size;
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::features::Features;
use crate::model::matcher::Matching;
use crate::model::weights::find::find;
use crate::model::weights::report::LoadReport;
use crate::model::weights::{load, sha256};
use crate::nn::parameters::{Parameter, VarBuilder};
use cache::FeatureCache;
use cuda_graph::CudaGraphMatcher;
use frame::{Frame, FrameKey, batch};
use precision::Precision;

/// Which weights to run, where, and how much to keep.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// A name or a file (see [`find`]).
    pub weights: PathBuf,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// Number format of the network.
    pub precision: Precision,
    /// Features kept at most, in bytes.
    pub cache_bytes: usize,
    /// Launch the matcher as a CUDA graph where one pair is matched at a time.
    pub cuda_graph: bool,
}

impl EngineOptions {
    /// The device, which computes in the wanted precision.
    fn device(&self) -> Result<Device> {
        prepare_device(&self.device, self.precision)
    }

    fn recorded(&self, device: Device) -> Result<Option<CudaGraphMatcher>> {
        self.cuda_graph.then(|| CudaGraphMatcher::new(device)).transpose()
    }
}

/// The device that `auto`, `cpu`, `cuda` or `cuda:N` means, set up for a precision.
///
/// # Errors
/// When there is no such device, or it does not compute in that precision.
pub fn prepare_device(wanted: &str, precision: Precision) -> Result<Device> {
    let device = device::choose(wanted)?;
    precision.check(device)?;
    if device.is_cuda() {
        precision.tf32().apply();
    }
    Ok(device)
}

/// What turns frames into flows: the engine, or a known flow in tests.
pub trait FlowNetwork {
    /// The size photos must be stretched to.
    fn input_size(&self) -> Size;

    /// What corresponds in each of a batch of (source, target) pairs.
    ///
    /// # Errors
    /// When the network cannot run.
    fn matched(&mut self, pairs: &[(Frame, Frame)]) -> Result<Vec<Matched>>;
}

/// What a report says of the model behind its numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelDescription {
    /// The weights as the user named them.
    pub weights: String,
    /// SHA-256 of the weight file, in hexadecimal; none for random values.
    pub sha256: Option<String>,
    /// The complete configuration.
    pub config: ModelConfig,
    /// Number of trained values.
    pub parameters: u64,
}

/// A tensor of the CPU on `device`; a GPU fetches it by itself, from memory that stays in place.
fn to_device(tensor: Tensor, device: Device) -> Tensor {
    if !device.is_cuda() {
        return tensor;
    }
    let kind = tensor.kind();
    tensor.pin_memory(device).to_device_(device, kind, true, false)
}

/// The number of values in a model's parameters; buffers are none.
fn count(parameters: &[Parameter]) -> u64 {
    let trained = parameters.iter().filter(|parameter| !parameter.buffer);
    trained.map(|parameter| parameter.tensor.numel() as u64).sum()
}

/// A model ready to match photos.
#[derive(Debug)]
pub struct Engine {
    model: Model,
    weights: PathBuf,
    /// `None` for random values.
    file: Option<PathBuf>,
    parameters: u64,
    device: Device,
    cache: FeatureCache,
    recorded: Option<CudaGraphMatcher>,
}

impl Engine {
    /// Finds, reads and checks the weights, and places the model on its device.
    ///
    /// # Errors
    /// When there are no such weights, they do not fit their model, or the device cannot be used.
    pub fn load(options: &EngineOptions) -> Result<Self> {
        let device = options.device()?;
        let file = find(&options.weights)?;
        let loaded = load(&file, device, options.precision.kind())?;
        memory::keep_freed_memory();
        Ok(Self {
            model: loaded.model,
            weights: options.weights.clone(),
            file: Some(loaded.path),
            parameters: count(&loaded.parameters),
            device,
            cache: FeatureCache::new(options.cache_bytes),
            recorded: options.recorded(device)?,
        })
    }

    /// A model of `config` with random values: for timing, and as the floor of any comparison.
    ///
    /// # Errors
    /// When the configuration makes no sense or the device cannot be used.
    pub fn untrained(config: &ModelConfig, options: &EngineOptions) -> Result<Self> {
        let device = options.device()?;
        memory::keep_freed_memory();
        let path = VarBuilder::fresh(device).in_kind(options.precision.kind());
        let model = Model::new(&path, config)?;
        let parameters = count(&path.finish().0);
        let cache = FeatureCache::new(options.cache_bytes);
        let recorded = options.recorded(device)?;
        let weights = "untrained".into();
        Ok(Self { model, weights, file: None, parameters, device, cache, recorded })
    }

    /// The model `config` on `tensors` that live elsewhere, as those under training: storage on `device`
    /// is shared, not copied. Features are kept for this engine's life, so the values must not change
    /// during it.
    ///
    /// # Errors
    /// When the tensors do not fit the configuration.
    pub fn of_tensors(
        tensors: BTreeMap<String, Tensor>,
        config: &ModelConfig,
        device: Device,
        cache_bytes: usize,
    ) -> Result<Self> {
        let path = VarBuilder::stored(tensors, device);
        let model = Model::new(&path, config)?;
        let (parameters, outcome) = path.finish();
        LoadReport::new(outcome, &parameters, |_| false)
            .check()
            .context("validating the weights")?;
        let parameters = count(&parameters);
        let cache = FeatureCache::new(cache_bytes);
        let weights = "in training".into();
        Ok(Self { model, weights, file: None, parameters, device, cache, recorded: None })
    }

    /// What to say of the model in reports. Reads the whole weight file for its digest.
    ///
    /// # Errors
    /// When the weight file cannot be read any more.
    pub fn description(&self) -> Result<ModelDescription> {
        Ok(ModelDescription {
            weights: self.weights.display().to_string(),
            sha256: self.file.as_deref().map(sha256).transpose()?,
            config: self.model.config().clone(),
            parameters: self.parameters,
        })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The device the model runs on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The square that photos are to be stretched to.
    pub fn input_size(&self) -> Size {
        Size::square(self.model.config().input_size)
    }

    /// What corresponds in each of a batch of pairs, source to target. The backbone sees each distinct photo
    /// once, and not at all if its features are kept from before.
    ///
    /// # Errors
    /// When a flow holds a value that is not finite; the error names the pair.
    pub fn matched(&mut self, pairs: &[(Frame, Frame)]) -> Result<Vec<Matched>> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let Matching { flow: flows, correlation } = tch::no_grad(|| -> Result<Matching> {
            let features = self.features(pairs);
            let side = |pick: fn(&(Frame, Frame)) -> &Frame| {
                let parts: Vec<&Features> =
                    pairs.iter().map(|pair| &features[&pick(pair).key]).collect();
                Features::cat(&parts)
            };
            let found = self.match_features(&side(|pair| &pair.0), &side(|pair| &pair.1))?;
            let on_cpu = |xs: Tensor| xs.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
            Ok(Matching { flow: on_cpu(found.flow), correlation: found.correlation.map(on_cpu) })
        })?;
        let [_, _, height, width] = crate::nn::shape::dims(&flows);
        let size = Size::new(height as usize, width as usize);
        let mut values = vec![0.0f32; flows.numel()];
        flows.copy_data(&mut values, flows.numel());
        let per_pair = values.chunks_exact(2 * size.area());
        let mut found = Vec::with_capacity(pairs.len());
        for (index, (values, (source, target))) in (0..).zip(per_pair.zip(pairs)) {
            if !values.iter().all(|value| value.is_finite()) {
                bail!(
                    "matching `{}` to `{}`: the network's flow is not finite; the weights do not suit the model or the precision",
                    source.key.path.display(),
                    target.key.path.display()
                );
            }
            let points = correlation.as_ref().and_then(|correlation| {
                self.model.matcher().point_transfer(&correlation.get(index))
            });
            found.push(Matched { flow: Flow::from_channels(size, values), points });
        }
        Ok(found)
    }

    /// What corresponds between photos with these features. A single pair's is launched as a CUDA graph if the
    /// options say so.
    ///
    /// # Errors
    /// When that graph cannot be recorded or launched.
    pub fn match_features(&self, source: &Features, target: &Features) -> Result<Matching> {
        match &self.recorded {
            Some(recorded) if source.last().tokens.size()[0] == 1 => {
                recorded.matching(&self.model, source, target)
            }
            _ => Ok(self.model.matching(source, target)),
        }
    }

    /// The features of every photo of the batch.
    fn features(&mut self, pairs: &[(Frame, Frame)]) -> HashMap<FrameKey, Features> {
        let mut found = HashMap::new();
        let mut absent: Vec<&Frame> = Vec::new();
        for frame in pairs.iter().flat_map(|(source, target)| [source, target]) {
            if found.contains_key(&frame.key) || absent.iter().any(|other| other.key == frame.key) {
                continue;
            }
            match self.cache.get(&frame.key) {
                Some(features) => drop(found.insert(frame.key.clone(), features)),
                None => absent.push(frame),
            }
        }
        if absent.is_empty() {
            return found;
        }
        let images: Vec<&RgbImage> = absent.iter().map(|frame| &*frame.pixels).collect();
        let images = to_device(batch(&images, self.model.normalisation()), self.device);
        let features = self.model.features(&images);
        for (index, frame) in absent.into_iter().enumerate() {
            // A copy of its own, so that a kept photo does not hold its whole batch in memory.
            let own = features.narrow(index as i64, 1).copy();
            self.cache.insert(frame.key.clone(), own.shallow_clone());
            found.insert(frame.key.clone(), own);
        }
        found
    }
}

impl FlowNetwork for Engine {
    fn input_size(&self) -> Size {
        self.input_size()
    }

    fn matched(&mut self, pairs: &[(Frame, Frame)]) -> Result<Vec<Matched>> {
        self.matched(pairs)
    }
}
