//! The last rows that the files of a table hold, kept in memory: one merged copy per table.
//!
//! What is kept stands for a set of immutable files and says so. A reader compares that set with the
//! files of its snapshot: files that came since are merged in, anything else that does not fit makes it
//! start anew. A compaction changes the files but no last row; it tells the cache ([`Rewritten`]), which
//! then only takes note of the new file. A note that comes late or never costs a reader time, no more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use catalog::{Delete, FileKey, FileRecord, Table, TableId};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use parking_lot::Mutex;

use super::file::{self, View, on_blocking_thread};
use super::newest::Newest;
use super::{LastRowsCost, merge, times};
use crate::buffer::{Chunk, by_generation};
use crate::compaction::rewrite::with_all_columns;
use crate::error::Result;
use crate::row_filter::matches;
use crate::snapshot::TableSnapshot;

/// Files that are merged at a time, which bounds what is in memory of them.
const FILES_AT_A_TIME: usize = 16;

/// Files that are read at once: what hides the delay of a store that is far away.
const READS_AT_ONCE: usize = 8;

/// The last rows of the files of all tables.
#[derive(Debug)]
pub(crate) struct Cache {
    bytes_max: usize,
    slots: Mutex<HashMap<TableId, Arc<Slot>>>,
    /// Counts uses, to tell which was the last.
    uses: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    /// Held while files are read, so that this is done once.
    kept: tokio::sync::Mutex<Option<Kept>>,
    bytes: AtomicUsize,
    /// Those of rows in memory as well.
    newest: Mutex<Option<Arc<Newest>>>,
    /// Whether these were found to be too many since there were other files.
    are_too_many: AtomicBool,
    last_use: AtomicU64,
}

/// The last rows of some files.
#[derive(Debug)]
struct Kept {
    /// The files they are those of.
    files: HashMap<FileKey, Arc<FileRecord>>,
    /// Files of which only some rows were seen, as part of others that they were made of. They are to
    /// be merged in, and as long as they are not, nothing is right without them.
    partly: HashSet<FileKey>,
    /// The deletes that were applied to them.
    deletes: HashMap<u64, Arc<Delete>>,
    schema: SchemaRef,
    /// The newest manifest they are known to be of.
    manifest: u64,
    /// Sorted by key; rows that are too old included.
    rows: Arc<Vec<RecordBatch>>,
}

