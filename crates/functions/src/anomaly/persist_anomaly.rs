//! `persist_anomaly(x, window)`: how far a row is from the median of the rows before it.
//!
//! | row                                  | result                       |
//! |--------------------------------------|------------------------------|
//! | less than a whole window before it   | NULL                         |
//! | the value is NULL, NaN or infinite   | NULL; the row is passed over |

use analytics::anomaly::persistence;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, whole};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How far a signal is from what it was: a row's value less the median of the `window` rows before it. As `adtk.detector.PersistAD` before its threshold, which `moving_quantile` of the result can set. NULL for the first `window` rows. The window must be ordered by time.",
    syntax_example = "persist_anomaly(x, window) OVER (…)",
    sql_example = r#"```sql
SELECT time, persist_anomaly(pressure_bar, 30) OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type, in the order of the window. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "window",
        description = "How many rows before are looked at: a constant from 1 to 1000000."
    ),
    related_udf(name = "level_shift"),
    related_udf(name = "hampel_flag")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PersistAnomaly;

impl WindowFunction for PersistAnomaly {
    const NAME: &'static str = "persist_anomaly";

    const FORMS: &'static [&'static [Argument]] = &[&[Argument::Value, Argument::Number("window")]];

    // Only rows before are looked at, but a partition is evaluated at once.
    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let window = arguments.count("window", 1, 1_000_000)?;
        Ok(whole(arguments, move |points| {
            let values: Vec<f64> = points.iter().map(|(value, _)| *value).collect();
            persistence(&values, window)
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
        WindowCase::with(Window::udf(PersistAnomaly), constants)
    }

    // Expected: ADTK 0.6.2, DoubleRollingAggregate with agg="median", window=(3, 1), diff="diff".
    #[test]
    fn rows_are_compared_with_those_before() {
        let x = [1.0, NAN, 1.5, 1.0, 9.0, 1.0, 5.0, 5.5, 5.0, 6.0];
        case(vec![3_i64.into()]).check(
            &[values(&x)],
            &[NAN, NAN, NAN, NAN, 8.0, -0.5, 4.0, 0.5, 0.0, 1.0],
        );
        case(vec![30_i64.into()]).check(&[values(&x)], &[NAN; 10]);
        case(vec![3_i64.into()]).check(&[values(&[])], &[]);
        let error = case(vec![0.into()]).error(&[values(&x)]);
        assert!(error.contains("argument `window` must be a whole number from"));
    }
}
