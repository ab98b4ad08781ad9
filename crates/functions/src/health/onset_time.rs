//! `onset_time(value, time[, k, baseline, sustained])`: when an indicator left its healthy range for good.
//!
//! | rows                                              | result                                     |
//! |---------------------------------------------------|--------------------------------------------|
//! | no more than the baseline                         | NULL                                       |
//! | never `sustained` in a row beyond `mean ± k·σ`    | NULL                                       |
//! | a baseline that does not vary                     | the first of `sustained` that differ from it |
//! | NULL, NaN, infinity in value or time              | skipped                                    |

use analytics::health::{OnsetRule, onset};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::Moment;
use crate::collected::{Call, CollectedFunction, Formula, Timed};

/// More rows than any baseline or alarm should wait for.
const ROWS_MAX: usize = 1_000_000;

#[user_doc(
    doc_section(label = "Health"),
    description = "When an indicator began to leave its healthy range: the time of the first of `sustained` rows in a row that are all above, or all below, `mean +- k * std` of the first `baseline` rows (population standard deviation). NULL when that never happens or there are too few rows.",
    syntax_example = "onset_time(value, time[, k, baseline, sustained])",
    sql_example = r#"```sql
SELECT asset_id, onset_time(vibration_rms, time, 3, 200, 10) AS degrading_since FROM features GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The indicator, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows: a timestamp or an integer. The result has its type."
    ),
    argument(
        name = "k",
        description = "A constant above 0: how many standard deviations are too many. Default 3."
    ),
    argument(
        name = "baseline",
        description = "A constant: how many rows at the start are healthy, 2 or more. Default 30."
    ),
    argument(
        name = "sustained",
        description = "A constant: how many rows in a row, 1 or more. Default 3."
    ),
    related_udf(name = "degradation_rate"),
    related_udf(name = "spike_count")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct OnsetTime;

impl CollectedFunction for OnsetTime {
    const NAME: &'static str = "onset_time";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("k", DataType::Float64),
        ("baseline", DataType::Int64),
        ("sustained", DataType::Int64),
    ];

    type Row = Timed;

    type Output = Moment;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Moment>> {
        let rule = OnsetRule {
            sigmas: call.float("k", 3.0, "a number above 0", |k| k > 0.0)?,
            baseline: call.count("baseline", 30, 2, ROWS_MAX)?,
            sustained: call.count("sustained", 3, 1, ROWS_MAX)?,
        };
        Ok(Formula::new(move |rows: &[Timed]| {
            onset(&Timed::values(rows), rule).map(|index| Moment(rows[index].time))
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
    use crate::collected::testing::{Case, signal, values};
    use crate::window::testing::seconds;

    fn case(k: f64, baseline: i64, sustained: i64) -> Case {
        Case::with(
            Collected::udf(OnsetTime),
            vec![k.into(), baseline.into(), sustained.into()],
        )
    }

    #[test]
    fn the_first_row_of_a_lasting_departure_counts() {
        let series = [9.0, 11.0, 9.0, 11.0, 14.0, 10.0, f64::NAN, 14.0, 15.0, 16.0];
        case(3.0, 4, 3).check(&signal(&series), Some(7.0), 0.0);
        case(3.0, 4, 1).check(&signal(&series), Some(4.0), 0.0);
        case(3.0, 4, 4).check(&signal(&series), None, 0.0);
        case(9.0, 4, 1).check(&signal(&series), None, 0.0);
        case(3.0, 9, 1).check(&signal(&series), None, 0.0);
        case(3.0, 4, 3).check(&signal(&[]), None, 0.0);
    }

    #[test]
    fn the_result_is_a_time_like_that_of_the_rows() {
        let columns = [
            values(&[1.0, 2.0, 9.0, 9.0]),
            seconds(&[1.0, 2.0, 3.0, 4.0]),
        ];
        let result = case(3.0, 2, 2).run(&columns);
        let expected = seconds(&[3.0]);
        assert_eq!(result.to_array().unwrap().as_ref(), expected.as_ref());
    }

    #[test]
    fn options_must_make_sense() {
        let error = |case: Case| case.error(&signal(&[1.0]));
        assert!(error(case(0.0, 4, 3)).contains("`k` must be a number above 0"));
        assert!(error(case(3.0, 1, 3)).contains("`baseline` must be a whole number from 2"));
        assert!(error(case(3.0, 4, 0)).contains("`sustained` must be a whole number from 1"));
    }
}
