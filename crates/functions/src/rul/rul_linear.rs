//! `rul_linear(value, time, threshold[, confidence])`: when a line through an indicator reaches a threshold.
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

use analytics::rul::{Line, Rul};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::passage::Trend;
use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::{Call, Struct};

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "Remaining useful life by a line through an indicator (least squares): the time from the last row until the line reaches the threshold, `rul`, with bounds `lower` and `upper` by the delta method and Student's t, and `r2`, the share of the variance that the line explains. In seconds, or in units of an integer time; never below 0. The bounds are about where the line is, not about how readings scatter. NULL below three rows, and when the line does not approach the threshold. Over moving frames at constant cost per row.",
    syntax_example = "rul_linear(value, time, threshold[, confidence])",
    sql_example = r#"```sql
SELECT asset_id, rul['rul'] / 86400 AS days, rul['lower'] / 86400 AS at_least
FROM (SELECT asset_id, rul_linear(vibration_rms, time, 1.2) AS rul FROM features WHERE time > now() - INTERVAL '30 days' GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The indicator, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    argument(
        name = "threshold",
        description = "A constant: the value at which the machine counts as failed, above or below the present one."
    ),
    argument(
        name = "confidence",
        description = "A constant above 0 and below 1: the confidence of the bounds. Default 0.95."
    ),
    related_udf(name = "rul_exponential"),
    related_udf(name = "time_to_threshold"),
    related_udf(name = "linear_trend"),
    related_udf(name = "degradation_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulLinear;

impl SummaryFunction for RulLinear {
    const NAME: &'static str = "rul_linear";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("threshold", DataType::Float64),
        ("confidence", DataType::Float64),
    ];

    const REQUIRED: usize = 1;

    type Item = (f64, i64);

    type State = Line;

    type Output = Struct<Rul>;

    fn bind(&self, call: &Call) -> Result<Reading<Line, Struct<Rul>>> {
        Trend::Linear.rul(call)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregate;
    use crate::collected::testing::{Case, integers, signal, values};
    use crate::window::testing::seconds;

    fn case(options: &[f64]) -> Case {
        let options = options.iter().map(|x| (*x).into()).collect();
        Case::with(Aggregate::over(RulLinear), options).approximately(1e-9)
    }

    #[test]
    fn the_life_is_what_is_left_of_the_line() {
        // statsmodels 0.15.0: OLS on 1, 3, 4, 7 at 0, 1, 2, 3, and the delta method with t(2).
        let expected = [
            ("rul", 7.052631578947366),
            ("lower", 1.8847696073224611),
            ("upper", 12.220493550572272),
            ("r2", 0.9626666666666667),
        ];
        let columns = [
            values(&[7.0, 1.0, f64::NAN, 4.0, 3.0]),
            integers([3, 0, 9, 2, 1]),
        ];
        case(&[20.0]).check_fields(&columns, Some(&expected), 1e-9);
        let days = [
            values(&[7.0, 1.0, 4.0, 3.0]),
            seconds(&[1e9 + 3.0, 1e9, 1e9 + 2.0, 1e9 + 1.0]),
        ];
        case(&[20.0]).check_fields(&days, Some(&expected), 1e-9);
        let narrow = [("lower", 5.1266069211560055), ("upper", 8.978656236738727)];
        case(&[20.0, 0.75]).check_fields(&columns, Some(&narrow), 1e-9);
    }

    #[test]
    fn falling_indicators_fall_to_their_threshold() {
        let falling = [("rul", 2.0), ("lower", 2.0), ("upper", 2.0), ("r2", 1.0)];
        case(&[0.0]).check_fields(&signal(&[8.0, 6.0, 4.0]), Some(&falling), 1e-6);
        let passed = [("rul", 0.0), ("r2", 1.0)];
        case(&[5.0]).check_fields(&signal(&[8.0, 6.0, 4.0]), Some(&passed), 1e-6);
    }

    #[test]
    fn what_does_not_approach_the_threshold_has_no_end() {
        case(&[9.0]).check_fields(&signal(&[8.0, 6.0, 4.0]), None, 0.0);
        case(&[9.0]).check_fields(&signal(&[4.0, 4.0, 4.0]), None, 0.0);
        case(&[9.0]).check_fields(&signal(&[4.0, 6.0]), None, 0.0);
        case(&[9.0]).check_fields(&signal(&[]), None, 0.0);
        let at_once = [values(&[1.0, 2.0, 3.0]), integers([7, 7, 7])];
        case(&[9.0]).check_fields(&at_once, None, 0.0);
    }

    #[test]
    fn options_must_make_sense() {
        let error = |options: &[f64]| case(options).error(&signal(&[1.0]));
        assert!(error(&[f64::NAN]).contains("rul_linear: argument `threshold` must be a number"));
        for confidence in [0.0, 1.0, f64::NAN] {
            let error = error(&[1.0, confidence]);
            assert!(
                error.contains("`confidence` must be a number above 0 and below 1"),
                "{error}"
            );
        }
    }
}
