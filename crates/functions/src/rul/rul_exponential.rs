//! `rul_exponential(value, time, threshold[, confidence])`: when an exponential through an indicator reaches a threshold.
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
//! | a value of zero or below                                 | skipped: it has no logarithm                  |

use analytics::rul::{Line, Rul};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::passage::Trend;
use crate::aggregate::{Mapping, Reading, SummaryFunction};
use crate::collected::{Call, Struct};

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "Remaining useful life by an exponential through an indicator (least squares on its logarithm), for faults that grow by a share per time such as bearing wear: the time from the last row until it reaches the threshold, `rul`, with bounds `lower` and `upper` by the delta method and Student's t, and `r2` of the logarithms. In seconds, or in units of an integer time; never below 0. NULL below three rows, and when the trend does not approach the threshold. Over moving frames at constant cost per row.",
    syntax_example = "rul_exponential(value, time, threshold[, confidence])",
    sql_example = r#"```sql
SELECT asset_id, rul['rul'] / 86400 AS days, rul['lower'] / 86400 AS at_least
FROM (SELECT asset_id, rul_exponential(vibration_rms, time, 1.2) AS rul FROM features WHERE time > now() - INTERVAL '30 days' GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The indicator, any numeric type. Rows where it is NULL, NaN or infinite, or not above 0, are skipped."
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
    related_udf(name = "rul_linear"),
    related_udf(name = "time_to_threshold"),
    related_udf(name = "degradation_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulExponential;

impl SummaryFunction for RulExponential {
    const NAME: &'static str = "rul_exponential";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("threshold", DataType::Float64),
        ("confidence", DataType::Float64),
    ];

    const REQUIRED: usize = 1;

    type Item = (f64, i64);

    type State = Line;

    type Output = Struct<Rul>;

    fn bind(&self, call: &Call) -> Result<Reading<Line, Struct<Rul>>> {
        Trend::Exponential.rul(call)
    }

    fn mapping(&self, _call: &Call) -> Result<Option<Mapping<(f64, i64)>>> {
        Ok(Trend::Exponential.mapping())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregate;
    use crate::collected::testing::{Case, signal};

    fn case(options: &[f64]) -> Case {
        let options = options.iter().map(|x| (*x).into()).collect();
        Case::with(Aggregate::over(RulExponential), options).approximately(1e-9)
    }

    #[test]
    fn what_doubles_reaches_the_threshold_in_so_many_doublings() {
        let doubling = [("rul", 3.0), ("r2", 1.0)];
        case(&[64.0]).check_fields(&signal(&[1.0, 2.0, 4.0, 8.0]), Some(&doubling), 1e-6);
        let columns = signal(&[1.0, 2.0, -4.0, 8.0, 0.0]);
        case(&[64.0]).check_fields(&columns, Some(&doubling), 1e-6);
        let halving = [("rul", 2.0), ("r2", 1.0)];
        case(&[0.25]).check_fields(&signal(&[4.0, 2.0, 1.0]), Some(&halving), 1e-6);
        case(&[8.0]).check_fields(&signal(&[4.0, 2.0, 1.0]), None, 0.0);
    }

    #[test]
    fn values_without_logarithms_make_no_trend() {
        case(&[8.0]).check_fields(&signal(&[-4.0, -2.0, 0.0]), None, 0.0);
        case(&[8.0]).check_fields(&signal(&[]), None, 0.0);
        let error = case(&[0.0]).error(&signal(&[1.0]));
        assert!(
            error.contains("rul_exponential: argument `threshold` must be a number above 0"),
            "{error}"
        );
    }
}
