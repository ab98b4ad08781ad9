//! `minmax_downsample(value, time, n)`: the extremes of equal stretches of time.

use analytics::downsampling;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::POINTS_MAX;
use super::point::{Point, kept};
use crate::collected::{Call, CollectedFunction, Formula, Timed};

/// The fewest points that can be asked for.
const COUNT_MIN: usize = 2;

#[user_doc(
    doc_section(label = "Downsampling"),
    description = "A list of at most `n` points of a signal: the smallest and the largest of each of n/2 equal stretches of time.",
    syntax_example = "minmax_downsample(value, time, n)",
    sql_example = r#"```sql
SELECT p['time'] AS time, p['value'] AS value
FROM (SELECT unnest(minmax_downsample(vibration_g, time, 500)) AS p FROM sensor_data WHERE asset_id = 'pump-7');
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(
        name = "n",
        description = "The most points: a constant, 2 or more; twice the number of stretches."
    ),
    related_udf(name = "m4"),
    related_udf(name = "minmax_lttb")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MinmaxDownsample;

impl CollectedFunction for MinmaxDownsample {
    const NAME: &'static str = "minmax_downsample";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("n", DataType::Int64)];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<Point>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Point>>> {
        let n = call.count("n", COUNT_MIN, COUNT_MIN, POINTS_MAX)?;
        Ok(Formula::new(move |rows| {
            kept(rows, |times, values| downsampling::minmax(times, values, n))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
