//! The blocks in memory, those that are being read, and which go first.
//!
//! Blocks that were asked for once go before those that were asked for again, so that a scan of old
//! files does not push out what every query wants (a segmented LRU).

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectMeta;
use object_store::path::Path;
use parking_lot::Mutex;

use super::{Reading, WeakReading};

/// Of the memory, blocks that were asked for again take this much at most, in eighths.
const AGAIN_EIGHTHS: u64 = 6;

/// Reads that were given up are cleared away when there are so many.
const COMING_MAX: usize = 1024;

/// What a block takes beside its bytes.
const OVERHEAD_BYTES: u64 = 256;

/// Figures of a read cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadCacheStats {
    /// Blocks that were in memory when asked for.
    pub hits: u64,
    /// Blocks that someone else was reading already.
    pub shared: u64,
    /// Blocks that had to be read.
    pub misses: u64,
    /// Bytes in memory.
    pub bytes: u64,
    /// Bytes that were read from the store.
    pub bytes_read: u64,
}

/// Part of an object.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Of the whole object.
    pub(super) meta: Arc<ObjectMeta>,
    pub(super) bytes: Bytes,
}

/// What a block is found by.
type BlockKey = (Arc<Path>, u64);

/// Neighbouring blocks that are to be read.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) blocks: Range<u64>,
    id: u64,
}

/// Where a block is.
pub(super) enum Place {
    /// In memory.
    Here(Block),
    /// Among blocks that are being read.
    Coming { reading: Reading, index: usize },
}

#[derive(Debug)]
pub(super) struct Blocks {
    bytes_max: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    kept: HashMap<BlockKey, Kept>,
    /// By their last use, the oldest first.
    once: BTreeMap<u64, BlockKey>,
    again: BTreeMap<u64, BlockKey>,
    again_bytes: u64,
    /// Runs of blocks that are being read, by each of their blocks.
    coming: HashMap<BlockKey, Coming>,
    runs: u64,
    uses: u64,
    stats: ReadCacheStats,
}

#[derive(Debug)]
struct Kept {
    block: Block,
    last_use: u64,
    is_again: bool,
}

#[derive(Debug)]
struct Coming {
    /// Gone when nobody waits for it any more.
    reading: WeakReading,
    index: usize,
    run: u64,
}

impl Blocks {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            inner: Mutex::default(),
        }
    }

    pub(super) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    pub(super) fn stats(&self) -> ReadCacheStats {
        self.inner.lock().stats
    }

    /// Where these blocks of an object are. Those that are nowhere are read by `read`, neighbours
    /// together.
    pub(super) fn find(
        &self,
        path: &Arc<Path>,
        numbers: &[u64],
        run_max: u64,
        read: impl Fn(Run) -> Reading,
    ) -> Vec<(u64, Place)> {
        let mut inner = self.inner.lock();
        let mut missing: Vec<Range<u64>> = Vec::new();
        let mut places = Vec::with_capacity(numbers.len());
        for &number in numbers {
            let key = (Arc::clone(path), number);
            if let Some(block) = inner.touch(&key, self.bytes_max) {
                places.push((number, Place::Here(block)));
            } else if let Some((reading, index)) = inner.coming(&key) {
                inner.stats.shared += 1;
                places.push((number, Place::Coming { reading, index }));
            } else {
                inner.stats.misses += 1;
                match missing.last_mut() {
                    Some(run) if run.end == number && run.end - run.start < run_max => run.end += 1,
                    _ => missing.push(number..number + 1),
                }
            }
        }
        for blocks in missing {
            let run = inner.next_run(blocks.clone());
            let id = run.id;
            let reading = read(run);
            for (number, index) in blocks.zip(0..) {
                let coming = Coming {
                    reading: reading.downgrade().expect("it has not begun"),
                    index,
                    run: id,
                };
                inner.coming.insert((Arc::clone(path), number), coming);
                let reading = reading.clone();
                places.push((number, Place::Coming { reading, index }));
            }
        }
        places.sort_by_key(|(number, _)| *number);
        places
    }

    /// Keeps what was read; `None` when that failed.
    pub(super) fn note_read(&self, path: &Arc<Path>, run: Run, blocks: Option<&Vec<Block>>) {
        let mut inner = self.inner.lock();
        for (number, index) in run.blocks.zip(0..) {
            let key = (Arc::clone(path), number);
            // It is not when the object was written anew meanwhile.
            let is_wanted = (inner.coming.get(&key)).is_some_and(|coming| coming.run == run.id);
            if is_wanted {
                inner.coming.remove(&key);
            }
            let Some(block) = blocks.and_then(|blocks| blocks.get(index)) else {
                continue;
            };
            inner.stats.bytes_read += block.bytes.len() as u64;
            if is_wanted {
                inner.keep(key, block.clone());
            }
        }
        inner.make_room(self.bytes_max);
    }

    /// Forgets an object.
    pub(super) fn forget(&self, path: &Path) {
        let mut inner = self.inner.lock();
        let kept = inner.kept.keys().filter(|(of, _)| **of == *path);
        for key in kept.cloned().collect::<Vec<_>>() {
            inner.remove(&key);
        }
        inner.coming.retain(|(of, _), _| **of != *path);
    }
}

