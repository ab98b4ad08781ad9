//! `completeness(value, time[, step])`: the share of the rows there should be that are there and have a value.
//!
//! | rows                             | result                |
//! |----------------------------------|-----------------------|
//! | fewer than two with a time       | NULL                  |
//! | all at one time, no `step`       | NULL                  |
//! | NULL, NaN, infinity in the value | a row without a value |
//! | NULL time                        | skipped               |

use analytics::quality::timing;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::reading::{Reading, step};
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "Share of the rows there should be that are there and have a value, from 0 to 1. Rows are missing where times are two steps or more apart, unless late ones fill the gap; nothing is missing in a gap of more than nine steps, a stop of the machine. As `completeness` of Apache IoTDB. NULL below two rows.",
    syntax_example = "completeness(value, time[, step])",
    sql_example = r#"```sql
SELECT asset_id, completeness(vibration_g, time, INTERVAL '1 second') FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite is a row without a value."
    ),
    argument(
        name = "time",
        description = "The times of the rows, timestamps or integers, in any order."
    ),
    argument(
        name = "step",
        description = "The time between rows: a constant interval or, where times are integers, a number. Default: the median."
    ),
    related_udf(name = "consistency"),
    related_udf(name = "timeliness"),
    related_udf(name = "validity"),
    related_udf(name = "missing_ranges")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Completeness;

impl CollectedFunction for Completeness {
    const NAME: &'static str = "completeness";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("step", DataType::Interval(IntervalUnit::MonthDayNano))];

    type Row = Reading;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Reading, f64>> {
        let step = step(call)?;
        Ok(Formula::new(move |rows: &[Reading]| {
            let timing = timing(&Reading::times(rows), step)?;
            let empty = rows.iter().filter(|row| row.value.is_none()).count();
            Some(timing.completeness(empty))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};
    use crate::window::testing::{millis, seconds};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(Completeness), options)
    }

    #[test]
    fn rows_without_a_value_and_gaps_lack_rows() {
        let times = [900, 0, 100, 200, 300, 600, 700, 800];
        let whole = values(&[1.0; 8]);
        case(vec![]).check(&[Arc::clone(&whole), integers(times)], Some(0.8), 1e-12);
        let mut holes = [1.0; 8];
        holes[3] = f64::NAN;
        case(vec![]).check(&[values(&holes), integers(times)], Some(0.7), 1e-12);
        let seconds = seconds(&times.map(|time| time as f64));
        case(vec![millis(50_000)]).check(&[whole, seconds], Some(8.0 / 19.0), 1e-12);
    }

    #[test]
    fn too_few_times_give_null() {
        case(vec![]).check(&[values(&[]), integers([])], None, 0.0);
        case(vec![]).check(&[values(&[1.0]), integers([5])], None, 0.0);
        case(vec![]).check(&[values(&[1.0, 2.0]), integers([5, 5])], None, 0.0);
    }

    #[test]
    fn a_step_must_make_sense() {
        let error = case(vec![0.into()]).error(&[values(&[1.0]), integers([5])]);
        assert!(
            error.contains("completeness: argument `step` must be a length of time above zero")
        );
    }
}
