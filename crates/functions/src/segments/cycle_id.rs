//! `cycle_id(value, time, up, down)`: the number of a row's machine cycle, counted with hysteresis.
//!
//! | row                                             | result                                     |
//! |-------------------------------------------------|--------------------------------------------|
//! | before the signal first reaches `up`            | 0                                          |
//! | where it reaches `up` after `down` or the start | the next number                            |
//! | otherwise, the value missing included           | as in the row before                       |
//! | the time is NULL                                | NULL; the row is passed over               |

use analytics::segments::CycleId as Cycles;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Segments"),
    description = "Number of the machine cycle that a row belongs to: a cycle begins when the signal rises to `up`, and the next cannot begin before it has fallen to `down`, so that noise around one threshold does not count. 0 before the first cycle; a signal that begins at `up` begins in cycle 1.",
    syntax_example = "cycle_id(value, time, up, down) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT asset_id, cycle, min(time) AS start, max(current_a)
FROM (SELECT *, cycle_id(current_a, time, 8, 2) OVER (PARTITION BY asset_id ORDER BY time) AS cycle FROM sensor_data)
GROUP BY asset_id, cycle;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite belongs to the cycle that runs."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "up",
        description = "The signal at and above which the machine is on: a constant number."
    ),
    argument(
        name = "down",
        description = "The signal at and below which it is off: a constant number below `up`."
    ),
    related_udf(name = "change_flag"),
    related_udf(name = "session_id")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CycleId;

impl WindowFunction for CycleId {
    const NAME: &'static str = "cycle_id";

    const FORMS: &'static [&'static [Argument]] = &[&[
        Argument::Value,
        Argument::Time,
        Argument::Number("up"),
        Argument::Number("down"),
    ]];

    const RETURN_TYPE: DataType = DataType::Int64;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let up = arguments.number("up", "a number", |_| true)?;
        let expected = format!("a number below `up` ({up})");
        let down = arguments.number("down", &expected, |down| down < up)?;
        Ok(running(arguments, Cycles::new(up, down)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, seconds, values};

    const NAN: f64 = f64::NAN;

    fn case(up: f64, down: f64) -> WindowCase {
        WindowCase::with(Window::udf(CycleId), vec![up.into(), down.into()])
    }

    #[test]
    fn a_cycle_begins_at_up_and_is_over_at_down() {
        let x = values(&[0.0, 8.0, 7.0, NAN, 3.0, 9.0, 2.0, 7.0, 8.0]);
        let time = seconds(&[0.0, 1.0, 2.0, 3.0, -1.0, 5.0, 6.0, 7.0, 8.0]);
        let expected = [0.0, 1.0, 1.0, 1.0, NAN, 1.0, 1.0, 1.0, 2.0];
        case(8.0, 2.0).check(&[x, time], &expected);
        case(8.0, 2.0).check(&[values(&[9.0, 1.0]), seconds(&[0.0, 1.0])], &[1.0, 1.0]);
    }

    #[test]
    fn thresholds_must_be_apart() {
        let columns = [values(&[1.0]), seconds(&[0.0])];
        let error = case(2.0, 2.0).error(&columns);
        assert!(
            error.contains("cycle_id: argument `down` must be a number below `up` (2), not 2"),
            "{error}"
        );
        let case = WindowCase::with(
            Window::udf(CycleId),
            vec![ScalarValue::Float64(None), 1.0_f64.into()],
        );
        assert!(
            case.error(&columns)
                .contains("argument `up` must be a number, not NULL")
        );
    }
}
