//! `live_ranges(time, liveness[, from, to])`: when it was alive.

use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::beat::{Beat, OPTIONS, Watch};
use crate::collected::output::integers;
use crate::collected::{Call, CollectedFunction, Formula, Record};

#[user_doc(
    doc_section(label = "States"),
    description = "A list of the ranges of time, structs of `start` and `end`, in which something was alive that is alive for `liveness` after each of its signs of life. Ranges that touch are one.",
    syntax_example = "live_ranges(time, liveness[, from, to])",
    sql_example = r#"```sql
SELECT asset_id, r['start'] AS start, r['end'] AS end
FROM (SELECT asset_id, unnest(live_ranges(time, INTERVAL '5 minutes')) AS r FROM sensor_data GROUP BY asset_id);
```"#,
    argument(
        name = "time",
        description = "The times of signs of life: timestamps or integers. NULL is skipped."
    ),
    argument(
        name = "liveness",
        description = "How long after a sign something is alive: a constant interval without months, or a number for integer times."
    ),
    argument(
        name = "from",
        description = "Constant: with `to`, the start of the time that is looked at. Default: the first sign."
    ),
    argument(
        name = "to",
        description = "Constant: its end. Default: the end of life after the last sign."
    ),
    related_udf(name = "uptime"),
    related_udf(name = "num_gaps")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LiveRanges;

/// A range of time.
#[derive(Debug)]
pub(crate) struct LiveRange {
    start: i64,
    end: i64,
}

impl Record for LiveRange {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("start", argument_types[0].clone()),
            ("end", argument_types[0].clone()),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |range| Some(range.start)),
            integers(records, |range| Some(range.end)),
        ]
    }
}

impl CollectedFunction for LiveRanges {
    const NAME: &'static str = "live_ranges";

    const OPTIONS: &'static [(&'static str, DataType)] = OPTIONS;

    const REQUIRED: usize = 1;

    type Row = Beat;

    type Output = Vec<LiveRange>;

    fn bind(&self, call: &Call) -> Result<Formula<Beat, Vec<LiveRange>>> {
        let watch = Watch::of(call)?;
        Ok(Formula::new(move |beats: &[Beat]| {
            let live = watch.live(beats)?;
            let range = |range: Range<i64>| LiveRange {
                start: range.start,
                end: range.end,
            };
            Some(live.into_iter().map(range).collect())
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
