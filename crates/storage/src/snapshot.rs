//! An immutable read view of one table: its live files and buffered chunks at one moment.
//!
//! [`TableSnapshot::scan_units`] says what has to be read for a time range and which of it must be
//! merged. Sources need merging only when rows of one may replace rows of another: when they are in
//! one partition, their times overlap and the keys of the newer one are not known to be new
//! (`keys_are_new`). Everything else is read as it lies.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use catalog::{FileRecord, Table};

use crate::buffer::{Chunk, Contents};
use crate::rows;
use crate::schema::arrow_schema;

/// A read view of one table. Cheap to clone; never changes.
#[derive(Debug, Clone)]
pub struct TableSnapshot {
    table: Arc<Table>,
    schema: SchemaRef,
    files: Vec<Arc<FileRecord>>,
    /// Files on the local disk that the object store does not have yet: newer than `files`.
    spilled: Vec<(i64, Arc<FileRecord>)>,
    chunks: Vec<(i64, Arc<Chunk>)>,
}

/// Buffered rows to be read.
#[derive(Debug, Clone)]
pub struct BufferedRows {
    chunks: Vec<Arc<Chunk>>,
    table: Arc<Table>,
}

/// Something to read, independent of all other units of the same snapshot.
#[derive(Debug, Clone)]
pub enum ScanUnit {
    /// A file whose rows replace none and are replaced by none.
    File(Arc<FileRecord>),
    /// Buffered rows, in any order, that replace none and are replaced by none.
    Buffered(BufferedRows),
    /// Files and buffered rows, older before newer, whose rows may replace one another.
    Merged {
        /// The files, oldest first.
        files: Vec<Arc<FileRecord>>,
        /// Rows that are newer than all of the files.
        buffered: Option<BufferedRows>,
    },
}

enum Source {
    File(Arc<FileRecord>),
    Chunk(Arc<Chunk>),
}

impl TableSnapshot {
    /// `buffered` must have been taken before the state that `table` is from: rows that a flush moved
    /// in between are then in both, and told apart by `wal_applied_through`; the other way round
    /// they would be in neither.
    pub(crate) fn new(table: Arc<Table>, wal_applied_through: u64, mut buffered: Contents) -> Self {
        let is_buffered = |last_sequence| last_sequence > wal_applied_through;
        (buffered.spilled).retain(|(_, file)| is_buffered(file.id.last_sequence));
        (buffered.chunks).retain(|(_, chunk)| is_buffered(chunk.last_sequence));
        Self {
            schema: arrow_schema(&table),
            files: table.files().to_vec(),
            table,
            spilled: buffered.spilled,
            chunks: buffered.chunks,
        }
    }

    /// The table as of this snapshot.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The table's columns: `time`, tags, fields.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What has to be read to see every row with a time in `range`.
    pub fn scan_units(&self, range: &RangeInclusive<i64>) -> Vec<ScanUnit> {
        let mut sources = self.sources();
        sources.sort_by_key(|(partition, _)| *partition); // stable: stays oldest first
        let mut units = Vec::new();
        for partition in sources.chunk_by(|a, b| a.0 == b.0) {
            let sources: Vec<_> = partition.iter().map(|(_, source)| source).collect();
            for component in components(&sources) {
                // A row outside the range never replaces one inside: they differ in time.
                let overlaps = |source: &&Source| source.overlaps(range);
                let component: Vec<_> = component.into_iter().filter(overlaps).collect();
                units.extend(self.unit(&component));
            }
        }
        units
    }

    fn sources(&self) -> Vec<(i64, Source)> {
        let files = self
            .files
            .iter()
            .map(|file| (file.partition_start, Source::File(Arc::clone(file))));
        let spilled =
            |(start, file): &(i64, Arc<FileRecord>)| (*start, Source::File(Arc::clone(file)));
        let chunk = |(start, chunk): &(i64, Arc<Chunk>)| (*start, Source::Chunk(Arc::clone(chunk)));
        files
            .chain(self.spilled.iter().map(spilled))
            .chain(self.chunks.iter().map(chunk))
            .collect()
    }