/// Files that were replaced by one with the same rows, but for those that nobody could see.
#[derive(Debug)]
pub(crate) struct Rewritten {
    /// The table as it was when that was decided: its deletes are applied.
    pub(crate) table: Arc<Table>,
    pub(crate) inputs: Vec<FileKey>,
    pub(crate) output: Option<Arc<FileRecord>>,
    /// Rows before this time were left out.
    pub(crate) earliest: i64,
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            slots: Mutex::default(),
            uses: AtomicU64::new(0),
        }
    }

    /// The last rows of the files of a snapshot, with its deletes applied and rows that are too old
    /// among them, as its columns.
    pub(super) async fn of_files(
        &self,
        snapshot: &TableSnapshot,
        store: &Arc<dyn ObjectStore>,
    ) -> Result<Arc<Vec<RecordBatch>>> {
        let files = snapshot.files_by_age();
        let view = View {
            table: Arc::clone(snapshot.table()),
            schema: Arc::clone(snapshot.schema()),
        };
        let slot = self.slot(view.table.id);
        let mut kept = slot.kept.lock().await;
        let missing = kept.as_ref().map(|kept| kept.missing(&view.table, &files));
        let missing = missing.transpose()?.flatten();
        let (before, added) = match (&*kept, missing) {
            (Some(kept), Some(added)) => (kept.rows_as(&view.schema)?, added),
            _ => (Arc::default(), files.clone()),
        };
        let rows = match added.is_empty() {
            true => before,
            false => Arc::new(merged(&view, store, before, added).await?),
        };
        // A snapshot that is older than what is kept must not undo the work of newer ones.
        let is_of_use = match &*kept {
            Some(kept) if kept.manifest > snapshot.manifest() => false,
            Some(kept) => !kept.is_of(&files, &view),
            None => true,
        };
        if is_of_use {
            let deletes = view.table.deletes().iter();
            let new = Kept {
                files: files.into_iter().map(|file| (file.key(), file)).collect(),
                partly: HashSet::new(),
                deletes: deletes
                    .map(|delete| (delete.id, Arc::clone(delete)))
                    .collect(),
                schema: view.schema,
                manifest: snapshot.manifest(),
                rows: Arc::clone(&rows),
            };
            self.keep(&slot, &mut kept, new);
        }
        Ok(rows)
    }

    /// What [`Cache::of_files`] would take.
    pub(crate) fn cost(&self, snapshot: &TableSnapshot) -> LastRowsCost {
        let files = snapshot.files_by_age();
        let slot = self.slots.lock().get(&snapshot.table().id).cloned();
        let kept = slot.as_ref().and_then(|slot| slot.kept.try_lock().ok());
        let kept = kept.as_ref().and_then(|kept| kept.as_ref());
        let missing = kept.and_then(|kept| {
            let missing = kept.missing(snapshot.table(), &files);
            Some((kept.series(), missing.ok()??))
        });
        let (known, missing) = missing.unwrap_or((0, files));
        let of_parts = |value: fn(&FileRecord) -> u64| missing.iter().map(|file| value(file)).sum();
        let in_files: u64 = of_parts(|file| file.last_rows.map_or(file.rows, |part| part.rows));
        let in_chunks = series_in_chunks(snapshot) as u64;
        LastRowsCost {
            files: missing.len(),
            bytes: of_parts(|file| {
                file.last_rows
                    .map_or(file.size_bytes, |part| part.size_bytes)
            }),
            series_max: known + in_files + in_chunks,
        }
    }

    /// Takes note of files that were replaced, as of this manifest. To be called after the commit.
    pub(crate) async fn note(&self, rewritten: Rewritten, manifest: u64) {
        let slot = self.slots.lock().get(&rewritten.table.id).cloned();
        let Some(slot) = slot else { return };
        let mut kept = slot.kept.lock().await;
        if let Some(known) = &mut *kept
            && !known.note(rewritten, manifest)
        {
            *kept = None;
            slot.bytes.store(0, Ordering::Relaxed);
        }
    }

    /// Forgets a table that is gone.
    pub(crate) fn forget(&self, table: TableId) {
        self.slots.lock().remove(&table);
    }

    /// What [`Cache::keep_newest`] has kept of a table.
    pub(super) fn newest(&self, table: TableId) -> Option<Arc<Newest>> {
        let slots = self.slots.lock();
        slots.get(&table)?.newest.lock().clone()
    }

    /// Whether the last rows of files and of a snapshot's chunks together are probably not too many to be kept.
    pub(super) fn has_room_for_newest(
        &self,
        of_files: &[RecordBatch],
        snapshot: &TableSnapshot,
    ) -> bool {
        let slot = self.slots.lock().get(&snapshot.table().id).cloned();
        let are_too_many = |slot: Arc<Slot>| slot.are_too_many.load(Ordering::Relaxed);
        if slot.is_none_or(are_too_many) {
            return false;
        }
        let of_files = of_files.iter().map(RecordBatch::get_array_memory_size);
        let of_files: usize = of_files.sum();
        let generations = by_generation(snapshot.chunks().map(|chunk| &**chunk));
        let of_chunks = generations.into_iter().map(|chunks| {
            let row_bytes = chunks.iter().map(|chunk| chunk.bytes() / chunk.rows());
            let rows = series_at_most(&chunks) * row_bytes.max().unwrap_or(0);
            rows + chunks[0].key_bytes()
        });
        2 * of_files + of_chunks.sum::<usize>() <= self.bytes_max
    }

    /// Keeps the last rows of files and of rows in memory, as far as there is room.
    pub(super) fn keep_newest(&self, table: TableId, newest: Newest) {
        let slot = self.slots.lock().get(&table).cloned();
        let Some(slot) = slot else { return };
        let is_late = |kept: &Arc<Newest>| kept.is_after(&newest);
        if slot.newest.lock().as_ref().is_some_and(is_late) {
            return;
        }
        *slot.newest.lock() = None;
        // No rows of files go for it, which would have to be read again.
        let has_room = || self.bytes() + newest.bytes() <= self.bytes_max;
        forget_newest(&self.others(&slot), has_room);
        match has_room() {
            true => *slot.newest.lock() = Some(Arc::new(newest)),
            false => slot.are_too_many.store(true, Ordering::Relaxed),
        }
    }

    /// Memory in use.
    pub(crate) fn bytes(&self) -> usize {
        let slots = self.slots.lock();
        slots.values().map(|slot| slot.bytes()).sum()
    }

    fn slot(&self, table: TableId) -> Arc<Slot> {
        let mut slots = self.slots.lock();
        let slot = Arc::clone(slots.entry(table).or_default());
        let now = self.uses.fetch_add(1, Ordering::Relaxed);
        slot.last_use.store(now, Ordering::Relaxed);
        slot
    }

    /// Keeps new rows of files, and lets go of those of tables that were asked for least recently.
    fn keep(&self, slot: &Arc<Slot>, kept: &mut Option<Kept>, new: Kept) {
        let bytes = new.bytes();
        let fits = bytes <= self.bytes_max;
        slot.bytes
            .store(if fits { bytes } else { 0 }, Ordering::Relaxed);
        *kept = fits.then_some(new);
        // They were put together with others of files.
        *slot.newest.lock() = None;
        slot.are_too_many.store(false, Ordering::Relaxed);
        let others = self.others(slot);
        forget_newest(&others, || self.bytes() <= self.bytes_max);
        for other in others {
            if self.bytes() <= self.bytes_max {
                return;
            }
            // One that is in use just now is newer than it looks.
            if let Ok(mut kept) = other.kept.try_lock() {
                *kept = None;
                other.bytes.store(0, Ordering::Relaxed);
            }
        }
    }

    /// All slots but one, those first that were asked for least recently.
    fn others(&self, slot: &Arc<Slot>) -> Vec<Arc<Slot>> {
        let mut others: Vec<Arc<Slot>> = self.slots.lock().values().cloned().collect();
        others.retain(|other| !Arc::ptr_eq(other, slot));
        others.sort_by_key(|other| other.last_use.load(Ordering::Relaxed));
        others
    }
}

