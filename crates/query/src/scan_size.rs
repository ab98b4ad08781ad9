//! How much a query has to read, guessed before it is planned: dividing little work among cores takes
//! longer than doing it.
//!
//! The guess knows the files and buffered rows in the filters' time range and, of files whose footer is
//! in memory, which row groups can hold the tags asked for. It decides nothing but how the work is
//! divided, so it may be wrong.

use std::num::NonZeroUsize;

use arrow::datatypes::DataType;
use catalog::{FileRecord, TIME_COLUMN};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::parquet::file::metadata::RowGroupMetaData;
use datafusion::parquet::file::statistics::Statistics;
use datafusion::prelude::SessionConfig;
use storage::{BufferedRows, ScanUnit};

use crate::footers;
use crate::table::SnapshotTable;
use crate::time_range;

/// Rows that one core reads and aggregates in about the time that dividing them takes.
const SMALL_ROWS: u64 = 200_000;

/// Where tags are asked for, at most this share of the rows of a row group is in pages that can hold them, and of
/// buffered rows this share is the effort of passing over all others.
const SHARE_OF_TAGS: u64 = 8;

/// A guess at how many series a table has, for those who ask for one by its tags.
pub(crate) const SERIES_GUESS: u64 = 1_000;

/// How many threads a statement may have at most, if it says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threads(pub(crate) NonZeroUsize);

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
    let work = work(plan, caches.get_file_metadata_cache().as_ref())?;
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
fn work(plan: &LogicalPlan, footers: &FileMetadataCache) -> Result<Work> {
    let mut rows = 0u64;
    let mut is_known = true;
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source)?;
                let table = provider.downcast_ref::<SnapshotTable>();
                let more = table.map_or(0, |table| rows_to_read(table, &scan.filters, footers));
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

fn rows_to_read(table: &SnapshotTable, filters: &[Expr], footers: &FileMetadataCache) -> u64 {
    let wanted = Wanted {
        times: time_range::of_filters(filters),
        tags: filters
            .iter()
            .filter_map(|filter| tag_value(table, filter))
            .collect(),
    };
    let rows_of_unit = |unit| match unit {
        ScanUnit::File(file) => wanted.rows_of_file(&file.file, footers),
        ScanUnit::Buffered(rows) => wanted.rows_of_buffer(&rows),
        ScanUnit::Merged { files, buffered } => {
            let files = files.iter();
            let files: u64 = files
                .map(|file| wanted.rows_of_file(&file.file, footers))
                .sum();
            files + buffered.map_or(0, |rows| wanted.rows_of_buffer(&rows))
        }
    };
    table.scan_units(&wanted.times).map(rows_of_unit).sum()
}

/// What the filters ask for.
struct Wanted<'a> {
    times: std::ops::RangeInclusive<i64>,
    /// Tags that must have these values.
    tags: Vec<(&'a str, &'a str)>,
}

impl Wanted<'_> {
    fn rows_of_file(&self, file: &FileRecord, footers: &FileMetadataCache) -> u64 {
        let rows = match footers::in_memory(file, footers) {
            None => file.rows,
            Some(footer) => {
                let groups = footer.row_groups().iter();
                let wanted = groups.filter(|group| self.may_be_in(group));
                wanted.map(|group| group.num_rows().unsigned_abs()).sum()
            }
        };
        rows / self.share()
    }

    fn rows_of_buffer(&self, rows: &BufferedRows) -> u64 {
        rows.row_count() as u64 / self.share()
    }

    fn share(&self) -> u64 {
        match self.tags.is_empty() {
            true => 1,
            false => SHARE_OF_TAGS,
        }
    }

    fn may_be_in(&self, group: &RowGroupMetaData) -> bool {
        group.columns().iter().all(|column| {
            let name = column.column_descr().name();
            match column.statistics() {
                Some(Statistics::Int64(times)) if name == TIME_COLUMN => {
                    let is_before = times.max_opt().is_some_and(|max| max < self.times.start());
                    let is_after = times.min_opt().is_some_and(|min| min > self.times.end());
                    !is_before && !is_after
                }
                Some(Statistics::ByteArray(tag)) => self
                    .tags
                    .iter()
                    .filter(|(wanted, _)| *wanted == name)
                    .all(|(_, value)| {
                        let value = value.as_bytes();
                        let is_before = tag.max_opt().is_some_and(|max| max.data() < value);
                        let is_after = tag.min_opt().is_some_and(|min| min.data() > value);
                        !is_before && !is_after
                    }),
                _ => true,
            }
        })
    }
}

/// `tag = 'value'`, either way round.
pub(crate) fn tag_value<'a>(table: &SnapshotTable, filter: &'a Expr) -> Option<(&'a str, &'a str)> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = filter
    else {
        return None;
    };
    let (column, value) = match (&**left, &**right) {
        (Expr::Column(column), Expr::Literal(value, _))
        | (Expr::Literal(value, _), Expr::Column(column)) => (column, value),
        _ => return None,
    };
    let schema = table.snapshot_schema();
    let field = schema.field_with_name(&column.name).ok()?;
    let is_tag = matches!(field.data_type(), DataType::Dictionary(..));
    Some((column.name.as_str(), text(value)?)).filter(|_| is_tag)
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}
