//! `asap_smooth(value, time, n)`: the smoothest moving average that keeps what stands out.

use analytics::downsampling;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::point::{Point, columns};
use crate::collected::{Call, CollectedFunction, Formula, Timed};

/// Bounds of the resolution. The search for a window compares every point with a tenth of the others.
const RESOLUTION_MIN: usize = 3;
const RESOLUTION_MAX: usize = 10_000;

#[user_doc(
    doc_section(label = "Downsampling"),
    description = "A list of points that show the trend of a signal on a chart of `n` points: the moving average with the least roughness whose kurtosis is not below the signal's, so that what stands out still does (ASAP). Each point has the middle of the time that it averages. The rows should be evenly spaced.",
    syntax_example = "asap_smooth(value, time, n)",
    sql_example = r#"```sql
SELECT p['time'] AS time, p['value'] AS value
FROM (SELECT unnest(asap_smooth(temperature_c, time, 800)) AS p FROM sensor_data WHERE asset_id = 'pump-7');
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(
        name = "n",
        description = "The width of the chart: a constant, 3 to 10000. Signals of twice as many points and more are averaged down to it first."
    ),
    related_udf(name = "lttb")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AsapSmooth;

impl CollectedFunction for AsapSmooth {
    const NAME: &'static str = "asap_smooth";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("n", DataType::Int64)];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<Point>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Point>>> {
        let n = call.count("n", RESOLUTION_MIN, RESOLUTION_MIN, RESOLUTION_MAX)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let (times, values) = columns(rows);
            let smooth = downsampling::asap_smooth(&times, &values, n);
            let points = smooth.into_iter().map(|point| Point {
                time: point.time,
                value: Some(point.value),
            });
            (!rows.is_empty()).then(|| points.collect())
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
