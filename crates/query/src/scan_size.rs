//! How much a query has to read, guessed before it is planned: dividing little work among cores takes
//! longer than doing it.
//!
//! The guess knows the files and buffered rows in the filters' time range and of files which rows have the tags asked for, as far as
//! that is known; else, where the footer is in memory, which row groups can hold them, and which pages where these are in order of
//! them. It decides nothing but how the work is divided, so it may be wrong.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use catalog::{FileRecord, TIME_COLUMN};
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::parquet::basic::BoundaryOrder;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::statistics::Statistics;
use datafusion::prelude::SessionConfig;
use storage::{BufferedRows, ScanUnit};

use crate::footers;
use crate::search::partition_point;
use crate::table::SnapshotTable;
use crate::tag_rows::{KnownRows, TagRows};
use crate::wanted::{TagValues, Wanted};

/// Rows that one core reads and aggregates in about the time that dividing them takes.
pub(crate) const SMALL_ROWS: u64 = 200_000;

/// Where a tag is asked for, at most this share of the rows of a row group is in pages that can hold it, where it is not known which
/// pages these are; and of buffered rows this share is the effort of passing over all others.
const SHARE_OF_TAGS: u64 = 8;

/// A guess at how many series a table has, for those who ask for one by its tags.
pub(crate) const SERIES_GUESS: u64 = 1_000;

/// For more values of a tag it is not guessed how many rows have them.
const VALUES_MAX: usize = 64;

/// How many threads a statement may have at most, if it says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads(pub(crate) NonZeroUsize);

/// What is known of files.
struct Known {
    footers: Arc<FileMetadataCache>,
    tag_rows: Option<Arc<TagRows>>,
}

/// How much there is to do.
enum Work {
    /// So little that one core is enough.
    Little,
    Much,
    /// How much a join or an unnested list makes of what is read, nobody knows; and operators that make much of little only stop between
    /// batches that come from another core.
    Unknown,
}

/// Divides the work of a plan, optimised already, among the cores it may have or leaves it to one.
pub(crate) fn divide(session: &mut SessionState, plan: &LogicalPlan) -> Result<()> {
    let caches = &session.runtime_env().cache_manager;
    let known = Known {
        footers: caches.get_file_metadata_cache(),
        tag_rows: session.config().get_extension(),
    };
    let work = work(plan, &known)?;
    let limit = session.config().get_extension::<Threads>();
    let limit = limit.map_or(usize::MAX, |threads| threads.0.get());
    let cores = SessionConfig::new().target_partitions();
    session
        .config_mut()
        .options_mut()
        .execution
        .target_partitions = match work {
        Work::Little => 1,
        Work::Much => cores.min(limit),
        Work::Unknown => cores.min(limit.max(2)),
    };
    Ok(())
}

/// What a plan, optimised already, comes to.
fn work(plan: &LogicalPlan, known: &Known) -> Result<Work> {
    let mut rows = 0u64;
    let mut is_known = true;
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source)?;
                let table = provider.downcast_ref::<SnapshotTable>();
                let more = table.map_or(0, |table| rows_to_read(table, &scan.filters, known));
                rows = rows.saturating_add(more);
            }
            LogicalPlan::Join(_) | LogicalPlan::Unnest(_) | LogicalPlan::RecursiveQuery(_) => {
                is_known = false;
            }
            _ => {}
        }
        Ok(match is_known {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    })?;
    Ok(match (is_known, rows <= SMALL_ROWS) {
        (false, _) => Work::Unknown,
        (true, true) => Work::Little,
        (true, false) => Work::Much,
    })
}

fn rows_to_read(table: &SnapshotTable, filters: &[Expr], known: &Known) -> u64 {
    let mut wanted = Wanted::of(table, filters);
    wanted.tags.retain(|tag| tag.values.len() <= VALUES_MAX);
    let rows_of_unit = |unit| match unit {
        ScanUnit::File(file) => wanted.rows_of_file(&file.file, known),
        ScanUnit::Buffered(rows) => wanted.rows_of_buffer(&rows),
        ScanUnit::Merged { files, buffered } => {
            let files = files.iter();
            let files: u64 = files
                .map(|file| wanted.rows_of_file(&file.file, known))
                .sum();
            files + buffered.map_or(0, |rows| wanted.rows_of_buffer(&rows))
        }
    };
    table.scan_units(&wanted.times).map(rows_of_unit).sum()
}

