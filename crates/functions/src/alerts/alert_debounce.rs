//! `alert_debounce(condition, time, hold)`: whether a condition has held for a while.
//!
//! | row                             | result                       |
//! |---------------------------------|------------------------------|
//! | the condition is false          | false                        |
//! | it has held for less than that  | false                        |
//! | condition or time is missing    | NULL; the row is passed over |

use analytics::alerts::Debounce;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Alerts"),
    description = "Whether a condition has held for so long without a break, so that what passes by itself raises no alert: the time since the first of the rows in which it has held is `hold` or more. As `for` of a Prometheus alert.",
    syntax_example = "alert_debounce(condition, time, hold) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, asset_id, alert_debounce(temperature_c > 90, time, INTERVAL '5 minutes') OVER (PARTITION BY asset_id ORDER BY time) AS alert FROM sensor_data;
```"#,
    argument(
        name = "condition",
        description = "The condition: a boolean, or a number, which is true unless it is 0. A row where it is missing gives NULL and is passed over."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "hold",
        description = "How long it has to hold: a constant interval or, where times are integers, a number."
    ),
    related_udf(name = "hysteresis"),
    related_udf(name = "time_since_change"),
    related_udf(name = "health_state")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AlertDebounce;

impl WindowFunction for AlertDebounce {
    const NAME: &'static str = "alert_debounce";

    const FORMS: &'static [&'static [Argument]] = &[&[
        Argument::Condition,
        Argument::Time,
        Argument::Length("hold"),
    ]];

    const RETURN_TYPE: DataType = DataType::Boolean;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, Debounce::new(arguments.length("hold")?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray};

    use super::*;
    use crate::collected::testing::integers;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, values};

    const NAN: f64 = f64::NAN;

    #[test]
    fn a_condition_has_to_last() {
        let case = WindowCase::with(Window::udf(AlertDebounce), vec![20.into()]);
        let flags = [
            Some(false),
            Some(true),
            None,
            Some(true),
            Some(true),
            Some(false),
            Some(true),
        ];
        let conditions: ArrayRef = Arc::new(BooleanArray::from(flags.to_vec()));
        let times = || integers([0, 10, 20, 25, 30, 40, 50]);
        let expected = [0.0, 0.0, NAN, 0.0, 1.0, 0.0, 0.0];
        case.check(&[conditions, times()], &expected);
        let numbers = values(&[0.0, 1.0, NAN, 2.0, -1.0, 0.0, 1.0]);
        case.check(&[numbers, times()], &expected);
        case.check(&[values(&[]), integers([])], &[]);
        let error = WindowCase::with(Window::udf(AlertDebounce), vec![0.into()])
            .error(&[values(&[1.0]), integers([1])]);
        assert!(
            error.contains("alert_debounce: argument `hold` must be a length of time above zero"),
            "{error}"
        );
    }
}
