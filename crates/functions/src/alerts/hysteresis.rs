//! `hysteresis(value, on, off)`: whether a signal is beyond a threshold, until it is back behind another.
//!
//! | row                                  | result                                                       |
//! |--------------------------------------|--------------------------------------------------------------|
//! | the first, between the thresholds    | false                                                        |
//! | between the thresholds               | as in the row before                                         |
//! | the value is missing                 | as in the row before; NULL before the first value            |

use analytics::alerts::Hysteresis as Trigger;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Alerts"),
    description = "Whether a signal has reached `on` and has not come back to `off` since, so that noise around one threshold does not make an alert flutter (a Schmitt trigger). With `on` above `off` it is about a signal that is too high, with `on` below `off` about one that is too low. Where the value is missing, the state stays.",
    syntax_example = "hysteresis(value, on, off) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, asset_id, hysteresis(temperature_c, 90, 80) OVER (PARTITION BY asset_id ORDER BY time) AS is_hot FROM sensor_data;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type, in the order of the window."
    ),
    argument(
        name = "on",
        description = "A constant: true at this value and beyond."
    ),
    argument(
        name = "off",
        description = "A constant other than `on`: false at this value and beyond, on the other side."
    ),
    related_udf(name = "alert_debounce"),
    related_udf(name = "cycle_id"),
    related_udf(name = "health_state")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hysteresis;

impl WindowFunction for Hysteresis {
    const NAME: &'static str = "hysteresis";

    const FORMS: &'static [&'static [Argument]] = &[&[
        Argument::Value,
        Argument::Number("on"),
        Argument::Number("off"),
    ]];

    const RETURN_TYPE: DataType = DataType::Boolean;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let on = arguments.number("on", "a number", |_| true)?;
        let expected = format!("a number other than `on` ({on})");
        let off = arguments.number("off", &expected, |off| off != on)?;
        Ok(running(arguments, Trigger::new(on, off)))
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

    fn case(on: f64, off: f64) -> WindowCase {
        WindowCase::with(Window::udf(Hysteresis), vec![on.into(), off.into()])
    }

    #[test]
    fn a_signal_has_to_come_back() {
        let x = [NAN, 6.0, 8.0, 6.0, NAN, 5.0, 7.0, 9.0];
        case(8.0, 5.0).check(&[values(&x)], &[NAN, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
        let low = [2.5, 2.0, 2.5, 3.0, 2.5, 1.0];
        case(2.0, 3.0).check(&[values(&low)], &[0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
        case(2.0, 3.0).check(&[values(&[])], &[]);
        let error = case(5.0, 5.0).error(&[values(&x)]);
        assert!(
            error.contains("hysteresis: argument `off` must be a number other than `on` (5)"),
            "{error}"
        );
    }
}
