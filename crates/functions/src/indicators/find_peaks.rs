//! `find_peaks(value, time[, height[, distance[, prominence]]])`: the peaks of a signal.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | none                                 | NULL                                         |
//! | no peaks                             | an empty list                                |
//! | a plateau                            | one peak in its middle, the earlier of two   |
//! | the first and the last               | are no peaks                                 |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use analytics::indicators::{PeakConditions, find_peaks};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "The peaks of a signal, rows above both neighbours: a list of structs of `time`, `value` and `prominence`, the height above the higher of the two valleys that separate a peak from higher ones. As `scipy.signal.find_peaks`. A condition that is NULL or not given does not apply. NULL without rows.",
    syntax_example = "find_peaks(value, time[, height[, distance[, prominence]]])",
    sql_example = r#"```sql
SELECT p['time'] AS time, p['value'] AS value
FROM (SELECT unnest(find_peaks(vibration_g, time, 0.5, NULL, 0.2)) AS p FROM sensor_data WHERE asset_id = 'pump-7');
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    argument(
        name = "height",
        description = "The least value of a peak: a constant."
    ),
    argument(
        name = "distance",
        description = "The least number of rows between neighbouring peaks, of which the smaller ones give way: a constant, 1 or more."
    ),
    argument(
        name = "prominence",
        description = "The least prominence of a peak: a constant, 0 or more."
    ),
    related_udf(name = "number_peaks"),
    related_udf(name = "turning_points")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FindPeaks;

/// A peak with its time.
#[derive(Debug)]
pub(crate) struct TimedPeak {
    time: i64,
    value: f64,
    prominence: Option<f64>,
}

impl Record for TimedPeak {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("time", argument_types[1].clone()),
            ("value", DataType::Float64),
            ("prominence", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |peak| Some(peak.time)),
            floats(records, |peak| Some(peak.value)),
            floats(records, |peak| peak.prominence),
        ]
    }
}

fn timed_peaks(rows: &[Timed], conditions: PeakConditions) -> Option<Vec<TimedPeak>> {
    if rows.is_empty() {
        return None;
    }
    let peaks = find_peaks(&Timed::values(rows), conditions);
    let timed = peaks.into_iter().map(|peak| TimedPeak {
        time: rows[peak.index].time,
        value: peak.height,
        prominence: peak.prominence,
    });
    Some(timed.collect())
}

impl CollectedFunction for FindPeaks {
    const NAME: &'static str = "find_peaks";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("height", DataType::Float64),
        ("distance", DataType::Float64),
        ("prominence", DataType::Float64),
    ];

    type Row = Timed;

    type Output = Vec<TimedPeak>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<TimedPeak>>> {
        let distance = call.optional_float("distance", "1 or more, or NULL", |rows| rows >= 1.0)?;
        let conditions = PeakConditions {
            height: call.optional_float("height", "a number or NULL", |_| true)?,
            // Between peaks, a part of a row is a row.
            distance: distance.map(|rows| rows.ceil() as usize),
            prominence: call.optional_float("prominence", "0 or more, or NULL", |x| x >= 0.0)?,
        };
        Ok(Formula::new(move |rows: &[Timed]| {
            timed_peaks(rows, conditions)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    const X: [f64; 12] = [
        0.0,
        1.0,
        0.5,
        3.0,
        f64::NAN,
        0.0,
        3.0,
        2.5,
        4.0,
        1.0,
        2.0,
        0.0,
    ];

    fn check(conditions: [Option<f64>; 3], times: &[f64], prominences: &[f64]) {
        let options = conditions.map(ScalarValue::Float64).to_vec();
        let case = Case::with(Collected::udf(FindPeaks), options);
        case.check_list(&signal(&X), "time", Some(times), 0.0);
        case.check_list(&signal(&X), "prominence", Some(prominences), 1e-12);
    }

    // Expected: scipy 1.17.1, signal.find_peaks.
    #[test]
    fn peaks_meet_the_conditions_that_are_given() {
        check(
            [None; 3],
            &[1.0, 3.0, 6.0, 8.0, 10.0],
            &[0.5, 3.0, 0.5, 4.0, 1.0],
        );
        check([Some(2.5), None, None], &[3.0, 6.0, 8.0], &[3.0, 0.5, 4.0]);
        check([None, Some(2.5), None], &[3.0, 8.0], &[3.0, 4.0]);
        check([None, None, Some(1.0)], &[3.0, 8.0, 10.0], &[3.0, 4.0, 1.0]);
        check([Some(9.0), None, None], &[], &[]);
        let case = Case::new(Collected::udf(FindPeaks));
        case.check_list(&signal(&[]), "value", None, 0.0);
        case.check_list(&signal(&[3.0, 4.0]), "value", Some(&[]), 0.0);
    }

    #[test]
    fn conditions_must_make_sense() {
        let error = |options: Vec<ScalarValue>| {
            Case::with(Collected::udf(FindPeaks), options).error(&signal(&[1.0]))
        };
        let none = ScalarValue::Float64(None);
        assert!(error(vec![f64::NAN.into()]).contains("`height` must be a number or NULL"));
        assert!(
            error(vec![none.clone(), 0.0.into()]).contains("`distance` must be 1 or more, or NULL")
        );
        let error = error(vec![none.clone(), none, (-1.0).into()]);
        assert!(
            error.contains("`prominence` must be 0 or more, or NULL, not -1"),
            "{error}"
        );
    }
}
