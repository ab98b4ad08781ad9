//! `page_hinkley(x, delta, threshold[, min_rows, alpha])`: whether the mean of a signal has changed, by the test of Page and Hinkley.
//!
//! | row                                               | result                                 |
//! |---------------------------------------------------|----------------------------------------|
//! | the value is NULL, NaN or infinite                | NULL; the row is passed over           |
//! | one of the first `min_rows` − 1 after a beginning | NULL                                   |
//! | above 1: a change                                 | the test begins anew with the next row |

use analytics::anomaly::PageHinkley as Test;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "Whether the mean of a signal has changed, by the test of Page and Hinkley: deviations from the mean so far, less `delta`, are added up and compared with the lowest sum before, for a rise, and likewise for a fall. The result is a share of `threshold`: above 1 there is a change, and the test begins anew with the next row. As `river.drift.PageHinkley`. The window must be ordered by time.",
    syntax_example = "page_hinkley(x, delta, threshold[, min_rows, alpha]) OVER (…)",
    sql_example = r#"```sql
SELECT time, page_hinkley(vibration_g, 0.005, 5) OVER (PARTITION BY asset_id ORDER BY time) > 1 AS has_changed FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type, in the order of the window. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "delta",
        description = "The deviation that passes, in the signal's unit: a constant, 0 or more."
    ),
    argument(
        name = "threshold",
        description = "The sum that makes a change, in the signal's unit: a constant above 0."
    ),
    argument(
        name = "min_rows",
        description = "With `alpha`: the first rows of which nothing is said, a constant from 1 to 1000000. Default 30."
    ),
    argument(
        name = "alpha",
        description = "What is left of the sums from row to row: a constant above 0 and at most 1. Default 0.9999."
    ),
    related_udf(name = "anomaly_cusum"),
    related_udf(name = "anomaly_ewma")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageHinkley;

impl WindowFunction for PageHinkley {
    const NAME: &'static str = "page_hinkley";

    const FORMS: &'static [&'static [Argument]] = &[
        &[
            Argument::Value,
            Argument::Number("delta"),
            Argument::Number("threshold"),
        ],
        &[
            Argument::Value,
            Argument::Number("delta"),
            Argument::Number("threshold"),
            Argument::Number("min_rows"),
            Argument::Number("alpha"),
        ],
    ];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let delta = arguments.number("delta", "a number, 0 or more", |delta| delta >= 0.0)?;
        let threshold = arguments.number("threshold", "a number above 0", |h| h > 0.0)?;
        let count_min = if arguments.has(Argument::Number("min_rows")) {
            arguments.count("min_rows", 1, 1_000_000)?
        } else {
            30
        };
        let expected = "a number above 0 and at most 1";
        let alpha = arguments.number_or("alpha", 0.9999, expected, |x| x > 0.0 && x <= 1.0)?;
        let test = Test::new(delta, threshold, count_min as u64, alpha);
        Ok(running(arguments, test))
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
        WindowCase::with(Window::udf(PageHinkley), constants)
    }

    // Expected: river 0.26.1.
    #[test]
    fn changes_are_shares_of_the_threshold() {
        let constants = [0.1_f64, 2.0, 3.0, 0.99].map(Into::into).to_vec();
        let x = values(&[1.0, 1.2, NAN, 0.9, 1.1, 1.0, 2.5, 2.6, 2.4]);
        let expected = [
            NAN,
            NAN,
            NAN,
            0.018161666666666715,
            0.0,
            0.0,
            0.5609045813383333,
            1.0721524978156642,
            NAN,
        ];
        case(constants).check(&[x], &expected);
        let constants = vec![0.1_f64.into(), 2.0_f64.into()];
        case(constants).check(&[values(&[1.0; 29])], &[NAN; 29]);
    }

    #[test]
    fn tests_must_make_sense() {
        let error =
            |constants: [f64; 4]| case(constants.map(Into::into).to_vec()).error(&[values(&[1.0])]);
        assert!(error([-0.1, 2.0, 3.0, 1.0]).contains("`delta` must be a number, 0 or more"));
        assert!(error([0.1, 0.0, 3.0, 1.0]).contains("`threshold` must be a number above 0"));
        assert!(error([0.1, 2.0, 0.5, 1.0]).contains("`min_rows` must be a whole number from 1"));
        assert!(error([0.1, 2.0, 3.0, 1.1]).contains("`alpha` must be a number above 0 and at"));
    }
}
