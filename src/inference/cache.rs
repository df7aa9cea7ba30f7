//! A store of backbone features, bounded in bytes; what was used longest ago goes first.

use std::collections::{BTreeMap, HashMap};

use crate::inference::frame::FrameKey;
use crate::model::features::Features;

/// Features by photo.
#[derive(Debug)]
pub struct FeatureCache {
    limit: usize,
    bytes: usize,
    /// Counts uses, so that each entry has the moment of its last one.
    clock: u64,
    entries: HashMap<FrameKey, (u64, Features)>,
    by_age: BTreeMap<u64, FrameKey>,
}

impl FeatureCache {
    /// An empty store that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, clock: 0, entries: HashMap::new(), by_age: BTreeMap::new() }
    }

    /// The features of a photo, if they are kept.
    pub fn get(&mut self, key: &FrameKey) -> Option<Features> {
        let (used, features) = self.entries.get_mut(key)?;
        self.clock += 1;
        self.by_age.remove(used);
        self.by_age.insert(self.clock, key.clone());
        *used = self.clock;
        Some(features.shallow_clone())
    }

    /// Keeps a photo's features, making room if need be. Features larger than the whole store are not
    /// kept.
    pub fn insert(&mut self, key: FrameKey, features: Features) {
        let size = features.bytes();
        if size > self.limit {
            return;
        }
        self.remove(&key);
        while self.bytes + size > self.limit {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.remove(&oldest);
        }
        self.clock += 1;
        self.bytes += size;
        self.by_age.insert(self.clock, key.clone());
        self.entries.insert(key, (self.clock, features));
    }

    fn remove(&mut self, key: &FrameKey) {
        if let Some((used, features)) = self.entries.remove(key) {
            self.by_age.remove(&used);
            self.bytes -= features.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::model::features::FeatureShape;

    fn key(name: &str) -> FrameKey {
        FrameKey { path: name.into(), mirrored: false }
    }

    #[test]
    fn the_photo_used_longest_ago_makes_room() {
        let shape = FeatureShape { dim: 1, side: 1, class_token: false };
        let tokens = |count: i64| Tensor::zeros([count], (Kind::Float, Device::Cpu));
        let features = || Features::last_alone(tokens(10), shape); // 40 bytes
        let mut cache = FeatureCache::new(100);
        cache.insert(key("a"), features());
        cache.insert(key("b"), features());
        assert!(cache.get(&key("a")).is_some());
        cache.insert(key("c"), features());
        assert!(cache.get(&key("b")).is_none(), "b was used longest ago");
        assert!(cache.get(&key("a")).is_some() && cache.get(&key("c")).is_some());
        assert_eq!(cache.bytes, 80);
        cache.insert(key("c"), features());
        assert_eq!(cache.bytes, 80, "an entry replaced is not counted twice");
        cache.insert(key("big"), Features::last_alone(tokens(100), shape));
        assert!(cache.get(&key("big")).is_none() && cache.get(&key("a")).is_some());
    }
}
