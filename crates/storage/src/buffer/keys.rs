//! The keys of series as one arena that grows at its end: four bytes a series beside the key itself,
//! and no allocation of its own for any of them.
//!
//! ```text
//! blocks ─▶ [ 1024 keys ] [ 1024 keys ] … [ open ]      number = block · 1024 + place in it
//!             shared, immutable            copied on write while a reader holds it
//! ```
//!
//! Readers take the blocks they need by reference and look keys up without a lock.

use std::sync::Arc;

use arrow::array::ArrayRef;
use catalog::ColumnId;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::memory::{Account, Share};
use super::tag_values::TagValues;

/// Few enough that the copy of an open block is short and that a block of the longest keys stays
/// below 4 GiB; many enough that a block's own cost vanishes.
const KEYS_PER_BLOCK: usize = 1024;

/// Some keys, one after the other.
#[derive(Debug, Clone, Default)]
struct KeyBlock {
    /// Where each key ends in `bytes`.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl KeyBlock {
    fn key(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[place] as usize]
    }

    fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.ends.capacity() * size_of::<u32>() + self.bytes.capacity()
    }
}

/// The keys of the series of one generation, by number.
#[derive(Debug)]
pub(crate) struct SeriesKeys {
    blocks: RwLock<Blocks>,
    tags: TagValues,
}

impl SeriesKeys {
    pub(super) fn new(account: &Account) -> Self {
        let blocks = Blocks {
            blocks: Vec::new(),
            count: 0,
            closed_bytes: 0,
            share: account.share(),
        };
        Self {
            blocks: RwLock::new(blocks),
            tags: TagValues::new(account),
        }
    }

    /// The keys for adding to them. Readers wait meanwhile.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Blocks> {
        self.blocks.write()
    }

    /// All keys. Whoever adds to them waits meanwhile.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Blocks> {
        self.blocks.read()
    }

    /// How many there are: their numbers are those below.
    pub(super) fn count(&self) -> usize {
        self.blocks.read().count
    }

    /// Memory that they take, but for what has been asked of tags.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.read().share.bytes()
    }

    /// The values of a tag for rows of series with these numbers. The first time, and for those that have come since, it goes through
    /// all series.
    pub(super) fn tag_values(&self, tag: ColumnId, rows: &[u32]) -> ArrayRef {
        self.tags.of_rows(self, tag, rows)
    }

    /// The keys of these numbers, to be read without a lock.
    pub(super) fn view(&self, numbers: impl IntoIterator<Item = u32>) -> KeysView {
        let own = self.blocks.read();
        let mut blocks = vec![None; own.blocks.len()];
        for number in numbers {
            let (block, _) = place_of(number);
            if blocks[block].is_none() {
                blocks[block] = Some(Arc::clone(&own.blocks[block]));
            }
        }
        KeysView(blocks)
    }
}

/// See [`SeriesKeys`].
#[derive(Debug)]
pub(super) struct Blocks {
    blocks: Vec<Arc<KeyBlock>>,
    count: usize,
    /// Memory of all blocks but the last.
    closed_bytes: usize,
    share: Share,
}

impl Blocks {
    pub(super) fn key(&self, number: u32) -> &[u8] {
        let (block, place) = place_of(number);
        self.blocks[block].key(place)
    }

    /// Adds a key and returns its number.
    pub(super) fn push(&mut self, key: &[u8]) -> u32 {
        let number = u32::try_from(self.count).expect("fewer than 2^32 series in memory");
        if self.count.is_multiple_of(KEYS_PER_BLOCK) {
            self.close_last();
            self.blocks.push(Arc::default());
        }
        let last = self.blocks.last_mut().expect("one was just made if needed");
        let block = Arc::make_mut(last);
        block.bytes.extend_from_slice(key);
        let end = u32::try_from(block.bytes.len()).expect("1024 keys of at most a MiB each");
        block.ends.push(end);
        self.count += 1;
        number
    }

    fn close_last(&mut self) {
        if let Some(last) = self.blocks.last_mut() {
            let block = Arc::make_mut(last);
            block.bytes.shrink_to_fit();
            block.ends.shrink_to_fit();
            self.closed_bytes += block.size_bytes();
        }
    }

    /// Brings the account up to date.
    pub(super) fn settle(&mut self) {
        let open = self.blocks.last().map_or(0, |block| block.size_bytes());
        let pointers = self.blocks.capacity() * size_of::<Arc<KeyBlock>>();
        self.share.set(self.closed_bytes + open + pointers);
    }
}

/// Some keys of a generation, as they will always be.
#[derive(Debug)]
pub(super) struct KeysView(Vec<Option<Arc<KeyBlock>>>);

impl KeysView {
    /// The key of one of the numbers that the view was made for.
    pub(super) fn key(&self, number: u32) -> &[u8] {
        let (block, place) = place_of(number);
        let block = self.0[block].as_ref();
        block.expect("the view was made for this number").key(place)
    }
}

fn place_of(number: u32) -> (usize, usize) {
    let number = number as usize;
    (number / KEYS_PER_BLOCK, number % KEYS_PER_BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_keep_their_keys_while_more_are_added() {
        let account = Account::default();
        let keys = SeriesKeys::new(&account);
        let text = |number: u32| "k".repeat(number as usize % 7) + &number.to_string();
        let mut views = Vec::new();
        for number in 0..3000 {
            let mut blocks = keys.write();
            assert_eq!(blocks.push(text(number).as_bytes()), number);
            blocks.settle();
            drop(blocks);
            if number % 500 == 3 {
                views.push((number, keys.view([0, number / 2, number])));
            }
        }
        for (number, view) in &views {
            for number in [0, number / 2, *number] {
                assert_eq!(view.key(number), text(number).as_bytes());
            }
        }
        assert!(account.bytes() > 3000 * 4);
        drop(keys);
        assert_eq!(account.bytes(), 0);
    }
}
