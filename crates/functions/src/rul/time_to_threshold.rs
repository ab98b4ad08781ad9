//! `time_to_threshold(value, time, threshold[, model])`: when a trend crosses a limit.
//!
//! The `rul` of `rul_linear` or `rul_exponential` as a number.
//!
//! | rows                                                     | result                                        |
//! |----------------------------------------------------------|-----------------------------------------------|
//! | fewer than three, or all at one time                     | NULL                                          |
//! | the values do not vary                                   | NULL                                          |
//! | the trend leads away: it was at the threshold before the first row | NULL                                |
//! | the trend passed the threshold within the rows           | 0                                             |
//! | NULL, NaN, infinity in value or time                     | skipped                                       |

use std::sync::Arc;

use analytics::rul::Line;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::passage::{Trend, unit};
use crate::aggregate::{Mapping, Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "Time from the last row until a trend through the rows (least squares) crosses a limit: a tank that fills, a disk, a temperature. In seconds, or in units of an integer time; 0 when it crossed within the rows, NULL when it leads away or there are fewer than three rows. `rul_linear` has bounds as well. Over moving frames at constant cost per row.",
    syntax_example = "time_to_threshold(value, time, threshold[, model])",
    sql_example = r#"```sql
SELECT time, asset_id, time_to_threshold(temperature_c, time, 90) OVER (PARTITION BY asset_id ORDER BY time RANGE INTERVAL '1 hour' PRECEDING) AS seconds FROM sensor_data;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    argument(name = "threshold", description = "A constant: the limit."),
    argument(
        name = "model",
        description = "A constant. `'linear'` (the default): a line. `'exponential'`: a line through the logarithms; the threshold must be above 0, and values that are not are skipped."
    ),
    related_udf(name = "rul_linear"),
    related_udf(name = "rul_exponential")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimeToThreshold;

impl TimeToThreshold {
    fn trend(call: &Call) -> Result<Trend> {
        let words = [
            ("linear", Trend::Linear),
            ("exponential", Trend::Exponential),
        ];
        call.word("model", &words)
    }
}

impl SummaryFunction for TimeToThreshold {
    const NAME: &'static str = "time_to_threshold";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("threshold", DataType::Float64), ("model", DataType::Utf8)];

    const REQUIRED: usize = 1;

    type Item = (f64, i64);

    type State = Line;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Reading<Line, f64>> {
        let (threshold, unit) = (Self::trend(call)?.threshold(call)?, unit(call));
        Ok(Arc::new(move |line: &Line| line.time_to(threshold, unit)))
    }

    fn mapping(&self, call: &Call) -> Result<Option<Mapping<(f64, i64)>>> {
        Ok(Self::trend(call)?.mapping())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::aggregate::Aggregate;
    use crate::collected::testing::{Case, signal};

    fn case(options: Vec<ScalarValue>) -> Case {
        Case::with(Aggregate::over(TimeToThreshold), options).approximately(1e-9)
    }

    #[test]
    fn trends_cross_their_limit() {
        case(vec![10.0.into()]).check(&signal(&[1.0, 2.0, f64::NAN, 4.0]), Some(6.0), 1e-9);
        case(vec![10.0.into(), "linear".into()]).check(&signal(&[1.0, 2.0, 3.0]), Some(7.0), 1e-9);
        case(vec![64.0.into(), "exponential".into()]).check(
            &signal(&[1.0, 2.0, 4.0]),
            Some(4.0),
            1e-9,
        );
        case(vec![2.5.into()]).check(&signal(&[1.0, 2.0, 3.0]), Some(0.0), 0.0);
        case(vec![0.0.into()]).check(&signal(&[1.0, 2.0, 3.0]), None, 0.0);
        case(vec![10.0.into()]).check(&signal(&[1.0, 2.0]), None, 0.0);
        case(vec![10.0.into()]).check(&signal(&[]), None, 0.0);
    }

    #[test]
    fn models_are_known_by_name() {
        let error = case(vec![1.0.into(), "cubic".into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("`model` must be one of 'linear', 'exponential'"),
            "{error}"
        );
        let error = case(vec![0.0.into(), "exponential".into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("`threshold` must be a number above 0"),
            "{error}"
        );
    }
}
