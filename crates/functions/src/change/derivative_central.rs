//! `derivative_central(value, time[, unit])`: the rate of change from both neighbours of a row, as `numpy.gradient`.
//!
//! | row                                 | result                                                          |
//! |-------------------------------------|-----------------------------------------------------------------|
//! | between two others                  | of second order: the slopes on both sides, each weighted by the other side's step |
//! | the first or last of a partition    | the slope to its only neighbour                                 |
//! | the only one                        | NULL                                                            |
//! | value or time is missing            | NULL; its neighbours are neighbours of each other               |
//! | at the time of the row before       | NULL, likewise: the first of a time counts                      |
//!
//! It looks one row ahead, so a partition is held in memory while it is evaluated.

use analytics::change::central_derivative;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, whole};

#[user_doc(
    doc_section(label = "Change"),
    description = "Rate of change of the signal at each row, per unit of time, from the rows before and after it: twice as exact as `derivative` for smooth signals, and not late by half a step. As `numpy.gradient`, uneven steps included. NULL for a single row.",
    syntax_example = "derivative_central(value, time[, unit]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, derivative_central(position_mm, time) OVER (PARTITION BY asset_id ORDER BY time) AS velocity_mm_s FROM sensor_data;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "unit",
        description = "The time that the rate is per: a constant interval or, where times are integers, a number. Default one second, or 1."
    ),
    related_udf(name = "derivative")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DerivativeCentral;

impl WindowFunction for DerivativeCentral {
    const NAME: &'static str = "derivative_central";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Time],
        &[Argument::Value, Argument::Time, Argument::Length("unit")],
    ];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let unit = arguments.length("unit")?;
        Ok(whole(arguments, move |points| {
            central_derivative(points, unit)
        }))
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

    // Expected: numpy 2.4.6, numpy.gradient([1, 2, 4, 7, 11, 16], [0, 1, 1.5, 3.5, 4, 6]).
    #[test]
    fn rates_are_those_of_numpy() {
        let x = values(&[1.0, 2.0, NAN, 4.0, 7.0, 11.0, 16.0, 5.0]);
        let time = seconds(&[0.0, 1.0, 1.2, 1.5, 3.5, 4.0, 6.0, 6.0]);
        let expected = [1.0, 3.0, NAN, 3.5, 6.7, 6.9, 2.5, NAN];
        let case = WindowCase::new(Window::udf(DerivativeCentral));
        case.check(&[Arc::clone(&x), Arc::clone(&time)], &expected);
        let case = WindowCase::with(Window::udf(DerivativeCentral), vec![millis(500)]);
        case.check(&[x, time], &expected.map(|rate| rate / 2.0));
    }

    #[test]
    fn too_few_rows_have_no_rate() {
        let case = WindowCase::new(Window::udf(DerivativeCentral));
        case.check(&[values(&[]), seconds(&[])], &[]);
        case.check(&[values(&[3.0, NAN]), seconds(&[1.0, 2.0])], &[NAN, NAN]);
    }
}
