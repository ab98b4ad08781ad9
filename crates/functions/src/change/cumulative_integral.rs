//! `cumulative_integral(value, time[, unit])`: the area under a signal up to each row, by trapezoids.
//!
//! As `scipy.integrate.cumulative_trapezoid` with `initial=0`.
//!
//! | row                           | result                                |
//! |-------------------------------|---------------------------------------|
//! | the first of a partition      | 0                                     |
//! | the value is missing          | as in the row before; NULL before the first value |
//! | the time is NULL              | NULL; the row is passed over          |
//! | at the time of the row before | as in the row before; its value goes on |

use analytics::change::CumulativeIntegral as Area;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Change"),
    description = "Area under the signal from the first row up to each row, by trapezoids: a running total of a rate. 0 in the first row; where the value is missing, the total so far. As `scipy.integrate.cumulative_trapezoid`.",
    syntax_example = "cumulative_integral(value, time[, unit]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, cumulative_integral(power_kw, time, INTERVAL '1 hour') OVER (PARTITION BY asset_id ORDER BY time) AS energy_kwh FROM sensor_data;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite gives the total so far."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "unit",
        description = "The time that the signal is per: a constant interval or, where times are integers, a number. Default one second, or 1."
    ),
    related_udf(name = "integral")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CumulativeIntegral;

impl WindowFunction for CumulativeIntegral {
    const NAME: &'static str = "cumulative_integral";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Time],
        &[Argument::Value, Argument::Time, Argument::Length("unit")],
    ];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, Area::new(arguments.length("unit")?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, millis, seconds, values};

    const NAN: f64 = f64::NAN;

    // Expected: scipy 1.17.1, cumulative_trapezoid([1, 3, -1], [1, 3, 6], initial=0).
    #[test]
    fn areas_add_up_as_in_scipy() {
        let x = values(&[NAN, 1.0, 3.0, NAN, -1.0]);
        let time = seconds(&[0.0, 1.0, 3.0, 4.0, 6.0]);
        let case = WindowCase::new(Window::udf(CumulativeIntegral));
        case.check(
            &[Arc::clone(&x), Arc::clone(&time)],
            &[NAN, 0.0, 4.0, 4.0, 7.0],
        );
        let case = WindowCase::with(Window::udf(CumulativeIntegral), vec![millis(500)]);
        case.check(&[x, time], &[NAN, 0.0, 8.0, 8.0, 14.0]);
    }
}
