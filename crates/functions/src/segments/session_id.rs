//! `session_id(time, gap)`: the number of a row's session, from 0; a gap longer than `gap` begins the next.
//!
//! As `times.diff().gt(gap).cumsum()` in pandas.
//!
//! | row                    | result                       |
//! |------------------------|------------------------------|
//! | the first              | 0                            |
//! | the time is NULL       | NULL; the row is passed over |
//! | exactly `gap` later    | the same session             |

use analytics::segments::SessionId as Sessions;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Segments"),
    description = "Number of the session that a row belongs to, counted from 0: a new one begins when the time since the row before is longer than `gap`.",
    syntax_example = "session_id(time, gap) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT asset_id, session, min(time), max(time), count(*)
FROM (SELECT *, session_id(time, INTERVAL '10 minutes') OVER (PARTITION BY asset_id ORDER BY time) AS session FROM sensor_data)
GROUP BY asset_id, session;
```"#,
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "gap",
        description = "The longest time without a row within a session: a constant interval or, where times are integers, a number."
    ),
    related_udf(name = "cycle_id"),
    related_udf(name = "elapsed")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionId;

impl WindowFunction for SessionId {
    const NAME: &'static str = "session_id";

    const FORMS: &'static [&'static [Argument]] = &[&[Argument::Time, Argument::Length("gap")]];

    const RETURN_TYPE: DataType = DataType::Int64;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, Sessions::new(arguments.length("gap")?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::testing::integers;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, millis, seconds};

    const NAN: f64 = f64::NAN;

    #[test]
    fn a_longer_gap_begins_a_session() {
        let case = WindowCase::with(Window::udf(SessionId), vec![millis(5_000)]);
        let time = seconds(&[0.0, 5.0, -1.0, 10.5, 11.0, 60.0]);
        case.check(&[time], &[0.0, 0.0, NAN, 1.0, 1.0, 2.0]);
        let case = WindowCase::with(Window::udf(SessionId), vec![ScalarValue::from(2_i32)]);
        case.check(&[integers([3, 5, 8, 8])], &[0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn a_gap_must_be_a_length_of_time() {
        let error =
            |gap| WindowCase::with(Window::udf(SessionId), vec![gap]).error(&[seconds(&[1.0])]);
        let expected = "session_id: argument `gap` must be a length of time above zero";
        assert!(error(millis(-5)).contains(expected));
        assert!(error(ScalarValue::from(5.0)).contains("session_id takes session_id(time, gap)"));
        let error = WindowCase::new(Window::udf(SessionId)).error(&[seconds(&[1.0])]);
        assert!(
            error.contains("session_id takes session_id(time, gap)"),
            "{error}"
        );
    }
}
