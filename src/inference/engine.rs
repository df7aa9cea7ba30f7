//! A model with its weights on a device, which keeps the features of photos it has seen.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail};
use tch::{Device, Kind, Tensor};

use crate::flow::{Flow, Matched, Wanted};
use crate::geometry::Size;
use crate::inference::cuda_graph::CudaGraphMatcher;
use crate::inference::description::ModelDescription;
use crate::inference::frame::{Frame, FrameKey, Input};
use crate::inference::memory;
use crate::inference::network::{FlowNetwork, FlowNotFinite};
use crate::inference::options::EngineOptions;
use crate::inference::placement::between_photos;
use crate::lru::Lru;
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::features::Features;
use crate::model::matcher::{Matching, PairFound};
use crate::model::weights::place::Place;
use crate::model::weights::report::LoadReport;
use crate::nn::parameters::{Parameter, VarBuilder};
use crate::nn::shape::dims;

/// A model ready to match photos.
#[derive(Debug)]
pub(crate) struct Engine {
    model: Model,
    /// As users name them.
    weights: String,
    /// `None` for random values.
    place: Option<Place>,
    parameters: u64,
    notes: Vec<String>,
    device: Device,
    cache: Lru<FrameKey, Features>,
    recorded: Option<CudaGraphMatcher>,
}

impl Engine {
    /// Finds, reads and checks the weights, and places the model on its device.
    ///
    /// # Errors
    /// When there are no such weights, they do not fit their model, or the device cannot be used.
    pub(crate) fn load(options: &EngineOptions) -> Result<Self> {
        let device = options.device()?;
        let stored = options.weights.open()?;
        let config = options.weights.config(&stored)?;
        let loaded = stored.into_model(&config, device, options.precision.kind())?;
        memory::keep_freed_memory();
        Ok(Self {
            model: loaded.model,
            weights: options.weights.to_string(),
            place: Some(loaded.place),
            parameters: count(&loaded.parameters),
            notes: loaded.notes,
            device,
            cache: Lru::new(options.cache_bytes),
            recorded: options.recorded(device)?,
        })
    }

    /// A model of `config` with random values: for timing, and as the floor of any comparison.
    ///
    /// # Errors
    /// When the configuration makes no sense or the device cannot be used.
    pub(crate) fn untrained(config: &ModelConfig, options: &EngineOptions) -> Result<Self> {
        let device = options.device()?;
        memory::keep_freed_memory();
        let path = VarBuilder::fresh(device).in_kind(options.precision.kind());
        let model = Model::new(&path, config)?;
        let parameters = count(&path.finish().0);
        let cache = Lru::new(options.cache_bytes);
        let recorded = options.recorded(device)?;
        let weights = "untrained".into();
        let notes = Vec::new();
        Ok(Self { model, weights, place: None, parameters, notes, device, cache, recorded })
    }

    /// The model `config` on `tensors` that live elsewhere, as those under training: storage on `device`
    /// is shared, not copied. Features are kept for this engine's life, so the values must not change
    /// during it.
    ///
    /// # Errors
    /// When the tensors do not fit the configuration.
    pub(crate) fn of_tensors(
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
        let cache = Lru::new(cache_bytes);
        let weights = "in training".into();
        let notes = Vec::new();
        Ok(Self { model, weights, place: None, parameters, notes, device, cache, recorded: None })
    }

    /// What to say of the model in reports. Reads the whole weight file for its digest.
    ///
    /// # Errors
    /// When the weight file cannot be read any more.
    pub(crate) fn description(&self) -> Result<ModelDescription> {
        Ok(ModelDescription {
            weights: self.weights.clone(),
            sha256: self.place.as_ref().map(Place::sha256).transpose()?,
            config: self.model.config().clone(),
            parameters: self.parameters,
        })
    }

    /// What weights these are: as the user named them, and where that led.
    pub(crate) fn weights(&self) -> String {
        let named = format!("`{}`", self.weights);
        match &self.place {
            Some(place @ Place::Program(_)) => place.to_string(),
            Some(place) if place.to_string() != named => format!("{named} ({place})"),
            _ => named,
        }
    }

    /// What a user of an older weight file should know.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The model.
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// The device the model runs on.
    pub(crate) fn device(&self) -> Device {
        self.device
    }

    /// How photos are to be brought to the network.
    pub(crate) fn input(&self) -> Input {
        let config = self.model.config();
        Input { side: config.input_size, rule: config.input }
    }

