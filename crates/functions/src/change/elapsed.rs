//! `elapsed(time[, unit])`: the time since the row before.
//!
//! As InfluxQL's `ELAPSED`, except that units default to seconds and are not cut to whole ones.
//!
//! | row                           | result                                              |
//! |-------------------------------|-----------------------------------------------------|
//! | the first of a partition      | NULL                                                |
//! | the time is NULL              | NULL; the next row is compared with the one before it |
//! | at the time of the row before | 0                                                   |

use analytics::change::Elapsed as ElapsedTime;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Change"),
    description = "Time since the row before. NULL in the first row. As InfluxQL's `ELAPSED`, but in seconds unless told otherwise, with fractions.",
    syntax_example = "elapsed(time[, unit]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, elapsed(time, INTERVAL '1 millisecond') OVER (PARTITION BY asset_id ORDER BY time) AS gap_ms FROM sensor_data;
```"#,
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "unit",
        description = "The unit of the result: a constant interval or, where times are integers, a number. Default one second, or 1."
    ),
    related_udf(name = "session_id")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Elapsed;

impl WindowFunction for Elapsed {
    const NAME: &'static str = "elapsed";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Time],
        &[Argument::Time, Argument::Length("unit")],
    ];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let unit = arguments.length("unit")?;
        Ok(running(arguments, ElapsedTime::new(unit)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::testing::integers;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, millis, seconds};

    const NAN: f64 = f64::NAN;

    #[test]
    fn gaps_are_in_seconds_or_units() {
        let time = seconds(&[0.5, 2.0, -1.0, 2.0, 8.0]);
        let case = WindowCase::new(Window::udf(Elapsed));
        case.check(std::slice::from_ref(&time), &[NAN, 1.5, NAN, 0.0, 6.0]);
        case.check(&[integers([3, 4, 4, 9])], &[NAN, 1.0, 0.0, 5.0]);
        let case = WindowCase::with(Window::udf(Elapsed), vec![millis(1)]);
        case.check(&[time], &[NAN, 1500.0, NAN, 0.0, 6000.0]);
    }
}