    fn unit(&self, component: &[&Source]) -> Option<ScanUnit> {
        let (mut files, mut chunks) = (Vec::new(), Vec::new());
        for source in component {
            match source {
                Source::File(file) => files.push(Arc::clone(file)),
                Source::Chunk(chunk) => chunks.push(Arc::clone(chunk)),
            }
        }
        let is_plain = component.len() == 1 && component[0].is_unique();
        let buffered = (!chunks.is_empty()).then(|| BufferedRows {
            chunks,
            table: Arc::clone(&self.table),
        });
        match (files.pop(), buffered) {
            (None, None) => None,
            (Some(file), None) if is_plain => Some(ScanUnit::File(file)),
            (None, Some(buffered)) if is_plain => Some(ScanUnit::Buffered(buffered)),
            (last, buffered) => {
                files.extend(last);
                Some(ScanUnit::Merged { files, buffered })
            }
        }
    }
}

impl Source {
    fn time_range(&self) -> RangeInclusive<i64> {
        match self {
            Self::File(file) => file.time_min..=file.time_max,
            Self::Chunk(chunk) => chunk.time_min..=chunk.time_max,
        }
    }

    fn overlaps(&self, range: &RangeInclusive<i64>) -> bool {
        let own = self.time_range();
        own.start() <= range.end() && range.start() <= own.end()
    }

    fn keys_are_new(&self) -> bool {
        match self {
            Self::File(file) => file.keys_are_new,
            Self::Chunk(chunk) => chunk.keys_are_new,
        }
    }

    /// Whether no key is in it twice. Files are written so.
    fn is_unique(&self) -> bool {
        matches!(self, Self::File(_)) || self.keys_are_new()
    }
}

/// Groups sources (oldest first) so that rows of different groups never replace one another.
fn components<'a>(sources: &[&'a Source]) -> Vec<Vec<&'a Source>> {
    let mut group_of: Vec<usize> = (0..sources.len()).collect();
    for (newer, source) in sources.iter().enumerate() {
        if source.keys_are_new() {
            continue;
        }
        for older in 0..newer {
            if sources[older].overlaps(&source.time_range()) && group_of[older] != group_of[newer] {
                let (from, to) = (group_of[older], group_of[newer]);
                group_of
                    .iter_mut()
                    .filter(|group| **group == from)
                    .for_each(|group| *group = to);
            }
        }
    }
    let mut groups: Vec<usize> = group_of.clone();
    groups.sort_unstable();
    groups.dedup();
    let members = |group: usize| {
        let member = sources
            .iter()
            .zip(&group_of)
            .filter(move |(_, of)| **of == group);
        member.map(|(source, _)| *source).collect()
    };
    groups.into_iter().map(members).collect()
}

impl BufferedRows {
    /// Upper bound of the number of rows; exact for [`ScanUnit::Buffered`].
    pub fn row_count(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows()).sum()
    }

    /// About how much memory the rows take as columns of `schema`.
    pub fn estimated_bytes(&self, schema: &SchemaRef) -> usize {
        let all: usize = self.chunks.iter().map(|chunk| chunk.bytes()).sum();
        let columns = schema.fields().len().min(self.table.columns().len() + 1);
        all * columns / (self.table.columns().len() + 1)
    }

    /// Earliest and latest time.
    pub fn time_range(&self) -> RangeInclusive<i64> {
        let start = self
            .chunks
            .iter()
            .map(|chunk| chunk.time_min)
            .min()
            .unwrap_or(i64::MAX);
        let end = self
            .chunks
            .iter()
            .map(|chunk| chunk.time_max)
            .max()
            .unwrap_or(i64::MIN);
        start..=end
    }

    /// The rows as they arrived, as columns of `schema` (any of the table's columns, any order).
    pub fn batches(&self, schema: &SchemaRef) -> Vec<RecordBatch> {
        let rows = |chunk: &Arc<Chunk>| rows::in_arrival_order(chunk, &self.table, schema);
        self.chunks.iter().map(rows).collect()
    }

    /// The rows sorted by the row key, every key once.
    pub fn sorted_unique(&self, schema: &SchemaRef) -> RecordBatch {
        let chunks: Vec<_> = self.chunks.iter().map(|chunk| &**chunk).collect();
        rows::sorted_unique(&chunks, &self.table, schema)
    }
}
