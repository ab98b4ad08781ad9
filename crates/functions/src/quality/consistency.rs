//! `consistency(value, time[, step])`: the share of rows that do not come too soon.
//!
//! | rows                             | result         |
//! |----------------------------------|----------------|
//! | fewer than two with a time       | NULL           |
//! | all at one time, no `step`       | NULL           |
//! | NULL, NaN, infinity in the value | the row counts |
//! | NULL time                        | skipped        |

use analytics::quality::timing;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::reading::{Reading, step};
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "Share of rows that do not come too soon, within half a step of the one before, from 0 to 1. As `consistency` of Apache IoTDB. NULL below two rows.",
    syntax_example = "consistency(value, time[, step])",
    sql_example = r#"```sql
SELECT asset_id, consistency(vibration_g, time, INTERVAL '1 second') FROM sensor_data GROUP BY asset_id;
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
    related_udf(name = "completeness"),
    related_udf(name = "timeliness"),
    related_udf(name = "validity")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Consistency;

impl CollectedFunction for Consistency {
    const NAME: &'static str = "consistency";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("step", DataType::Interval(IntervalUnit::MonthDayNano))];

    type Row = Reading;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Reading, f64>> {
        let step = step(call)?;
        Ok(Formula::new(move |rows: &[Reading]| {
            let timing = timing(&Reading::times(rows), step)?;
            Some(timing.consistency())
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};
    use crate::window::testing::{millis, seconds};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(Consistency), options)
    }

    #[test]
    fn rows_that_come_too_soon_are_counted() {
        let times = [300, 0, 100, 110, 200];
        case(vec![]).check(&[values(&[1.0; 5]), integers(times)], Some(0.8), 1e-12);
        let seconds = seconds(&[0.0, 1.0, 2.0, 3.0, 4.0]);
        case(vec![millis(2_000)]).check(&[values(&[f64::NAN; 5]), seconds], Some(0.6), 1e-12);
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
        assert!(error.contains("consistency: argument `step` must be a length of time above zero"));
    }
}
