//! `pla_segments(value, time, epsilon)`: the fewest line segments that pass every point within ε.

use analytics::downsampling;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::point::{columns, distinct};
use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};

#[user_doc(
    doc_section(label = "Downsampling"),
    description = "A list of the fewest straight segments that pass every point of a signal within `epsilon`: structs of `start` and `end` time, `start_value`, `end_value` and the number of points `n`. Segments do not join. Of rows with equal times the largest value counts.",
    syntax_example = "pla_segments(value, time, epsilon)",
    sql_example = r#"```sql
SELECT s['start'], s['end'], s['end_value'] - s['start_value'] AS change
FROM (SELECT unnest(pla_segments(temperature_c, time, 0.5)) AS s FROM sensor_data WHERE asset_id = 'pump-7');
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
    related_udf(name = "swinging_door")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlaSegments;

/// A segment with times in place of indices.
#[derive(Debug)]
pub(crate) struct TimedSegment {
    start: i64,
    end: i64,
    start_value: f64,
    end_value: f64,
    count: usize,
}

impl Record for TimedSegment {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("start", argument_types[1].clone()),
            ("end", argument_types[1].clone()),
            ("start_value", DataType::Float64),
            ("end_value", DataType::Float64),
            ("n", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |segment| Some(segment.start)),
            integers(records, |segment| Some(segment.end)),
            floats(records, |segment| Some(segment.start_value)),
            floats(records, |segment| Some(segment.end_value)),
            integers(records, |segment| Some(segment.count as i64)),
        ]
    }
}

impl CollectedFunction for PlaSegments {
    const NAME: &'static str = "pla_segments";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("epsilon", DataType::Float64)];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<TimedSegment>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<TimedSegment>>> {
        let epsilon = call.float("epsilon", 0.0, "a number, 0 or more", |epsilon| {
            epsilon >= 0.0
        })?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let (times, values) = columns(&distinct(rows));
            let segments = downsampling::pla_segments(&times, &values, epsilon);
            let timed = segments.into_iter().map(|segment| TimedSegment {
                start: times[segment.first],
                end: times[segment.last],
                start_value: segment.start_value,
                end_value: segment.end_value,
                count: segment.last - segment.first + 1,
            });
            (!rows.is_empty()).then(|| timed.collect())
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
