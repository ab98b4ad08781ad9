//! `anomaly_cusum(x, target, k, h)`: how far a CUSUM chart has added up, as a share of its decision interval.
//!
//! | row                                | result                       |
//! |------------------------------------|------------------------------|
//! | the value is NULL, NaN or infinite | NULL; the row is passed over |
//! | at the decision interval           | 1                            |

use analytics::Running;
use analytics::anomaly::Cusum;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How far deviations from `target` have added up, on the side where they have more, as a share of the decision interval `h`: above 1 the mean has shifted. Deviations up to `k` pass; the sums never fall below zero, and go on after an alarm (tabular CUSUM, NIST handbook, 6.3.2.3). The window must be ordered by time.",
    syntax_example = "anomaly_cusum(x, target, k, h) OVER (…)",
    sql_example = r#"```sql
SELECT time, anomaly_cusum(temperature_c, 65, 0.75, 6) OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type, in the order of the window. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "target",
        description = "The value that the process should have: a constant."
    ),
    argument(
        name = "k",
        description = "How much of a deviation passes, in the signal's unit: a constant, 0 or more; half of the shift that is looked for is usual."
    ),
    argument(
        name = "h",
        description = "The decision interval, in the signal's unit: a constant above 0; four or five standard deviations are usual."
    ),
    related_udf(name = "cusum"),
    related_udf(name = "anomaly_ewma"),
    related_udf(name = "page_hinkley")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AnomalyCusum;

/// The larger sum as a share of the decision interval.
#[derive(Debug)]
struct Score {
    sums: Cusum,
    interval: f64,
}

impl Running for Score {
    type Output = f64;

    fn push(&mut self, value: f64, time: i64) -> Option<f64> {
        let sums = self.sums.push(value, time)?;
        Some(sums.high.max(sums.low) / self.interval)
    }
}

impl WindowFunction for AnomalyCusum {
    const NAME: &'static str = "anomaly_cusum";

    const FORMS: &'static [&'static [Argument]] = &[&[
        Argument::Value,
        Argument::Number("target"),
        Argument::Number("k"),
        Argument::Number("h"),
    ]];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let sums = super::cusum_chart(arguments)?;
        let interval = arguments.number("h", "a number above 0", |h| h > 0.0)?;
        Ok(running(arguments, Score { sums, interval }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, values};

    const NAN: f64 = f64::NAN;

    fn case(constants: Vec<datafusion_common::ScalarValue>) -> WindowCase {
        WindowCase::with(Window::udf(AnomalyCusum), constants)
    }

    #[test]
    fn deviations_add_up_to_the_interval() {
        let constants = [10.0_f64, 0.5, 4.0].map(Into::into).to_vec();
        let x = values(&[11.5, 12.5, NAN, 13.0, 10.0, 4.0]);
        let expected = [0.25, 0.75, NAN, 1.375, 1.25, 1.375];
        case(constants).check(&[x], &expected);
    }

    #[test]
    fn charts_must_make_sense() {
        let error =
            |constants: [f64; 3]| case(constants.map(Into::into).to_vec()).error(&[values(&[1.0])]);
        assert!(error([1.0, -0.5, 4.0]).contains("`k` must be a number, 0 or more, not -0.5"));
        assert!(error([1.0, 0.5, 0.0]).contains("`h` must be a number above 0, not 0"));
    }
}