impl Inner {
    /// The read that a block is to come from, and its place in it.
    fn coming(&self, key: &BlockKey) -> Option<(Reading, usize)> {
        let coming = self.coming.get(key)?;
        Some((coming.reading.upgrade()?, coming.index))
    }

    fn next_run(&mut self, blocks: Range<u64>) -> Run {
        if self.coming.len() >= COMING_MAX {
            self.coming
                .retain(|_, coming| coming.reading.upgrade().is_some());
        }
        self.runs += 1;
        let id = self.runs;
        Run { blocks, id }
    }

    /// The block, as used just now.
    fn touch(&mut self, key: &BlockKey, bytes_max: u64) -> Option<Block> {
        let kept = self.kept.get_mut(key)?;
        self.uses += 1;
        self.stats.hits += 1;
        let queue = match kept.is_again {
            true => &mut self.again,
            false => &mut self.once,
        };
        queue.remove(&kept.last_use);
        if !kept.is_again {
            kept.is_again = true;
            self.again_bytes += size(&kept.block);
        }
        kept.last_use = self.uses;
        self.again.insert(self.uses, key.clone());
        let block = kept.block.clone();
        while self.again_bytes > bytes_max / 8 * AGAIN_EIGHTHS {
            self.demote();
        }
        Some(block)
    }

    /// Puts the block that was asked for again least recently with those asked for once.
    fn demote(&mut self) {
        let Some((last_use, key)) = self.again.pop_first() else {
            return;
        };
        let kept = self.kept.get_mut(&key).expect("queues hold what is kept");
        kept.is_again = false;
        self.again_bytes -= size(&kept.block);
        self.once.insert(last_use, key);
    }

    fn keep(&mut self, key: BlockKey, block: Block) {
        self.remove(&key);
        self.uses += 1;
        self.stats.bytes += size(&block);
        self.once.insert(self.uses, key.clone());
        let kept = Kept {
            block,
            last_use: self.uses,
            is_again: false,
        };
        self.kept.insert(key, kept);
    }

    fn make_room(&mut self, bytes_max: u64) {
        while self.stats.bytes > bytes_max {
            let oldest = self.once.first_key_value().or(self.again.first_key_value());
            let Some((_, key)) = oldest else { return };
            let key = key.clone();
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &BlockKey) {
        let Some(kept) = self.kept.remove(key) else {
            return;
        };
        self.stats.bytes -= size(&kept.block);
        if kept.is_again {
            self.again_bytes -= size(&kept.block);
            self.again.remove(&kept.last_use);
        } else {
            self.once.remove(&kept.last_use);
        }
    }
}

fn size(block: &Block) -> u64 {
    block.bytes.len() as u64 + OVERHEAD_BYTES
}
