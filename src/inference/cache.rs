//! A store of backbone features, bounded in bytes; what was used longest ago goes first.

use std::collections::{BTreeMap, HashMap};

use tch::Tensor;

use super::frame::FrameKey;

/// Features by photo.
#[derive(Debug)]
pub struct FeatureCache {
    limit: usize,
    bytes: usize,
    /// Counts uses, so that each entry has the moment of its last one.
    clock: u64,
    entries: HashMap<FrameKey, (u64, Tensor)>,
    by_age: BTreeMap<u64, FrameKey>,
}

impl FeatureCache {
    /// An empty store that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, clock: 0, entries: HashMap::new(), by_age: BTreeMap::new() }
    }

    /// The features of a photo, if they are kept.
    pub fn get(&mut self, key: &FrameKey) -> Option<Tensor> {
        let (used, tensor) = self.entries.get_mut(key)?;
        self.clock += 1;
        self.by_age.remove(used);
        self.by_age.insert(self.clock, key.clone());
        *used = self.clock;
        Some(tensor.shallow_clone())
    }

    /// Keeps a photo's features, making room if need be. Features larger than the whole store are not
    /// kept.
    pub fn insert(&mut self, key: FrameKey, tensor: Tensor) {
        let size = bytes(&tensor);
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
        self.entries.insert(key, (self.clock, tensor));
    }

    fn remove(&mut self, key: &FrameKey) {
        if let Some((used, tensor)) = self.entries.remove(key) {
            self.by_age.remove(&used);
            self.bytes -= bytes(&tensor);
        }
    }
}

fn bytes(tensor: &Tensor) -> usize {
    tensor.numel() * tensor.kind().elt_size_in_bytes()
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn key(name: &str) -> FrameKey {
        FrameKey { path: name.into(), mirrored: false }
    }

    #[test]
    fn the_photo_used_longest_ago_makes_room() {
        let features = || Tensor::zeros([10], (Kind::Float, Device::Cpu)); // 40 bytes
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
        cache.insert(key("big"), Tensor::zeros([100], (Kind::Float, Device::Cpu)));
        assert!(cache.get(&key("big")).is_none() && cache.get(&key("a")).is_some());
    }
}
