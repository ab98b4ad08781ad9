//! Where a limit by time is worth a window.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, Sort, TableScan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use storage::ScanUnit;

use super::bins;
use super::node::WindowedLimit;
use super::windows::{self, Windows};
use crate::scan_size;
use crate::table::SnapshotTable;
use crate::time_range;
use crate::wanted;

/// What is read at once takes less time than to find out whether less is enough.
const ROWS_MIN: u64 = 100_000;

/// The rows of an answer are kept until it is known that they are enough.
const LIMIT_MAX: usize = 10_000;

/// Rows that a first window should have for every row asked for; other conditions leave some out.
const MARGIN: u64 = 4;

/// Replaces sorted and limited plans; to be the last rule.
#[derive(Debug)]
pub(in crate::plan) struct WindowedLimits;

impl OptimizerRule for WindowedLimits {
    fn name(&self) -> &str {
        "windowed_limits"
    }

    /// It goes down by itself, because it must not look into what it has made.
    fn apply_order(&self) -> Option<ApplyOrder> {
        None
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        plan.transform_down(|plan| {
            if is_windowed(&plan) {
                return Ok(Transformed::new(plan, false, TreeNodeRecursion::Jump));
            }
            let LogicalPlan::Sort(sort) = &plan else {
                return Ok(Transformed::no(plan));
            };
            Ok(match windowed(&plan, sort)? {
                Some(node) => {
                    let node = LogicalPlan::Extension(Extension {
                        node: Arc::new(node),
                    });
                    Transformed::new(node, true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(plan),
            })
        })
    }
}

fn is_windowed(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Extension(extension) = plan else {
        return false;
    };
    extension.node.as_any().is::<WindowedLimit>()
}

fn windowed(plan: &LogicalPlan, sort: &Sort) -> Result<Option<WindowedLimit>> {
    let Some(limit) = sort.fetch.filter(|limit| (1..=LIMIT_MAX).contains(limit)) else {
        return Ok(None);
    };
    let Some(order) = sort.expr.first() else {
        return Ok(None);
    };
    let Some(bin) = bins::of_expression(&sort.input, &order.expr) else {
        return Ok(None);
    };
    let Some(scan) = scan_of(&sort.input) else {
        return Ok(None);
    };
    let provider = source_as_provider(&scan.source)?;
    let Some(table) = provider.downcast_ref::<SnapshotTable>() else {
        return Ok(None);
    };
    let Some(contents) = Contents::of(table, scan) else {
        return Ok(None);
    };
    let rows_wanted = u64::try_from(limit).unwrap_or(u64::MAX);
    let length = match &bin {
        Expr::Column(_) => contents.time_of(rows_wanted * MARGIN),
        bin => {
            let length = windows::bin_length(bin, contents.latest)?;
            // The window begins and ends within bins.
            let bins = i64::try_from(limit + 1).unwrap_or(i64::MAX);
            length.map(|length| length.saturating_mul(bins))
        }
    };
    let Some(length) = length else {
        return Ok(None);
    };
    let windows = Windows {
        newest_first: !order.asc,
        earliest: contents.earliest,
        latest: contents.latest,
        bin,
        length,
    };
    WindowedLimit::of(plan, limit, windows)
}

/// The table that a plan of one table reads.
fn scan_of(plan: &LogicalPlan) -> Option<&TableScan> {
    match (plan, &plan.inputs()[..]) {
        (LogicalPlan::TableScan(scan), _) => Some(scan),
        (_, [input]) => scan_of(input),
        _ => None,
    }
}

/// What a scan can find.
struct Contents {
    rows: u64,
    earliest: i64,
    latest: i64,
}

impl Contents {
    /// `None` if that is little.
    fn of(table: &SnapshotTable, scan: &TableScan) -> Option<Self> {
        let range = time_range::of_filters(&scan.filters);
        let (mut rows, mut earliest, mut latest) = (0u64, i64::MAX, i64::MIN);
        let mut add = |more: u64, from: i64, to: i64| {
            rows += more;
            earliest = earliest.min(from);
            latest = latest.max(to);
        };
        for unit in table.scan_units(&range) {
            let (files, buffered) = match unit {
                ScanUnit::File(file) => (vec![file], None),
                ScanUnit::Buffered(rows) => (vec![], Some(rows)),
                ScanUnit::Merged { files, buffered } => (files, buffered),
            };
            for file in files {
                add(file.file.rows, file.file.time_min, file.file.time_max);
            }
            if let Some(rows) = buffered {
                let times = rows.time_range();
                add(rows.row_count() as u64, *times.start(), *times.end());
            }
        }
        let of_tags = (scan.filters.iter()).filter_map(|it| wanted::tag_values(table, it));
        if let Some(fewest) = of_tags.map(|tag| tag.values.len() as u64).min() {
            rows = rows.min((rows / scan_size::SERIES_GUESS).saturating_mul(fewest));
        }
        let contents = Self {
            rows,
            earliest: earliest.max(*range.start()),
            latest: latest.min(*range.end()),
        };
        (rows >= ROWS_MIN && contents.earliest < contents.latest).then_some(contents)
    }

    /// The time in which there are so many rows, if they are spread evenly.
    fn time_of(&self, rows: u64) -> Option<i64> {
        let all = i128::from(self.latest) - i128::from(self.earliest);
        let length = all * i128::from(rows) / i128::from(self.rows);
        i64::try_from(length.max(1)).ok()
    }
}
