//! `m4(value, time, n)`: first, smallest, largest and last of equal stretches of time.

use analytics::downsampling;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::POINTS_MAX;
use super::point::{Point, kept};
use crate::collected::{Call, CollectedFunction, Formula, Timed};

/// The fewest points that can be asked for.
const COUNT_MIN: usize = 4;

#[user_doc(
    doc_section(label = "Downsampling"),
    description = "A list of at most `n` points of a signal: the first, smallest, largest and last of each of n/4 equal stretches of time. A chart n/4 pixels wide that joins them by lines has the same pixels as one of all points (M4).",
    syntax_example = "m4(value, time, n)",
    sql_example = r#"```sql
SELECT p['time'] AS time, p['value'] AS value
FROM (SELECT unnest(m4(vibration_g, time, 500)) AS p FROM sensor_data WHERE asset_id = 'pump-7');
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(
        name = "n",
        description = "The most points: a constant, 4 or more; four times the width of the chart."
    ),
    related_udf(name = "lttb"),
    related_udf(name = "minmax_downsample")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct M4;

impl CollectedFunction for M4 {
    const NAME: &'static str = "m4";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("n", DataType::Int64)];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<Point>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Point>>> {
        let n = call.count("n", COUNT_MIN, COUNT_MIN, POINTS_MAX)?;
        Ok(Formula::new(move |rows| {
            kept(rows, |times, values| downsampling::m4(times, values, n))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
