//! How far rollups have come, as rows of a table of the database `_rollups`: they take the ordinary write path
//! and so are there exactly if what they say is there too.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use catalog::{DatabaseName, RecordId, Retention, TIME_COLUMN};
use datafusion::error::DataFusionError;
use futures::TryStreamExt as _;

use crate::caller::Caller;
use crate::engine::{Access, QueryEngine, SqlRequest};
use crate::error::Result;
use crate::tasks::rows::{self, Target};

const TABLE: &str = "progress";

/// As many ranges are noted; of more, fewer are made that hold them.
const RANGES_MAX: usize = 1000;

/// How far a rollup has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    /// Every write up to this one was taken in, but for `changed`.
    pub(super) through: u64,
    pub(super) changed: Vec<Range<i64>>,
    /// See [`super::board::Standing`].
    pub(super) frozen: i64,
    pub(super) floor: i64,
}

fn database() -> DatabaseName {
    DatabaseName::of_program("rollups")
}

/// Notes how far rollups have come.
pub(super) async fn write(
    engine: &QueryEngine,
    progress: &HashMap<RecordId, Progress>,
) -> Result<()> {
    let database = database();
    if engine
        .catalog()
        .state()
        .database(database.as_str())
        .is_none()
    {
        let created = engine
            .catalog()
            .create_database(&database, Retention::Forever);
        match created.await {
            Ok(_) | Err(catalog::Error::DatabaseExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let target = Target {
        database: database.as_str(),
        table: TABLE,
        tags: &["rollup".to_owned()],
        time: None,
    };
    rows::write(engine, &target, batch(progress)?)
        .await
        .map(drop)
}

fn batch(progress: &HashMap<RecordId, Progress>) -> Result<RecordBatch> {
    let all = || progress.values();
    let integers = |of: fn(&Progress) -> i64| Arc::new(all().map(of).collect::<Int64Array>());
    let times: TimestampNanosecondArray = all().map(|_| Some(0)).collect();
    let ids = progress.keys().map(|id| Some(id.to_string()));
    let changed = all().map(|progress| Some(ranges_text(&progress.changed)));
    let columns: [(&str, ArrayRef); 6] = [
        (TIME_COLUMN, Arc::new(times)),
        ("rollup", Arc::new(ids.collect::<StringArray>())),
        (
            "through",
            integers(|progress| i64::try_from(progress.through).unwrap_or(i64::MAX)),
        ),
        ("changed", Arc::new(changed.collect::<StringArray>())),
        ("frozen", integers(|progress| progress.frozen)),
        ("floor", integers(|progress| progress.floor)),
    ];
    RecordBatch::try_from_iter(columns).map_err(|error| DataFusionError::from(error).into())
}

/// How far rollups had come when it was noted last.
pub(super) async fn read(engine: &QueryEngine) -> Result<HashMap<RecordId, Progress>> {
    let database = database();
    let state = engine.catalog().state();
    let known = state.database(database.as_str());
    if known.and_then(|database| database.table(TABLE)).is_none() {
        return Ok(HashMap::new());
    }
    let request = SqlRequest {
        database: database.as_str().to_owned(),
        sql: format!(
            "SELECT CAST(rollup AS VARCHAR) AS rollup, through, changed, frozen, \"floor\" FROM {TABLE}"
        ),
        params: Vec::new(),
        timeout: None,
        access: Access::Read,
        caller: Caller::administrator(None),
    };
    let mut batches = engine.sql(request).await?;
    let mut progress = HashMap::new();
    while let Some(batch) = batches.try_next().await? {
        read_batch(&batch, &mut progress)?;
    }
    Ok(progress)
}

fn read_batch(batch: &RecordBatch, progress: &mut HashMap<RecordId, Progress>) -> Result<()> {
    let column =
        |at: usize, kind: &DataType| cast(batch.column(at), kind).map_err(DataFusionError::from);
    let (ids, changed) = (column(0, &DataType::Utf8)?, column(2, &DataType::Utf8)?);
    let (ids, changed) = (ids.as_string::<i32>(), changed.as_string::<i32>());
    let numbers = |at| column(at, &DataType::Int64);
    let (through, frozen, floor) = (numbers(1)?, numbers(3)?, numbers(4)?);
    let number = |column: &ArrayRef, row| {
        let column = column.as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    for row in 0..batch.num_rows() {
        // What cannot be read is computed again.
        let (Ok(id), Some(through), Some(changed)) = (
            ids.value(row).parse(),
            number(&through, row).and_then(|number| u64::try_from(number).ok()),
            ranges_of(changed.value(row)),
        ) else {
            continue;
        };
        let known = Progress {
            through,
            changed,
            frozen: number(&frozen, row).unwrap_or(i64::MIN),
            floor: number(&floor, row).unwrap_or(i64::MIN),
        };
        progress.insert(id, known);
    }
    Ok(())
}

/// As `0-60,120-180`, with `..` between the ends.
fn ranges_text(ranges: &[Range<i64>]) -> String {
    let of_each = ranges.len().div_ceil(RANGES_MAX).max(1);
    let hulls = ranges.chunks(of_each);
    let hulls = hulls.filter_map(|some| Some((some.first()?.start, some.last()?.end)));
    let texts: Vec<_> = hulls
        .map(|(start, end)| format!("{start}..{end}"))
        .collect();
    texts.join(",")
}

fn ranges_of(text: &str) -> Option<Vec<Range<i64>>> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    let range = |part: &str| {
        let (start, end) = part.split_once("..")?;
        Some(start.parse().ok()?..end.parse().ok()?)
    };
    parts.map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::single_range_in_vec_init,
        reason = "lists of ranges, one of them with one"
    )]
    fn ranges_are_read_back_and_never_too_few() {
        for ranges in [vec![], vec![0..5], vec![-7..-3, 0..i64::MAX]] {
            assert_eq!(ranges_of(&ranges_text(&ranges)), Some(ranges));
        }
        let many: Vec<_> = (0..2500).map(|at| at * 10..at * 10 + 1).collect();
        let read = ranges_of(&ranges_text(&many)).unwrap();
        assert!(read.len() <= RANGES_MAX);
        let is_in = |time: i64| read.iter().any(|range| range.contains(&time));
        assert!(many.iter().all(|range| is_in(range.start)));
        for wrong in ["a..b", "5", "1..2;"] {
            assert_eq!(ranges_of(wrong), None, "{wrong}");
        }
    }
}
