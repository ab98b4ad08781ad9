//! The keys of lines, measurement and tags as written, that led to a series before.
//!
//! Equal text means an equal series, so the grammar of a key is looked at only when its text is
//! new. Where rows come in rounds, every series once and then all of them again, the key after a
//! key is the one that came after it last time: then one comparison finds the series, the end of
//! the key and that it needs no further look. Any other key costs one search and one hash.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Keys that an accepted line had, found by their text.
#[derive(Debug, Default)]
pub(crate) struct Keys<'a> {
    all: Vec<Key<'a>>,
    /// Numbers of keys, with the hashes of their texts: a growing table must not read them again.
    by_text: HashTable<(u64, u32)>,
    hasher: RandomState,
    /// The key of the last row.
    last: u32,
}

/// A key and what it led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key<'a> {
    text: &'a [u8],
    number: u32,
    /// The key that came after it last time.
    next: u32,
    /// An index into the tables of the body.
    pub(crate) table: usize,
    /// The number of the series in its table.
    pub(crate) series: u32,
}

impl Key<'_> {
    /// The length of its text.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }
}

impl<'a> Keys<'a> {
    /// The key at the start of `line`, if it is the expected one and a blank comes after it.
    #[inline]
    pub(crate) fn expected(&self, line: &[u8]) -> Option<Key<'a>> {
        let last = self.all.get(self.last as usize)?;
        let key = self.all.get(last.next as usize)?;
        let rest = line.strip_prefix(key.text)?;
        (rest.first() == Some(&b' ')).then_some(*key)
    }

    /// The key of this text, if a row had it.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Key<'a>> {
        let hash = self.hasher.hash_one(text);
        let is_it =
            |&(of, number): &(u64, u32)| of == hash && self.all[number as usize].text == text;
        let &(_, number) = self.by_text.find(hash, is_it)?;
        Some(self.all[number as usize])
    }

    /// Remembers the key of a row that [`Keys::find`] did not know.
    pub(crate) fn insert(&mut self, text: &'a [u8], table: usize, series: u32) {
        let number = u32::try_from(self.all.len()).expect("a body has fewer than 2^32 lines");
        let hash = self.hasher.hash_one(text);
        self.by_text
            .insert_unique(hash, (hash, number), |&(hash, _)| hash);
        let key = Key {
            text,
            number,
            next: 0, // until another comes after it, a round may start again
            table,
            series,
        };
        self.all.push(key);
        self.follow(&key);
    }

    /// Notes that a row had this key, after the row before it.
    #[inline]
    pub(crate) fn follow(&mut self, key: &Key<'a>) {
        if let Some(last) = self.all.get_mut(self.last as usize) {
            last.next = key.number;
        }
        self.last = key.number;
    }
}
