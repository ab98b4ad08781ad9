//! An immutable read view of one table: its live files and buffered chunks at one moment.
//!
//! [`TableSnapshot::scan_units`] says what has to be read for a time range, which of it must be
//! merged, and which rows must not be seen. Sources need merging only when rows of one may replace
//! rows of another: when the windows of their partitions overlap, their times overlap, and the keys of
//! the newer one are not known to be new (`keys_are_new`). Of buffered rows it is known which series have
//! such keys, and at what times: only these are merged. Everything else is read as it lies.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use catalog::{FileRecord, State, Table};

use crate::buffer::{self, BufferedRows, Chunk, Contents, Shares, ToRead, shares};
use crate::row_filter::RowFilter;
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
    /// Older rows are not kept.
    earliest: i64,
    /// The number of the manifest it is of.
    manifest: u64,
}

/// The rows of a file that are to be read.
#[derive(Debug, Clone)]
pub struct FileRows {
    /// The file.
    pub file: Arc<FileRecord>,
    /// Which of its rows must not be seen.
    pub filter: RowFilter,
}

/// Something to read, independent of all other units of the same snapshot.
#[derive(Debug, Clone)]
pub enum ScanUnit {
    /// A file whose rows replace none and are replaced by none.
    File(FileRows),
    /// Buffered rows, in any order, that replace none and are replaced by none but each other.
    Buffered(BufferedRows),
    /// Files and buffered rows, older before newer, whose rows may replace one another.
    Merged {
        /// The files, oldest first; there is at least one.
        files: Vec<FileRows>,
        /// Rows that are newer than all of the files.
        buffered: Option<BufferedRows>,
    },
}

enum Source {
    File(Arc<FileRecord>),
    Chunk(Arc<Chunk>),
}

impl TableSnapshot {
    /// `buffered` must have been taken before `state`, which `table` is from: rows that a flush moved
    /// in between are then in both, and told apart by the state's `wal_applied_through`; the other way round
    /// they would be in neither.
    pub(crate) fn new(
        table: Arc<Table>,
        state: &State,
        mut buffered: Contents,
        earliest: i64,
    ) -> Self {
        let wal_applied_through = state.wal_applied_through();
        let is_buffered = |last_sequence| last_sequence > wal_applied_through;
        (buffered.spilled).retain(|(_, file)| is_buffered(file.id.last_sequence));
        (buffered.chunks).retain(|(_, chunk)| is_buffered(chunk.last_sequence));
        Self {
            schema: arrow_schema(&table),
            files: table.files().to_vec(),
            table,
            spilled: buffered.spilled,
            chunks: buffered.chunks,
            earliest,
            manifest: state.number(),
        }
    }

    /// The number of the manifest that the snapshot is of: those of later ones are not lower.
    pub(crate) fn manifest(&self) -> u64 {
        self.manifest
    }

    /// The table as of this snapshot.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The table's columns: `time`, tags, fields.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What has to be read to see every row with a time in `range`. Files may have others too.
    pub fn scan_units(&self, range: &RangeInclusive<i64>) -> Vec<ScanUnit> {
        let range = (*range.start()).max(self.earliest)..=*range.end();
        let (mut units, mut replacing) = (Vec::new(), Vec::new());
        for group in in_overlapping_windows(self.sources()) {
            let sources: Vec<_> = group.iter().collect();
            for component in components(&sources) {
                // A row outside the range never replaces one inside: they differ in time.
                let overlaps = |source: &&Source| source.overlaps(&range);
                let (files, chunks) = parts(component.into_iter().filter(overlaps));
                let shares = Shares::of(&chunks);
                let plain = shares.plain.into_iter();
                units.extend(plain.map(|chunk| self.buffered_unit(vec![chunk], &range)));
                match files.is_empty() {
                    true => replacing.push(shares.replacing),
                    false => units.push(self.unit_of_files(&files, shares.replacing, &range)),
                }
            }
        }
        let replacing = shares::together(replacing).into_iter();
        units.extend(replacing.map(|chunks| self.buffered_unit(chunks, &range)));
        units
    }

    /// All files, spilled ones too, in an order in which the older of two that may hold the same key
    /// comes first. Every chunk is newer.
    pub(crate) fn files_by_age(&self) -> Vec<Arc<FileRecord>> {
        let spilled = self.spilled.iter().map(|(_, file)| file);
        self.files.iter().chain(spilled).cloned().collect()
    }

