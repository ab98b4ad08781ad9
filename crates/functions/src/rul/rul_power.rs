//! `rul_power(value, time, threshold[, confidence])`: when a power of age through an indicator reaches a threshold.
//!
//! The formulas are in `analytics::rul`.
//!
//! | rows                                                     | result                                        |
//! |----------------------------------------------------------|-----------------------------------------------|
//! | fewer than three, or all at one time                     | NULL                                          |
//! | the values do not vary                                   | NULL                                          |
//! | the trend leads away: it was at the threshold before the first row | NULL                                |
//! | the trend passed the threshold within the rows           | 0                                             |
//! | NULL, NaN, infinity in value or time                     | skipped                                       |
//! | a value of zero or below, an age of zero or below        | skipped: it has no logarithm                  |

use analytics::rul::{Rul, power_passage};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::passage::{Trend, confidence};
use crate::collected::{Call, CollectedFunction, Formula, Struct, Timed};

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "Remaining useful life by a power of age, `a * age^b`, through an indicator (least squares on both logarithms), for wear that slows down or speeds up with age: the time from the last row until it reaches the threshold, `rul`, with bounds `lower` and `upper` by the delta method and Student's t, and `r2` of the logarithms. The age is in seconds from the first row, or the integer time as it is, such as a cycle number or hours run. Never below 0. NULL below three rows, and when the trend does not approach the threshold.",
    syntax_example = "rul_power(value, time, threshold[, confidence])",
    sql_example = r#"```sql
SELECT asset_id, rul['rul'] AS hours, rul['lower'] AS at_least
FROM (SELECT asset_id, rul_power(wear_mm, hours_run, 0.8) AS rul FROM inspections GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The indicator, any numeric type. Rows where it is NULL, NaN or infinite, or not above 0, are skipped."
    ),
    argument(
        name = "time",
        description = "The age: an integer above 0, or a timestamp, which counts from the first row. What orders the rows, whatever their order of arrival."
    ),
    argument(
        name = "threshold",
        description = "A constant above 0: the value at which the machine counts as failed, above or below the present one."
    ),
    argument(
        name = "confidence",
        description = "A constant above 0 and below 1: the confidence of the bounds. Default 0.95."
    ),
    related_udf(name = "rul_linear"),
    related_udf(name = "rul_exponential"),
    related_udf(name = "degradation_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulPower;

impl CollectedFunction for RulPower {
    const NAME: &'static str = "rul_power";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("threshold", DataType::Float64),
        ("confidence", DataType::Float64),
    ];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Struct<Rul>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<Rul>>> {
        // Checked as an exponential's, whose threshold needs a logarithm too.
        let threshold = Trend::Exponential.threshold(call)?.exp();
        let confidence = confidence(call)?;
        let has_timestamps = call.has_timestamps();
        Ok(Formula::new(move |rows: &[Timed]| {
            let ages = Timed::times(rows, has_timestamps);
            power_passage(&ages, &Timed::values(rows), threshold, confidence).map(Struct)
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

    fn case(options: &[f64]) -> Case {
        let options = options.iter().map(|x| (*x).into()).collect();
        Case::with(Collected::udf(RulPower), options)
    }

    #[test]
    fn a_square_reaches_the_threshold_at_its_root() {
        let expected = [("rul", 5.0), ("lower", 5.0), ("upper", 5.0), ("r2", 1.0)];
        let squares = [values(&[2.0, 8.0, 18.0, 50.0]), integers([1, 2, 3, 5])];
        case(&[200.0]).check_fields(&squares, Some(&expected), 1e-6);
        let with_none = [
            values(&[7.0, 2.0, 8.0, -1.0, 50.0]),
            integers([0, 1, 2, 3, 5]),
        ];
        case(&[200.0, 0.9]).check_fields(&with_none, Some(&expected), 1e-6);
        case(&[1.0]).check_fields(&squares, None, 0.0);
        case(&[1.0]).check_fields(&[values(&[]), integers([])], None, 0.0);
    }

    #[test]
    fn thresholds_have_logarithms() {
        let error = case(&[0.0]).error(&[values(&[1.0]), integers([1])]);
        assert!(
            error.contains("rul_power: argument `threshold` must be a number above 0"),
            "{error}"
        );
    }
}
