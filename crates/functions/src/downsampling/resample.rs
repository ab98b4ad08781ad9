//! `resample(value, time, step, method[, max_gap])`: a signal on an even grid of times.
//!
//! The methods, the grid and the edge cases are those of [`analytics::resample`].

use analytics::resample::{ResampleMethod, grid, resample};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::POINTS_MAX;
use super::point::{Point, columns};
use crate::collected::{Call, CollectedFunction, Formula, Timed};
use crate::span;

#[user_doc(
    doc_section(label = "Downsampling"),
    description = "A list of the points of a signal on an even grid of times: whole multiples of `step`, as those of `date_bin`. `linear`, `previous`, `next` and `nearest` read the signal at each time from its first to its last point; `mean`, `min`, `max`, `sum` and `count` take the points from each time until the next. A time without a value has NULL (`count`: 0).",
    syntax_example = "resample(value, time, step, method[, max_gap])",
    sql_example = r#"```sql
SELECT asset_id, p['time'] AS time, p['value'] AS value
FROM (SELECT asset_id, unnest(resample(temperature_c, time, INTERVAL '1 minute', 'linear', INTERVAL '10 minutes')) AS p
      FROM sensor_data GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(
        name = "step",
        description = "The distance of the grid: a constant interval without months, or a number for integer times."
    ),
    argument(
        name = "method",
        description = "A constant: `linear`, `previous`, `next`, `nearest`, `mean`, `min`, `max`, `sum` or `count`."
    ),
    argument(
        name = "max_gap",
        description = "Points further apart than this have nothing between them: a constant like `step`; for the first four methods. Default: any distance."
    ),
    related_udf(name = "lttb")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Resample;

impl CollectedFunction for Resample {
    const NAME: &'static str = "resample";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("step", DataType::Utf8),
        ("method", DataType::Utf8),
        ("max_gap", DataType::Utf8),
    ];

    const REQUIRED: usize = 2;

    type Row = Timed;

    type Output = Vec<Point>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Point>>> {
        let Some(step) = span::length(call, 1, "step")? else {
            return plan_err!("{}: argument `step` is missing", Self::NAME);
        };
        let method = call.word("method", &ResampleMethod::NAMES)?;
        let gap_max = span::length(call, 1, "max_gap")?;
        Ok(Formula::fallible(move |rows: &[Timed]| {
            let (times, values) = columns(rows);
            let Some((_, count)) = grid(&times, step, method) else {
                return Ok(None);
            };
            if count > POINTS_MAX as u64 {
                return exec_err!(
                    "resample: {count} points are more than {POINTS_MAX}: make the groups smaller or the step longer"
                );
            }
            let points = resample(&times, &values, step, method, gap_max);
            let point = |(time, value)| Point { time, value };
            Ok(Some(points.into_iter().map(point).collect()))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
