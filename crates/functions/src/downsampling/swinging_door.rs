//! `swinging_door(value, time, epsilon)`: the points that a historian archives.

use analytics::downsampling;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::point::{Point, distinct, kept};
use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Downsampling"),
    description = "A list of the points of a signal that a historian archives: every point that is left out is within `epsilon` of the line between its neighbours in the list (swinging door). Of rows with equal times the largest value counts.",
    syntax_example = "swinging_door(value, time, epsilon)",
    sql_example = r#"```sql
SELECT p['time'] AS time, p['value'] AS value
FROM (SELECT unnest(swinging_door(temperature_c, time, 0.2)) AS p FROM sensor_data WHERE asset_id = 'pump-7');
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(
        name = "epsilon",
        description = "The largest distance, in units of the signal: a constant, 0 or more."
    ),
    related_udf(name = "pla_segments")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SwingingDoor;

impl CollectedFunction for SwingingDoor {
    const NAME: &'static str = "swinging_door";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("epsilon", DataType::Float64)];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<Point>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Point>>> {
        let epsilon = call.float("epsilon", 0.0, "a number, 0 or more", |epsilon| {
            epsilon >= 0.0
        })?;
        Ok(Formula::new(move |rows: &[Timed]| {
            kept(&distinct(rows), |times, values| {
                downsampling::swinging_door(times, values, epsilon)
            })
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
