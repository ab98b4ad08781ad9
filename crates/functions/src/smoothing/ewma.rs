//! `ewma(x, alpha)` and `ewma(x, time, halflife)`: exponentially weighted mean, by row or by time.
//!
//! As `Series.ewm(alpha=…, adjust=False, ignore_na=True)` and `Series.ewm(halflife=…, times=…, adjust=False)` in pandas.
//!
//! | row                           | result                                                 |
//! |-------------------------------|--------------------------------------------------------|
//! | the first value               | the value itself                                       |
//! | the value is missing          | as in the row before; NULL before the first value      |
//! | the time is NULL              | NULL; the row is passed over                           |
//! | at the time of the row before | as in the row before: no time has passed to weigh it by |

use analytics::smoothing::EwmMean;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::fading;
use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Smoothing"),
    description = "Exponentially weighted mean: the newest row weighs `alpha` and everything before it `1 - alpha`; or, by time, the weight of the past halves within `halflife`, however irregular the rows are. As `ewm(adjust=False)` in pandas.",
    syntax_example = "ewma(x, alpha) OVER (…), ewma(x, time, halflife) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, ewma(vibration_g, time, INTERVAL '5 minutes') OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. Where it is NULL, NaN or infinite, the result is that of the row before."
    ),
    argument(
        name = "alpha",
        description = "The weight of the newest row: a constant above 0 and at most 1. All rows count alike, whatever their times."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "halflife",
        description = "The time in which the weight of the past halves: a constant interval or, where times are integers, a number."
    ),
    related_udf(name = "ewm_std"),
    related_udf(name = "moving_avg")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ewma;

impl WindowFunction for Ewma {
    const NAME: &'static str = "ewma";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Number("alpha")],
        &[
            Argument::Value,
            Argument::Time,
            Argument::Length("halflife"),
        ],
    ];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, EwmMean::new(fading(arguments)?)))
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
    use crate::window::testing::{WindowCase, millis, seconds, values};

    const NAN: f64 = f64::NAN;
    const VALUES: [f64; 7] = [NAN, 2.0, 8.0, NAN, 0.0, 4.0, 1.0];
    const TIMES: [f64; 7] = [0.0, 1.0, 2.0, 4.0, 5.0, 12.0, 13.0];

    fn case(constants: Vec<ScalarValue>) -> WindowCase {
        WindowCase::with(Window::udf(Ewma), constants)
    }

    // Expected: pandas 3.1.1.
    #[test]
    fn rows_and_times_weigh_as_in_pandas() {
        let by_row = [NAN, 2.0, 3.8, 3.8, 2.66, 3.062, 2.4434];
        case(vec![0.3_f64.into()]).check(&[values(&VALUES)], &by_row);
        let by_time = [
            NAN,
            2.0,
            2.9546215084777128,
            2.9546215084777128,
            1.7568284600108843,
            3.3331011111183333,
            2.961896360763865,
        ];
        case(vec![millis(4_000)]).check(&[values(&VALUES), seconds(&TIMES)], &by_time);
        let cycles = integers(TIMES.map(|time| time as i64));
        case(vec![4_i64.into()]).check(&[values(&VALUES), cycles], &by_time);
    }

    #[test]
    fn constants_must_make_sense() {
        let error = |alpha: f64| case(vec![alpha.into()]).error(&[values(&VALUES)]);
        let expected = "ewma: argument `alpha` must be a number above 0 and at most 1";
        assert!(error(0.0).contains(expected) && error(1.5).contains(expected));
        let error = case(vec![millis(0)]).error(&[values(&VALUES), seconds(&TIMES)]);
        assert!(
            error.contains("ewma: argument `halflife` must be a length of time"),
            "{error}"
        );
        let error = case(vec![]).error(&[values(&VALUES), values(&VALUES)]);
        assert!(
            error.contains("ewma: argument `alpha` must be a constant"),
            "{error}"
        );
    }
}
