//! `time_since_change(state, time[, unit])`: how long the state has been what it is.
//!
//! | row                          | result                                            |
//! |------------------------------|---------------------------------------------------|
//! | where the state changes      | 0, and in the first row                           |
//! | the state is missing         | the time since the change before; NULL before the first state |
//! | the time is NULL             | NULL; the row is passed over                      |

use analytics::segments::TimeSinceChange as StateAge;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Segments"),
    description = "Age of the state: the time since the row where it changed to what it is, 0 in that row and in the first. Where the state is missing, the one before goes on.",
    syntax_example = "time_since_change(state, time[, unit]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, time_since_change(operating_state, time, INTERVAL '1 minute') OVER (PARTITION BY asset_id ORDER BY time) AS minutes FROM sensor_data;
```"#,
    argument(
        name = "state",
        description = "The state: a number, a text or a boolean. Where it is missing, the one before goes on."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "unit",
        description = "The unit of the result: a constant interval or, where times are integers, a number. Default one second, or 1."
    ),
    related_udf(name = "change_flag")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimeSinceChange;

impl WindowFunction for TimeSinceChange {
    const NAME: &'static str = "time_since_change";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::State, Argument::Time],
        &[Argument::State, Argument::Time, Argument::Length("unit")],
    ];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, StateAge::new(arguments.length("unit")?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};

    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, millis, seconds};

    const NAN: f64 = f64::NAN;

    #[test]
    fn a_state_ages_until_it_changes() {
        let texts = [
            None,
            Some("a"),
            Some("a"),
            None,
            Some("a"),
            Some("b"),
            Some("a"),
            Some("a"),
        ];
        let states: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let time = seconds(&[0.0, 1.0, 3.0, 4.0, 7.0, 8.0, 8.0, -1.0]);
        let case = WindowCase::new(Window::udf(TimeSinceChange));
        let expected = [NAN, 0.0, 2.0, 3.0, 6.0, 0.0, 0.0, NAN];
        case.check(&[Arc::clone(&states), Arc::clone(&time)], &expected);
        let case = WindowCase::with(Window::udf(TimeSinceChange), vec![millis(500)]);
        case.check(&[states, time], &expected.map(|age| age * 2.0));
    }
}