impl Slot {
    fn bytes(&self) -> usize {
        let newest = self.newest.lock();
        let newest = newest.as_ref().map_or(0, |newest| newest.bytes());
        self.bytes.load(Ordering::Relaxed) + newest
    }
}

/// Lets go of what is only put together again, of one slot after the other until there is room.
fn forget_newest(slots: &[Arc<Slot>], has_room: impl Fn() -> bool) {
    for slot in slots {
        if has_room() {
            return;
        }
        *slot.newest.lock() = None;
    }
}

/// Of so many series there are rows in memory at most.
fn series_in_chunks(snapshot: &TableSnapshot) -> usize {
    let generations = by_generation(snapshot.chunks().map(|chunk| &**chunk));
    let counts = generations.iter().map(|chunks| series_at_most(chunks));
    counts.sum()
}

/// Of so many series there are rows in chunks of one generation at most: of no more than it knows, however many rows these have.
fn series_at_most(chunks: &[&Chunk]) -> usize {
    let rows: usize = chunks.iter().map(|chunk| chunk.rows()).sum();
    rows.min(chunks[0].known_series())
}

impl Kept {
    /// The files that are to be merged in to get to these, which are all of a table's; `None` if that
    /// does not do.
    fn missing(
        &self,
        table: &Table,
        files: &[Arc<FileRecord>],
    ) -> Result<Option<Vec<Arc<FileRecord>>>> {
        let is_seen = |key: &FileKey| self.files.contains_key(key) || self.partly.contains(key);
        let present = files.iter().filter(|file| is_seen(&file.key()));
        if present.count() != self.files.len() + self.partly.len()
            || self.is_ahead_of(table)
            || self.hides_some(table)?
        {
            return Ok(None);
        }
        let is_missing = |file: &&Arc<FileRecord>| !self.files.contains_key(&file.key());
        let missing: Vec<_> = files.iter().filter(is_missing).cloned().collect();
        let known = |file: &Arc<FileRecord>| self.files.contains_key(&file.key());
        // What is merged in counts as newer.
        let is_in_order = files.iter().enumerate().all(|(place, file)| {
            known(file)
                || !files[place..]
                    .iter()
                    .any(|newer| known(newer) && overlap(file, newer))
        });
        Ok(is_in_order.then_some(missing))
    }

