//! A store bounded in bytes; what was used longest ago goes first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Values by key, within a number of bytes.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    limit: usize,
    bytes: usize,
    /// Counts uses, so that each entry has the moment of its last one.
    clock: u64,
    entries: HashMap<K, Entry<V>>,
    by_age: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Entry<V> {
    used: u64,
    bytes: usize,
    value: V,
}

impl<K: Clone + Eq + Hash, V> Lru<K, V> {
    /// An empty store that holds at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, clock: 0, entries: HashMap::new(), by_age: BTreeMap::new() }
    }

    /// The value of a key, if it is kept.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.entries.get_mut(key)?;
        self.clock += 1;
        self.by_age.remove(&entry.used);
        self.by_age.insert(self.clock, key.clone());
        entry.used = self.clock;
        Some(&entry.value)
    }

    /// Keeps a value of so many bytes, making room if need be. A value larger than the whole store is not kept.
    pub(crate) fn insert(&mut self, key: K, value: V, bytes: usize) {
        if bytes > self.limit {
            return;
        }
        self.remove(&key);
        while self.bytes + bytes > self.limit {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.remove(&oldest);
        }
        self.clock += 1;
        self.bytes += bytes;
        self.by_age.insert(self.clock, key.clone());
        self.entries.insert(key, Entry { used: self.clock, bytes, value });
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_age.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_used_longest_ago_makes_room() {
        let mut store = Lru::new(100);
        store.insert("a", 1, 40);
        store.insert("b", 2, 40);
        assert_eq!(store.get(&"a"), Some(&1));
        store.insert("c", 3, 40);
        assert_eq!(store.get(&"b"), None, "b was used longest ago");
        assert_eq!(["a", "c"].map(|key| store.get(&key).copied()), [Some(1), Some(3)]);
        assert_eq!(store.bytes, 80);
        store.insert("c", 4, 40);
        assert_eq!(store.bytes, 80, "an entry replaced is not counted twice");
        store.insert("big", 5, 400);
        let kept = ["big", "a", "c"].map(|key| store.get(&key).copied());
        assert_eq!(kept, [None, Some(1), Some(4)]);
    }

    #[test]
    fn the_store_stays_within_its_limit() {
        let mut store = Lru::new(128);
        for number in 0..30 {
            store.insert(number, (), 12);
        }
        assert_eq!((store.entries.len(), store.by_age.len(), store.bytes), (10, 10, 120));
    }
}
