//! A model with its weights on a device, which keeps the features of photos it has seen.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::slice;

use anyhow::{Context, Result};
use tch::{Device, Tensor};

use crate::flow::{Matched, Wanted};
use crate::inference::closer;
use crate::inference::components::Components;
use crate::inference::crew::Crew;
use crate::inference::cuda_graph::RecordedPasses;
use crate::inference::described::{Described, Seen};
use crate::inference::description::ModelDescription;
use crate::inference::found::said_of_photos;
use crate::inference::frame::{Frame, Input};
use crate::inference::memory;
use crate::inference::network::FlowNetwork;
use crate::inference::options::EngineOptions;
use crate::inference::similarity::Similarity;
use crate::lru::Lru;
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::features::{Features, Role};
use crate::model::matcher::Matching;
use crate::model::weights::place::Place;
use crate::model::weights::report::LoadReport;
use crate::nn::parameters::{Parameter, VarBuilder};
use crate::nn::runtime::recompute::Recompute;
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
    cache: Lru<Seen, Features>,
    recorded: Option<RecordedPasses>,
    /// Takes the pairs of a batch side by side, where that is wanted and pays.
    crew: Option<Crew>,
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
        let kind = options.precision.kind();
        let loaded = stored.into_model(&config, device, kind)?;
        let crew = match options.side_by_side {
            true => Crew::of(&config, &loaded.parameters, (device, kind))?,
            false => None,
        };
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
            crew,
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
        let (place, crew) = (None, None);
        Ok(Self { model, weights, place, parameters, notes, device, cache, recorded, crew })
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
        let (place, recorded, crew) = (None, None, None);
        Ok(Self { model, weights, place, parameters, notes, device, cache, recorded, crew })
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
        Input::of(self.model.config())
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
        let closer = (self.input(), self.device);
        if let Some((described, found)) = self.whole_pass(pairs, wanted)? {
            let found = closer::at_frames(&self.model, found, pairs, closer);
            return said_of_photos(&self.model, &found, &described, pairs);
        }
        if !self.input().is_uniform() && pairs.len() > 1 {
            let each = pairs.iter().map(|pair| self.matched(slice::from_ref(pair), wanted));
            return Ok(each.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect());
        }
        let described = self.described(pairs);
        let Some(crew) = &self.crew else {
            let [source, target] = described.sides(pairs);
            let found = tch::no_grad(|| self.match_features(&source, &target, wanted))?;
            let found = closer::at_frames(&self.model, found, pairs, closer);
            return said_of_photos(&self.model, &found, &described, pairs);
        };
        let alone = pairs.iter().map(|pair| (pair, described.of_pair(pair)));
        let found = crew.each(alone.collect(), |model, (pair, described)| {
            let pairs = slice::from_ref(pair);
            let [source, target] = described.sides(pairs);
            let found = model.matching(&source, &target, wanted);
            let found = closer::at_frames(model, found, pairs, closer);
            said_of_photos(model, &found, &described, pairs)
        });
        Ok(found.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// What corresponds between two photos, from their pixels to the matching.
    ///
    /// # Shapes
    /// `images` `[2 B, 3, H, W]`, normalised: the sources of B pairs, then the targets.
    ///
    /// # Errors
    /// As [`Engine::match_features`].
    pub(crate) fn match_images(&self, images: &Tensor, wanted: Wanted) -> Result<Matching> {
        let found = match &self.recorded {
            Some(recorded) if images.size()[0] == 2 => {
                recorded.whole(&self.model, images, wanted)?.1
            }
            _ => {
                let features = self.model.features_of_pairs(images, &Recompute::plain());
                let [source, target] = features.halves();
                self.model.matching(&source, &target, wanted)
            }
        };
        Ok(closer::at_images(&self.model, found, images))
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
                let features = [source, target].map(Features::shallow_clone);
                recorded.matching(&self.model, &features, wanted)
            }
            _ => Ok(self.model.matching(source, target, wanted)),
        }
    }

    /// The features of a single pair's photos and what corresponds between them, by one CUDA graph, if the options say
    /// so and neither photo's features are known.
    ///
    /// # Errors
    /// As [`Engine::match_features`].
    fn whole_pass(
        &mut self,
        pairs: &[(Frame, Frame)],
        wanted: Wanted,
    ) -> Result<Option<(Described, Matching)>> {
        let (Some(recorded), [(source, target)]) = (&self.recorded, pairs) else {
            return Ok(None);
        };
        let photos = [source, target];
        let seen = self.seen(pairs).map(|(seen, _)| seen).collect::<Vec<_>>();
        if !self.input().is_uniform()
            || seen[0] == seen[1]
            || seen.iter().any(|seen| self.cache.get(seen).is_some())
        {
            return Ok(None);
        }
        let images = self.input().batch(&photos, self.model.normalisation(), self.device);
        let (kept, found) = tch::no_grad(|| recorded.whole(&self.model, &images, wanted))?;
        let mut described = self.nothing_described();
        self.remember(seen.into_iter().zip(separate(&kept, photos.len())), &mut described);
        Ok(Some((self.unpacked(described), found)))
    }

    /// Every photo of the pairs as the backbone sees it.
    fn seen<'a>(
        &self,
        pairs: &'a [(Frame, Frame)],
    ) -> impl Iterator<Item = (Seen, &'a Frame)> + use<'a> {
        let tells_roles = self.model.tells_roles();
        let in_role = move |frame: &'a Frame, role| (Seen::new(frame, role, tells_roles), frame);
        pairs.iter().flat_map(move |(source, target)| {
            [in_role(source, Role::Source), in_role(target, Role::Target)]
        })
    }

    fn nothing_described(&self) -> Described {
        Described::new(self.model.tells_roles())
    }

    /// The features of every photo of the pairs.
    fn described(&mut self, pairs: &[(Frame, Frame)]) -> Described {
        let mut described = self.nothing_described();
        let mut absent: Vec<(Seen, &Frame)> = Vec::new();
        for (seen, frame) in self.seen(pairs) {
            if described.has(&seen) || absent.iter().any(|(other, _)| *other == seen) {
                continue;
            }
            match self.cache.get(&seen) {
                Some(kept) => described.insert(seen, kept.shallow_clone()),
                None => absent.push((seen, frame)),
            }
        }
        for role in [Role::Source, Role::Target] {
            let (seen, photos): (Vec<Seen>, Vec<&Frame>) =
                absent.iter().filter(|(seen, _)| seen.role == role).cloned().unzip();
            let kept = self.kept(&photos, role);
            self.remember(seen.into_iter().zip(kept), &mut described);
        }
        self.unpacked(described)
    }

    /// Keeps what is to be kept of photos, beside what is described already.
    fn remember(
        &mut self,
        kept: impl Iterator<Item = (Seen, Features)>,
        described: &mut Described,
    ) {
        for (seen, kept) in kept {
            self.cache.insert(seen.clone(), kept.shallow_clone(), kept.bytes());
            described.insert(seen, kept);
        }
    }

    /// The features of what was kept.
    fn unpacked(&self, kept: Described) -> Described {
        kept.map(|kept| tch::no_grad(|| self.model.unpacked(kept)))
    }

    /// What is kept of each of the photos.
    fn kept(&self, photos: &[&Frame], role: Role) -> Vec<Features> {
        let (input, device) = (self.input(), self.device);
        let together = |model: &Model, photos: &[&Frame]| {
            let images = input.batch(photos, model.normalisation(), device);
            tch::no_grad(|| model.kept(&images, role))
        };
        match &self.crew {
            _ if photos.is_empty() => Vec::new(),
            Some(crew) => crew.each(photos.to_vec(), |model, photo| together(model, &[photo])),
            None if input.is_uniform() => separate(&together(&self.model, photos), photos.len()),
            None => photos.iter().map(|photo| together(&self.model, &[photo])).collect(),
        }
    }
}

