//! `anomaly_ewma(x, target, sigma[, lambda, l])`: how far an EWMA control chart has drifted, as a share of its limits.
//!
//! | row                                | result                       |
//! |------------------------------------|------------------------------|
//! | the value is NULL, NaN or infinite | NULL; the row is passed over |
//! | on the limit                       | 1                            |

use analytics::Running;
use analytics::anomaly::EwmaChart;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::chart;
use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How far the exponentially weighted mean of a signal, which begins at `target`, is from it, as a share of the distance of the control limits: above 1 the process is out of control. It finds small lasting drifts that single values do not show (NIST handbook, 6.3.2.4; the limits widen over the first rows, as the mean does). The window must be ordered by time. For references that differ by asset, pass `(x - mean) / sigma` with 0 and 1.",
    syntax_example = "anomaly_ewma(x, target, sigma[, lambda, l]) OVER (…)",
    sql_example = r#"```sql
SELECT time, anomaly_ewma(temperature_c, 65, 1.5) OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
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
        name = "sigma",
        description = "The standard deviation of the process: a constant above 0."
    ),
    argument(
        name = "lambda",
        description = "With `l`: the weight of the newest row, a constant above 0 and at most 1. Default 0.2."
    ),
    argument(
        name = "l",
        description = "The distance of the limits in standard deviations of the weighted mean: a constant above 0. Default 3."
    ),
    related_udf(name = "ewma_limits"),
    related_udf(name = "anomaly_cusum"),
    related_udf(name = "page_hinkley")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AnomalyEwma;

/// The score of a chart's points.
#[derive(Debug)]
struct Score(EwmaChart);

impl Running for Score {
    type Output = f64;

    fn push(&mut self, value: f64, time: i64) -> Option<f64> {
        self.0.push(value, time).map(|point| point.score)
    }
}

impl WindowFunction for AnomalyEwma {
    const NAME: &'static str = "anomaly_ewma";

    const FORMS: &'static [&'static [Argument]] = &[
        &[
            Argument::Value,
            Argument::Number("target"),
            Argument::Number("sigma"),
        ],
        &[
            Argument::Value,
            Argument::Number("target"),
            Argument::Number("sigma"),
            Argument::Number("lambda"),
            Argument::Number("l"),
        ],
    ];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, Score(chart(arguments)?)))
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
        WindowCase::with(Window::udf(AnomalyEwma), constants)
    }

    // Expected: the recurrence of the NIST handbook, written out in Python.
    #[test]
    fn drifts_are_shares_of_the_limits() {
        let constants = [50.0_f64, 2.0, 0.3, 3.0].map(Into::into).to_vec();
        let expected = [
            0.33333333333333337,
            0.2184618454717442,
            NAN,
            0.23821603724076268,
            1.1422383612066573,
        ];
        case(constants).check(&[values(&[52.0, 47.0, NAN, 53.0, 58.0])], &expected);
        case(vec![50.into(), 2.into()]).check(&[values(&[56.0])], &[1.0]);
        case(vec![50.into(), 2.into()]).check(&[values(&[])], &[]);
    }

    #[test]
    fn charts_must_make_sense() {
        let error =
            |constants: [f64; 4]| case(constants.map(Into::into).to_vec()).error(&[values(&[1.0])]);
        assert!(error([1.0, 0.0, 0.2, 3.0]).contains("`sigma` must be a number above 0, not 0"));
        assert!(error([1.0, 1.0, 1.5, 3.0]).contains("`lambda` must be a number above 0 and at"));
        assert!(error([1.0, 1.0, 0.2, -3.0]).contains("`l` must be a number above 0, not -3"));
    }
}
