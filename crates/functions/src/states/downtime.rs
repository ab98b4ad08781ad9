//! `downtime(time, liveness[, from, to])`: how long it was not alive.

use analytics::states::{gaps, total};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::beat::{Beat, OPTIONS, Watch};
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "States"),
    description = "How long something was not alive that is alive for `liveness` after each of its signs of life: in seconds, or in units of an integer time. Without `from` and `to` only what is between signs counts.",
    syntax_example = "downtime(time, liveness[, from, to])",
    sql_example = r#"```sql
SELECT asset_id, downtime(time, INTERVAL '5 minutes', '2026-03-01T00:00:00', '2026-04-01T00:00:00') / 3600 AS hours
FROM sensor_data GROUP BY asset_id;
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
pub(crate) struct Downtime;

impl CollectedFunction for Downtime {
    const NAME: &'static str = "downtime";

    const OPTIONS: &'static [(&'static str, DataType)] = OPTIONS;

    const REQUIRED: usize = 1;

    type Row = Beat;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Beat, f64>> {
        let watch = Watch::of(call)?;
        Ok(Formula::new(move |beats: &[Beat]| {
            let live = watch.live(beats)?;
            Some(total(&gaps(&live, watch.within.clone())) / watch.units)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