    /// What corresponds in each of a batch of pairs, source to target, said of the photos wherever they lie in
    /// their frames. The backbone sees each distinct photo once, and not at all if its features are kept from
    /// before.
    ///
    /// # Errors
    /// When a flow holds a value that is not finite ([`FlowNotFinite`]).
    pub(crate) fn matched(
        &mut self,
        pairs: &[(Frame, Frame)],
        wanted: Wanted,
    ) -> Result<Vec<Matched>> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let features = tch::no_grad(|| self.features(pairs));
        let found = tch::no_grad(|| -> Result<Matching> {
            let side = |pick: fn(&(Frame, Frame)) -> &Frame| {
                let parts: Vec<&Features> =
                    pairs.iter().map(|pair| &features[&pick(pair).key]).collect();
                Features::cat(&parts)
            };
            let (source, target) = (side(|pair| &pair.0), side(|pair| &pair.1));
            let found = self.match_features(&source, &target, wanted)?;
            let on_cpu = |xs: Tensor| xs.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
            Ok(Matching {
                flow: on_cpu(found.flow),
                correlation: found.correlation.map(on_cpu),
                confidence: found.confidence.map(on_cpu),
            })
        })?;
        let Matching { flow: flows, correlation, confidence } = found;
        let [_, _, height, width] = dims(&flows);
        let size = Size::new(height as usize, width as usize);
        let values = numbers(&flows);
        let confidence = confidence.as_ref().map(numbers);
        let per_pair = values.chunks_exact(2 * size.area());
        let mut found = Vec::with_capacity(pairs.len());
        for (index, (values, (source, target))) in (0_i64..).zip(per_pair.zip(pairs)) {
            if !values.iter().all(|value| value.is_finite()) {
                let [source, target] = [source, target].map(|frame| frame.key.path.clone());
                bail!(FlowNotFinite { source, target });
            }
            let flow = Flow::from_channels(size, values);
            let correlation = correlation.as_ref().map(|correlation| correlation.get(index));
            let points = self.model.matcher().point_transfer(&PairFound {
                flow: &flow,
                correlation: correlation.as_ref(),
                source: &features[&source.key],
                target: &features[&target.key],
                frame: self.model.config().input_size,
                end: source.placement.end(),
            });
            let part = index as usize * size.area()..(index as usize + 1) * size.area();
            let confidence = confidence.as_ref().map(|values| values[part].to_vec());
            let squares = Matched { flow, points, confidence };
            found.push(between_photos(squares, source.placement, target.placement));
        }
        Ok(found)
    }

    /// What corresponds between photos with these features. A single pair's is launched as a CUDA graph if the
    /// options say so.
    ///
    /// # Errors
    /// When that graph cannot be recorded or launched.
    pub(crate) fn match_features(
        &self,
        source: &Features,
        target: &Features,
        wanted: Wanted,
    ) -> Result<Matching> {
        match &self.recorded {
            Some(recorded) if source.last().tokens.size()[0] == 1 => {
                recorded.matching(&self.model, source, target, wanted)
            }
            _ => Ok(self.model.matching(source, target, wanted)),
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
                Some(kept) => drop(found.insert(frame.key.clone(), kept.shallow_clone())),
                None => absent.push(frame),
            }
        }
        if absent.is_empty() {
            return found;
        }
        let images = self.input().batch(&absent, self.model.normalisation());
        let images = to_device(images, self.device);
        let features = self.model.features(&images);
        for (index, frame) in absent.into_iter().enumerate() {
            // A copy of its own, so that a kept photo does not hold its whole batch in memory.
            let own = features.narrow(index as i64, 1).copy();
            self.cache.insert(frame.key.clone(), own.shallow_clone(), own.bytes());
            found.insert(frame.key.clone(), own);
        }
        found
    }
}

impl FlowNetwork for Engine {
    fn input(&self) -> Input {
        self.input()
    }

    fn is_calibrated(&self) -> bool {
        self.model.config().matcher.is_calibrated()
    }

    fn matched(&mut self, pairs: &[(Frame, Frame)], wanted: Wanted) -> Result<Vec<Matched>> {
        self.matched(pairs, wanted)
    }
}

/// A tensor of the CPU on `device`; a GPU fetches it by itself, from memory that stays in place.
fn to_device(tensor: Tensor, device: Device) -> Tensor {
    if !device.is_cuda() {
        return tensor;
    }
    let kind = tensor.kind();
    tensor.pin_memory(device).to_device_(device, kind, true, false)
}

/// The values of a tensor of the CPU, in order.
fn numbers(tensor: &Tensor) -> Vec<f32> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut values, tensor.numel());
    values
}

/// The number of values in a model's parameters; buffers are none.
fn count(parameters: &[Parameter]) -> u64 {
    let trained = parameters.iter().filter(|parameter| !parameter.buffer);
    trained.map(|parameter| parameter.tensor.numel() as u64).sum()
}
