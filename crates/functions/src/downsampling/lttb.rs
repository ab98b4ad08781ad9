//! `lttb(value, time, n)`: largest triangle, three buckets.

use analytics::downsampling;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::POINTS_MAX;
use super::point::{Point, kept};
use crate::collected::{Call, CollectedFunction, Formula, Timed};

/// The fewest points that can be asked for.
const COUNT_MIN: usize = 3;

#[user_doc(
    doc_section(label = "Downsampling"),
    description = "A list of at most `n` points of a signal that look like all of them: first and last, and between them the points that span the largest triangles (LTTB).",
    syntax_example = "lttb(value, time, n)",
    sql_example = r#"```sql
SELECT p['time'] AS time, p['value'] AS value
FROM (SELECT unnest(lttb(vibration_g, time, 500)) AS p FROM sensor_data WHERE asset_id = 'pump-7');
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(name = "n", description = "The most points: a constant, 3 or more."),
    related_udf(name = "minmax_lttb"),
    related_udf(name = "m4")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lttb;

impl CollectedFunction for Lttb {
    const NAME: &'static str = "lttb";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("n", DataType::Int64)];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<Point>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Point>>> {
        let n = call.count("n", COUNT_MIN, COUNT_MIN, POINTS_MAX)?;
        Ok(Formula::new(move |rows| {
            kept(rows, |times, values| downsampling::lttb(times, values, n))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
