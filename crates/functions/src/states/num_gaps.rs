//! `num_gaps(time, liveness[, from, to])`: how often it was not alive.

use analytics::states::gaps;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::beat::{Beat, OPTIONS, Watch};
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "States"),
    description = "How many times something was not alive that is alive for `liveness` after each of its signs of life. With `from` and `to`, also before the first and after the last.",
    syntax_example = "num_gaps(time, liveness[, from, to])",
    sql_example = r#"```sql
SELECT asset_id, num_gaps(time, INTERVAL '5 minutes') FROM sensor_data GROUP BY asset_id;
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
    related_udf(name = "live_ranges"),
    related_udf(name = "downtime")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NumGaps;

impl CollectedFunction for NumGaps {
    const NAME: &'static str = "num_gaps";

    const OPTIONS: &'static [(&'static str, DataType)] = OPTIONS;

    const REQUIRED: usize = 1;

    type Row = Beat;

    type Output = i64;

    fn bind(&self, call: &Call) -> Result<Formula<Beat, i64>> {
        let watch = Watch::of(call)?;
        Ok(Formula::new(move |beats: &[Beat]| {
            let live = watch.live(beats)?;
            Some(gaps(&live, watch.within.clone()).len() as i64)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