    /// Whether a delete that has not been applied hides a row.
    fn hides_some(&self, table: &Table) -> Result<bool> {
        let new = table.deletes().iter();
        for delete in new.filter(|delete| !self.deletes.contains_key(&delete.id)) {
            for rows in self.rows.iter() {
                if matches(&delete.predicate, rows, table)?.true_count() > 0 {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether rows are left out for a delete that this state of the table does not know yet. (It may
    /// have forgotten one as well, because it concerns no file any more.)
    fn is_ahead_of(&self, table: &Table) -> bool {
        let is_unknown = |id: &u64| table.deletes().iter().all(|delete| delete.id != *id);
        let mut unknown = (self.deletes.iter()).filter(|(id, _)| is_unknown(id));
        unknown.any(|(_, delete)| self.files.values().any(|file| delete.concerns(file)))
    }

    /// Whether it stands for exactly these files and the columns and deletes of this state of the table.
    fn is_of(&self, files: &[Arc<FileRecord>], view: &View) -> bool {
        self.partly.is_empty()
            && self.schema == view.schema
            && self.files.len() == files.len()
            && files
                .iter()
                .all(|file| self.files.contains_key(&file.key()))
            && (view.table.deletes().iter()).all(|delete| self.deletes.contains_key(&delete.id))
    }

    /// Puts a file in the place of others; false if the rows are of no use any more.
    fn note(&mut self, rewritten: Rewritten, manifest: u64) -> bool {
        self.manifest = manifest.max(self.manifest);
        let mut deletes = rewritten.table.deletes().iter();
        let are_all_applied = deletes.all(|delete| self.deletes.contains_key(&delete.id));
        let are_all_young = (self.rows.iter())
            .all(|rows| times(rows).iter().all(|&time| time >= rewritten.earliest));
        if !are_all_applied || !are_all_young {
            return false;
        }
        let inputs = &rewritten.inputs;
        let known = inputs
            .iter()
            .filter(|&key| self.files.remove(key).is_some());
        let known = known.count();
        let partly = inputs.iter().filter(|&key| self.partly.remove(key)).count();
        match rewritten.output {
            Some(file) if known == inputs.len() => drop(self.files.insert(file.key(), file)),
            Some(file) if known + partly > 0 => drop(self.partly.insert(file.key())),
            None if known < inputs.len() && known + partly > 0 => return false,
            _ => {}
        }
        true
    }

    fn rows_as(&self, schema: &SchemaRef) -> Result<Arc<Vec<RecordBatch>>> {
        if self.schema == *schema {
            return Ok(Arc::clone(&self.rows));
        }
        let rows = self.rows.iter().map(|rows| with_all_columns(rows, schema));
        Ok(Arc::new(rows.collect::<Result<_>>()?))
    }

    fn series(&self) -> u64 {
        self.rows.iter().map(|rows| rows.num_rows() as u64).sum()
    }

    fn bytes(&self) -> usize {
        let rows: usize = self
            .rows
            .iter()
            .map(RecordBatch::get_array_memory_size)
            .sum();
        rows + self.files.len() * (size_of::<FileKey>() + size_of::<FileRecord>())
    }
}

fn overlap(a: &FileRecord, b: &FileRecord) -> bool {
    a.partition_start < b.partition_end() && b.partition_start < a.partition_end()
}

/// Merges the last rows of files, which are newer, into those at hand.
async fn merged(
    view: &View,
    store: &Arc<dyn ObjectStore>,
    before: Arc<Vec<RecordBatch>>,
    files: Vec<Arc<FileRecord>>,
) -> Result<Vec<RecordBatch>> {
    let mut rows = before.to_vec();
    for files in files.chunks(FILES_AT_A_TIME) {
        let reads = files.iter().map(|file| file::read(view, store, file));
        let reads: Vec<_> = reads.collect();
        let read = stream::iter(reads).buffered(READS_AT_ONCE);
        let mut inputs = vec![rows];
        inputs.extend(read.try_collect::<Vec<_>>().await?);
        let schema = Arc::clone(&view.schema);
        let merge = move || Ok(merge::last_of_all(&schema, inputs)?);
        rows = on_blocking_thread(merge).await?;
    }
    Ok(rows)
}
