//! Inference: frames become features, kept per photo, and features become flows.

pub mod cache;
pub mod device;
pub mod frame;

use std::collections::HashMap;

use anyhow::{Result, bail};
use image::RgbImage;
use tch::{Device, Kind, Tensor};

use crate::flow::Flow;
use crate::geometry::Size;
use crate::model::Model;
use crate::model::backbone::Features;
use cache::FeatureCache;
use frame::{Frame, FrameKey, batch};

/// A model ready to match photos.
#[derive(Debug)]
pub struct Engine {
    model: Model,
    device: Device,
    cache: FeatureCache,
}

impl Engine {
    /// An engine that keeps at most `cache_bytes` of features. The model's variables are on `device`.
    pub fn new(model: Model, device: Device, cache_bytes: usize) -> Self {
        Self { model, device, cache: FeatureCache::new(cache_bytes) }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The square that photos are to be stretched to.
    pub fn frame_size(&self) -> Size {
        Size::square(self.model.config().frame)
    }

    /// The flows of a batch of pairs, source to target, each in its own grid's pixels. The backbone sees
    /// each distinct photo once, and not at all if its features are kept from before.
    ///
    /// # Errors
    /// When a flow holds a value that is not finite; the error names the pair.
    pub fn flows(&mut self, pairs: &[(Frame, Frame)]) -> Result<Vec<Flow>> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let flows = tch::no_grad(|| {
            let tokens = self.tokens(pairs);
            let shape = self.model.feature_shape();
            let side = |pick: fn(&(Frame, Frame)) -> &Frame| {
                let parts: Vec<&Tensor> =
                    pairs.iter().map(|pair| &tokens[&pick(pair).key]).collect();
                Features { tokens: Tensor::cat(&parts, 0), shape }
            };
            let flows = self.model.flow(&side(|pair| &pair.0), &side(|pair| &pair.1));
            flows.to_device(Device::Cpu).to_kind(Kind::Float).contiguous() // [B, 2, H, W]
        });
        let [_, _, height, width] = crate::nn::shape::dims(&flows);
        let size = Size::new(height as usize, width as usize);
        let mut values = vec![0.0f32; flows.numel()];
        flows.copy_data(&mut values, flows.numel());
        let per_pair = values.chunks_exact(2 * size.area());
        for (values, (source, target)) in per_pair.clone().zip(pairs) {
            if !values.iter().all(|value| value.is_finite()) {
                bail!(
                    "matching `{}` to `{}`: the network's flow is not finite; the weights do not suit the model or the precision",
                    source.key.path.display(),
                    target.key.path.display()
                );
            }
        }
        Ok(per_pair.map(|values| Flow::from_channels(size, values)).collect())
    }

    /// The tokens `[1, N, D]` of every photo of the batch.
    fn tokens(&mut self, pairs: &[(Frame, Frame)]) -> HashMap<FrameKey, Tensor> {
        let mut found = HashMap::new();
        let mut absent: Vec<&Frame> = Vec::new();
        for frame in pairs.iter().flat_map(|(source, target)| [source, target]) {
            if found.contains_key(&frame.key) || absent.iter().any(|other| other.key == frame.key) {
                continue;
            }
            match self.cache.get(&frame.key) {
                Some(tokens) => drop(found.insert(frame.key.clone(), tokens)),
                None => absent.push(frame),
            }
        }
        if absent.is_empty() {
            return found;
        }
        let images: Vec<&RgbImage> = absent.iter().map(|frame| &*frame.pixels).collect();
        let images = batch(&images, self.model.normalisation()).to_device(self.device);
        let tokens = self.model.features(&images).tokens; // [B, N, D]
        for (index, frame) in absent.into_iter().enumerate() {
            // A copy of its own, so that a kept photo does not hold its whole batch in memory.
            let own = tokens.narrow(0, index as i64, 1).copy();
            self.cache.insert(frame.key.clone(), own.shallow_clone());
            found.insert(frame.key.clone(), own);
        }
        found
    }
}
