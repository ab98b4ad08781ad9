//! `derivative(value, time[, unit])`: the rate of change from the row before.
//!
//! As InfluxQL's `DERIVATIVE`, except that rows without a result are NULL instead of left out.
//!
//! | row                                        | result                                                |
//! |--------------------------------------------|-------------------------------------------------------|
//! | the first of a partition                   | NULL                                                  |
//! | value or time is missing                   | NULL; the next row is compared with the one before it |
//! | at the time of the row before              | NULL, likewise: the first of a time counts            |

use analytics::change::{Derivative as Derivatives, Negative};
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Change"),
    description = "Rate of change of the signal from the row before, per unit of time. NULL in the first row. As InfluxQL's `DERIVATIVE`.",
    syntax_example = "derivative(value, time[, unit]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, derivative(temperature_c, time, INTERVAL '1 minute') OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
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
    related_udf(name = "derivative_central"),
    related_udf(name = "difference"),
    related_udf(name = "non_negative_derivative")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Derivative;

impl WindowFunction for Derivative {
    const NAME: &'static str = "derivative";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Time],
        &[Argument::Value, Argument::Time, Argument::Length("unit")],
    ];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let unit = arguments.length("unit")?;
        Ok(running(arguments, Derivatives::new(unit, Negative::Kept)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::testing::integers;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, millis, seconds, values};

    const NAN: f64 = f64::NAN;
    const VALUES: [f64; 7] = [1.0, 5.0, 3.0, NAN, 9.0, 100.0, 10.0];
    const TIMES: [f64; 7] = [0.0, 2.0, 4.0, 5.0, 8.0, 8.0, 9.0];

    #[test]
    fn rates_are_per_unit() {
        let x = values(&VALUES);
        let case = WindowCase::new(Window::udf(Derivative));
        case.check(
            &[Arc::clone(&x), seconds(&TIMES)],
            &[NAN, 2.0, -1.0, NAN, 1.5, NAN, 1.0],
        );
        case.check(
            &[Arc::clone(&x), integers(TIMES.map(|t| t as i64))],
            &[NAN, 2.0, -1.0, NAN, 1.5, NAN, 1.0],
        );
        let case = WindowCase::with(Window::udf(Derivative), vec![millis(60_000)]);
        case.check(
            &[Arc::clone(&x), seconds(&TIMES)],
            &[NAN, 120.0, -60.0, NAN, 90.0, NAN, 60.0],
        );
        let case = WindowCase::with(Window::udf(Derivative), vec![ScalarValue::from(60_i64)]);
        case.check(
            &[x, integers(TIMES.map(|t| t as i64))],
            &[NAN, 120.0, -60.0, NAN, 90.0, NAN, 60.0],
        );
    }

    #[test]
    fn a_unit_must_be_a_length_of_time() {
        let error = |unit| {
            let case = WindowCase::with(Window::udf(Derivative), vec![unit]);
            case.error(&[values(&VALUES), seconds(&TIMES)])
        };
        let expected = "derivative: argument `unit` must be a length of time above zero";
        assert!(error(millis(0)).contains(expected));
        assert!(error(ScalarValue::new_interval_mdn(1, 0, 0)).contains(expected));
        assert!(error(ScalarValue::from(3.0)).contains("derivative takes derivative(value, time)"));
    }
}
