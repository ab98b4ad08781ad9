//! The query by which windows are computed, from raw rows or from those of a finer rollup.
//!
//! Every column of a rollup can be computed from the same columns of a finer one; that is what makes several
//! levels of them, and queries on them, the same as if they were computed from raw rows. Sums of floats are
//! added in another order, and so may differ in their last digits.

use std::fmt::Write as _;
use std::ops::Range;

use catalog::{RollupFunction, TIME_COLUMN};

use super::layout::{KeptField, Layout, ROWS, TIME_FIRST, TIME_LAST};

/// What is to be computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Computation<'a> {
    pub(super) layout: &'a Layout,
    /// The table to read.
    pub(super) source: &'a str,
    /// Whether that is one of raw rows.
    pub(super) is_raw: bool,
    pub(super) every_nanos: i64,
}

impl Computation<'_> {
    /// The query for these windows.
    pub(super) fn sql(&self, times: &Range<i64>) -> String {
        let bin = format!(
            "date_bin({}, time, {})",
            interval(self.every_nanos),
            timestamp(0)
        );
        let tags: String = self
            .layout
            .tags
            .iter()
            .map(|tag| format!(", {}", name(tag)))
            .collect();
        let mut columns = format!("{bin} AS {TIME_COLUMN}{tags}");
        let rows = match self.is_raw {
            true => [
                "count(*)",
                "CAST(min(time) AS BIGINT)",
                "CAST(max(time) AS BIGINT)",
            ]
            .map(str::to_owned),
            false => [
                format!("sum({})", name(ROWS)),
                format!("min({TIME_FIRST})"),
                format!("max({TIME_LAST})"),
            ],
        };
        for (value, column) in rows.iter().zip([ROWS, TIME_FIRST, TIME_LAST]) {
            let _ = write!(columns, ", {value} AS {}", name(column));
        }
        for field in &self.layout.fields {
            for function in &field.functions {
                self.add(&mut columns, field, *function);
            }
        }
        format!(
            "SET tidemill.threads = 1; SET tidemill.use_rollups = false; \
             SELECT {columns} FROM {} WHERE time >= {} AND time < {} \
             GROUP BY {bin}{tags}",
            name(self.source),
            timestamp(times.start),
            timestamp(times.end)
        )
    }

    fn add(&self, columns: &mut String, field: &KeptField, function: RollupFunction) {
        let own = name(&field.column(function));
        let value = match self.is_raw {
            true => name(&field.name),
            false => own.clone(),
        };
        let aggregate = match function {
            RollupFunction::Count if self.is_raw => format!("count({value})"),
            RollupFunction::Count | RollupFunction::Sum => format!("sum({value})"),
            RollupFunction::Min => format!("min({value})"),
            RollupFunction::Max => format!("max({value})"),
            RollupFunction::Sketch => {
                let sketch = match self.is_raw {
                    true => format!("percentile_agg({value})"),
                    false => format!("percentile_agg_merge(decode({value}, 'base64'))"),
                };
                format!("encode({sketch}, 'base64')")
            }
            RollupFunction::First | RollupFunction::Last => {
                let own_time = name(&field.time_column(function));
                let time = match self.is_raw {
                    true => TIME_COLUMN.to_owned(),
                    false => format!("arrow_cast({own_time}, 'Timestamp(Nanosecond, None)')"),
                };
                let picked = format!("selector_{}({value}, {time})", function.name());
                let _ = write!(columns, ", CAST({picked}['time'] AS BIGINT) AS {own_time}");
                format!("{picked}['value']")
            }
            other => unreachable!("the catalog has no function {other:?}"),
        };
        let _ = write!(columns, ", {aggregate} AS {own}");
    }
}

/// A name as SQL writes it.
pub(super) fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A time as SQL writes it.
pub(super) fn timestamp(nanos: i64) -> String {
    format!("arrow_cast({nanos}, 'Timestamp(Nanosecond, None)')")
}

fn interval(nanos: i64) -> String {
    match nanos % 1_000_000_000 {
        0 => format!("INTERVAL '{} seconds'", nanos / 1_000_000_000),
        _ => format!("INTERVAL '{nanos} nanoseconds'"),
    }
}