    /// The buffered rows, oldest first within each window.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.chunks.iter().map(|(_, chunk)| chunk)
    }

    /// All rows in memory, whatever their age.
    pub(crate) fn buffered(&self) -> BufferedRows {
        let chunks = self.chunks().cloned().collect();
        BufferedRows::all_of(chunks, Arc::clone(&self.table), i64::MIN..=i64::MAX)
    }

    /// How many rows are in memory, as they were written.
    pub fn buffered_row_count(&self) -> usize {
        self.chunks().map(|chunk| chunk.rows()).sum()
    }

    /// From the earliest to the latest time that a row may have, or a little more; `None` if there are no
    /// rows.
    pub fn time_range(&self) -> Option<RangeInclusive<i64>> {
        let sources = self.sources().into_iter();
        let ranges = sources.map(|(_, source)| source.time_range());
        ranges.reduce(|a, b| *a.start().min(b.start())..=*a.end().max(b.end()))
    }

    /// Rows before this time are too old to be seen.
    pub fn earliest(&self) -> i64 {
        self.earliest
    }

    /// Everything, oldest first within each window.
    fn sources(&self) -> Vec<(Range<i64>, Source)> {
        let spilled = self.spilled.iter().map(|(_, file)| file);
        let files = self.files.iter().chain(spilled).map(|file| {
            let window = file.partition_start..file.partition_end();
            (window, Source::File(Arc::clone(file)))
        });
        let chunks = self.chunks.iter().map(|(start, chunk)| {
            let window = *start..buffer::partition_end(*start);
            (window, Source::Chunk(Arc::clone(chunk)))
        });
        files.chain(chunks).collect()
    }

    fn buffered_unit(&self, chunks: Vec<ToRead>, range: &RangeInclusive<i64>) -> ScanUnit {
        ScanUnit::Buffered(self.buffered_rows(chunks, range))
    }

    /// Of files that may replace one another, and of buffered rows that may replace theirs.
    fn unit_of_files(
        &self,
        files: &[&Arc<FileRecord>],
        replacing: Vec<ToRead>,
        range: &RangeInclusive<i64>,
    ) -> ScanUnit {
        let rows = |file: &&Arc<FileRecord>| FileRows {
            filter: RowFilter::of(&self.table, file, self.earliest),
            file: Arc::clone(file),
        };
        let buffered = (!replacing.is_empty()).then(|| self.buffered_rows(replacing, range));
        match (files, &buffered) {
            ([alone], None) => ScanUnit::File(rows(alone)),
            _ => ScanUnit::Merged {
                files: files.iter().map(rows).collect(),
                buffered,
            },
        }
    }

    fn buffered_rows(&self, chunks: Vec<ToRead>, range: &RangeInclusive<i64>) -> BufferedRows {
        BufferedRows::new(chunks, Arc::clone(&self.table), range.clone())
    }
}

fn parts<'a>(
    component: impl Iterator<Item = &'a Source>,
) -> (Vec<&'a Arc<FileRecord>>, Vec<&'a Arc<Chunk>>) {
    let (mut files, mut chunks) = (Vec::new(), Vec::new());
    for source in component {
        match source {
            Source::File(file) => files.push(file),
            Source::Chunk(chunk) => chunks.push(chunk),
        }
    }
    (files, chunks)
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

    /// The times of rows of it that may replace others, of it or of anything older.
    fn replacing_times(&self) -> Option<RangeInclusive<i64>> {
        match self {
            Self::File(file) => (!file.keys_are_new).then(|| self.time_range()),
            Self::Chunk(chunk) => {
                let replacing = chunk.replacing.as_ref()?;
                Some(replacing.time_min..=replacing.time_max)
            }
        }
    }
}

/// Groups sources so that windows of different groups do not overlap; within a group they keep their
/// order.
pub(crate) fn in_overlapping_windows<T>(sources: Vec<(Range<i64>, T)>) -> Vec<Vec<T>> {
    let mut order: Vec<usize> = (0..sources.len()).collect();
    order.sort_by_key(|&place| sources[place].0.start);
    let mut group_of = vec![0; sources.len()];
    let (mut groups, mut end) = (0, i64::MIN);
    for place in order {
        let window = &sources[place].0;
        if groups == 0 || window.start >= end {
            groups += 1;
        }
        end = end.max(window.end);
        group_of[place] = groups - 1;
    }
    let mut grouped: Vec<Vec<T>> = (0..groups).map(|_| Vec::new()).collect();
    for ((_, source), group) in sources.into_iter().zip(group_of) {
        grouped[group].push(source);
    }
    grouped
}

/// Groups sources (oldest first) so that rows of different groups never replace one another.
fn components<'a>(sources: &[&'a Source]) -> Vec<Vec<&'a Source>> {
    let mut group_of: Vec<usize> = (0..sources.len()).collect();
    for (newer, source) in sources.iter().enumerate() {
        let Some(times) = source.replacing_times() else {
            continue;
        };
        for older in 0..newer {
            if sources[older].overlaps(&times) && group_of[older] != group_of[newer] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_touch_do_not_overlap() {
        let check = |windows: &[Range<i64>], expected: &[&[usize]]| {
            let sources = windows.iter().cloned().zip(0..).collect();
            assert_eq!(in_overlapping_windows(sources), expected, "{windows:?}");
        };
        check(&[], &[]);
        check(&[0..10, 10..20], &[&[0], &[1]]);
        check(&[10..20, 0..10, 10..20], &[&[1], &[0, 2]]);
        // A long window holds its days together; they stay in order of age.
        check(
            &[0..10, 30..40, 0..80, 10..20, 80..90],
            &[&[0, 1, 2, 3], &[4]],
        );
    }
}