impl Wanted<'_> {
    fn rows_of_file(&self, file: &FileRecord, known: &Known) -> u64 {
        let footers = known.footers.as_ref();
        if let Some(tag_rows) = &known.tag_rows
            && let Some(rows) = KnownRows::as_known(self, file, tag_rows, footers)
        {
            return rows.count() as u64;
        }
        let Some(footer) = footers::in_memory(file, footers) else {
            let tags = self.tags.iter().map(|tag| tag.values.len());
            return tags
                .map(|values| share(file.rows, values))
                .min()
                .unwrap_or(file.rows);
        };
        let groups = 0..footer.num_row_groups();
        groups.map(|group| self.rows_of_group(&footer, group)).sum()
    }

    fn rows_of_group(&self, footer: &ParquetMetaData, number: usize) -> u64 {
        let group = footer.row_group(number);
        let statistics = |name: &str| {
            let mut columns = group.columns().iter();
            columns
                .find(|column| column.column_descr().name() == name)?
                .statistics()
        };
        if let Some(Statistics::Int64(times)) = statistics(TIME_COLUMN) {
            let is_before = times.max_opt().is_some_and(|max| max < self.times.start());
            let is_after = times.min_opt().is_some_and(|min| min > self.times.end());
            if is_before || is_after {
                return 0;
            }
        }
        let rows = group.num_rows().unsigned_abs();
        let with_tag = |tag: &TagValues| {
            if let Some(in_pages) = rows_of_pages(footer, number, tag) {
                return in_pages;
            }
            let Some(Statistics::ByteArray(known)) = statistics(tag.name) else {
                return share(rows, tag.values.len());
            };
            let may_be_in = |value: &&&str| {
                let value = value.as_bytes();
                let is_before = known.max_opt().is_some_and(|max| max.data() < value);
                let is_after = known.min_opt().is_some_and(|min| min.data() > value);
                !is_before && !is_after
            };
            share(rows, tag.values.iter().filter(may_be_in).count())
        };
        self.tags.iter().map(with_tag).min().unwrap_or(rows)
    }

    fn rows_of_buffer(&self, rows: &BufferedRows) -> u64 {
        let rows = rows.row_count() as u64;
        let fewest = self.tags.iter().map(|tag| tag.values.len() as u64).min();
        fewest.map_or(rows, |values| {
            (rows / SHARE_OF_TAGS).saturating_add(values * (rows / SERIES_GUESS))
        })
    }
}

/// The rows of those that may have one of so many values.
fn share(rows: u64, values: usize) -> u64 {
    (rows / SHARE_OF_TAGS)
        .saturating_mul(values as u64)
        .min(rows)
}

/// The rows of pages that can hold one of the values, where pages are in order of them.
fn rows_of_pages(footer: &ParquetMetaData, group: usize, tag: &TagValues) -> Option<u64> {
    let (index, pages) = footers::pages(footer, group, tag.name)?;
    let ColumnIndexMetaData::BYTE_ARRAY(values) = index else {
        return None;
    };
    if index.get_boundary_order() != Some(BoundaryOrder::ASCENDING) {
        return None;
    }
    // Pages of NULL have neither and come first.
    let ends_before =
        |page: usize, value: &[u8]| values.max_value(page).is_none_or(|max| max < value);
    let begins_after =
        |page: usize, value: &[u8]| values.min_value(page).is_some_and(|min| min > value);
    let pages_of = |value: &&str| {
        let value = value.as_bytes();
        let first = partition_point(pages.len(), |page| ends_before(page, value));
        let end = partition_point(pages.len(), |page| !begins_after(page, value));
        first..end.max(first)
    };
    let mut wanted: Vec<Range<usize>> = tag.values.iter().map(pages_of).collect();
    wanted.sort_unstable_by_key(|pages| pages.start);
    let first_row = |page: usize| match pages.get(page) {
        Some(location) => location.first_row_index,
        None => footer.row_group(group).num_rows(),
    };
    let (mut rows, mut through) = (0_u64, 0);
    for pages in wanted {
        let first = pages.start.max(through);
        if first < pages.end {
            let more = first_row(pages.end).saturating_sub(first_row(first));
            rows = rows.saturating_add(more.unsigned_abs());
            through = pages.end;
        }
    }
    Some(rows)
}