impl FlowNetwork for Engine {
    fn input(&self) -> Input {
        self.input()
    }

    fn is_calibrated(&self) -> bool {
        self.model.config().matcher.is_calibrated()
    }

    fn pairs_at_once(&self) -> NonZeroUsize {
        self.crew.as_ref().map_or(NonZeroUsize::MIN, Crew::pairs)
    }

    fn matched(&mut self, pairs: &[(Frame, Frame)], wanted: Wanted) -> Result<Vec<Matched>> {
        self.matched(pairs, wanted)
    }

    fn similarity(&mut self, source: &Frame, target: &Frame) -> Option<Similarity> {
        let pair = (source.clone(), target.clone());
        let described = self.described(slice::from_ref(&pair));
        let [from, to] = described.sides(slice::from_ref(&pair));
        let scores = tch::no_grad(|| self.model.matcher().scores(&from, &to)).get(0);
        let sides = dims::<2>(&scores).map(|cells| cells.isqrt());
        Some(Similarity::new(&scores, sides, [source.placement, target.placement]))
    }

    fn components(&mut self, source: &Frame, target: &Frame) -> Option<[Components; 2]> {
        let pair = (source.clone(), target.clone());
        let described = self.described(slice::from_ref(&pair));
        let features = [described.of(source, Role::Source), described.of(target, Role::Target)];
        let placements = [source.placement, target.placement];
        Some(tch::no_grad(|| Components::of(features, placements)))
    }
}

/// The features of each photo of a batch, in memory of their own, so that a kept photo does not hold its whole batch.
fn separate(features: &Features, photos: usize) -> Vec<Features> {
    (0..).take(photos).map(|index| features.narrow(index, 1).copy()).collect()
}

/// The number of values in a model's parameters; buffers are none.
fn count(parameters: &[Parameter]) -> u64 {
    let trained = parameters.iter().filter(|parameter| !parameter.buffer);
    trained.map(|parameter| parameter.tensor.numel() as u64).sum()
}
