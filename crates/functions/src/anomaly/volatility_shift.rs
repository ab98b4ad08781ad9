//! `volatility_shift(x, window)`: how the standard deviation changes from the rows before to the rows from a row on.
//!
//! | row                                  | result                       |
//! |--------------------------------------|------------------------------|
//! | less than a whole window on one side | NULL                         |
//! | the value is NULL, NaN or infinite   | NULL; the row is passed over |
//! | no spread before, one after          | infinity                     |
//! | no spread before nor after           | 0                            |

use analytics::anomaly::volatility_shift;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, whole};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How the spread of a signal changes at a row: the sample standard deviation of the `window` rows from it on over that of the `window` rows before it, less 1. As `adtk.detector.VolatilityShiftAD` before its threshold. NULL for the first `window` rows and the last `window` − 1. It looks ahead, so a row's result changes while rows are still to come. The window must be ordered by time.",
    syntax_example = "volatility_shift(x, window) OVER (…)",
    sql_example = r#"```sql
SELECT time, volatility_shift(temperature_c, 60) OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type, in the order of the window. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "window",
        description = "How many rows are compared on either side: a constant from 2 to 1000000."
    ),
    related_udf(name = "level_shift"),
    related_udf(name = "page_hinkley")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct VolatilityShift;

impl WindowFunction for VolatilityShift {
    const NAME: &'static str = "volatility_shift";

    const FORMS: &'static [&'static [Argument]] = &[&[Argument::Value, Argument::Number("window")]];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let window = arguments.count("window", 2, 1_000_000)?;
        Ok(whole(arguments, move |points| {
            let values: Vec<f64> = points.iter().map(|(value, _)| *value).collect();
            volatility_shift(&values, window)
        }))
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
        WindowCase::with(Window::udf(VolatilityShift), constants)
    }

    // Expected: ADTK 0.6.2, DoubleRollingAggregate with center=True.
    #[test]
    fn rows_before_are_compared_with_rows_after() {
        let x = [1.0, NAN, 1.5, 1.0, 9.0, 1.0, 5.0, 5.5, 5.0, 6.0];
        case(vec![3_i64.into()]).check(
            &[values(&x)],
            &[
                NAN,
                NAN,
                NAN,
                NAN,
                12.856406460551014,
                -0.4496323371460197,
                -0.9375000000000009,
                -0.8750000000000007,
                NAN,
                NAN,
            ],
        );
        case(vec![30_i64.into()]).check(&[values(&x)], &[NAN; 10]);
        case(vec![3_i64.into()]).check(&[values(&[])], &[]);
    }

    #[test]
    fn windows_are_whole_rows() {
        let error = |window: f64| case(vec![window.into()]).error(&[values(&[1.0])]);
        let expected = "volatility_shift: argument `window` must be a whole number from";
        assert!(error(0.0).contains(expected) && error(2.5).contains(expected));
    }
}
