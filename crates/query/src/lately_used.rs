//! What was used lately, within a bound: whatever has not been used for longest goes first.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Figures of a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CacheStats {
    pub(crate) bytes: u64,
    pub(crate) entries: usize,
    /// How often something was asked for that was there.
    pub(crate) hits: u64,
    /// And that was not.
    pub(crate) misses: u64,
}

/// Things by key, which together have a size of `most` at most.
#[derive(Debug)]
pub(crate) struct LatelyUsed<K, V> {
    most: u64,
    by_key: HashMap<K, Entry<V>>,
    /// The keys by their last use.
    by_use: BTreeMap<u64, K>,
    /// Of all entries.
    size: u64,
    /// Counts uses.
    now: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    size: u64,
    last_used: u64,
}

impl<K: Hash + Eq + Clone, V> LatelyUsed<K, V> {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most,
            by_key: HashMap::new(),
            by_use: BTreeMap::new(),
            size: 0,
            now: 0,
        }
    }

    /// The bound of the size.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }

    /// The size of all that is here.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How often anything was used or put here.
    pub(crate) fn uses(&self) -> u64 {
        self.now
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.by_key.values().map(|entry| &entry.value)
    }

    /// Uses an entry.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.now += 1;
        let entry = self.by_key.get_mut(key)?;
        let key = self.by_use.remove(&entry.last_used)?;
        self.by_use.insert(self.now, key);
        entry.last_used = self.now;
        Some(&entry.value)
    }

    /// Puts an entry here, in the place of what has its key; one that is too large is not kept.
    pub(crate) fn insert(&mut self, key: K, value: V, size: u64) {
        self.remove(&key);
        if size > self.most {
            return;
        }
        while self.size > self.most - size
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.remove(&oldest);
        }
        self.now += 1;
        self.size += size;
        let last_used = self.now;
        let entry = Entry {
            value,
            size,
            last_used,
        };
        self.by_use.insert(last_used, key.clone());
        self.by_key.insert(key, entry);
    }

    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(entry) = self.by_key.remove(key) {
            self.size -= entry.size;
            self.by_use.remove(&entry.last_used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut kept = LatelyUsed::new(100);
        kept.insert("a", 1, 40);
        kept.insert("b", 2, 40);
        assert_eq!(kept.get("a"), Some(&1));
        kept.insert("c", 3, 40);
        kept.insert("large", 4, 101);
        let found = ["a", "b", "c", "large"].map(|key| kept.get(key).copied());
        assert_eq!(found, [Some(1), None, Some(3), None]);
        assert_eq!(kept.size(), 80);
        assert_eq!((kept.by_key.len(), kept.by_use.len()), (2, 2));
    }

    #[test]
    fn what_is_put_in_the_place_of_something_counts_once() {
        let mut kept = LatelyUsed::new(100);
        kept.insert("a", 1, 40);
        kept.insert("a", 2, 60);
        assert_eq!((kept.get("a").copied(), kept.size()), (Some(2), 60));
        kept.insert("a", 3, 101);
        assert_eq!((kept.get("a").copied(), kept.size()), (None, 0));
        kept.insert("b", 4, 100);
        kept.remove("b");
        kept.remove("b");
        assert_eq!((kept.values().count(), kept.size()), (0, 0));
        assert!(kept.by_use.is_empty());
    }
}
