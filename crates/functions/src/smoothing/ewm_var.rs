//! `ewm_var(x, alpha[, bias])` and `ewm_var(x, time, halflife[, bias])`: exponentially weighted variance, by row or by time.
//!
//! As `Series.ewm(alpha=…, adjust=False, ignore_na=True)` and `Series.ewm(halflife=…, times=…, adjust=False)` in pandas; pandas has no
//! variance by time, which is defined by the same weights.
//!
//! | row                           | result                                                 |
//! |-------------------------------|--------------------------------------------------------|
//! | the first value               | NULL; 0 if `bias` is true                                       |
//! | the value is missing          | as in the row before; NULL before the first value      |
//! | the time is NULL              | NULL; the row is passed over                           |
//! | at the time of the row before | as in the row before: no time has passed to weigh it by |

use analytics::smoothing::EwmSpread;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::fading;
use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Smoothing"),
    description = "Exponentially weighted variance of the signal about its `ewma`, with the same weights. As `ewm(adjust=False).var()` in pandas, and likewise corrected for the bias of few effective rows unless `bias` is true. NULL in the first row unless `bias` is true.",
    syntax_example = "ewm_var(x, alpha[, bias]) OVER (…), ewm_var(x, time, halflife[, bias]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, ewm_var(vibration_g, time, INTERVAL '5 minutes') OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
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
    argument(
        name = "bias",
        description = "A constant. False (the default): corrected for statistical bias. True: not corrected."
    ),
    related_udf(name = "ewm_std"),
    related_udf(name = "ewma")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct EwmVar;

impl WindowFunction for EwmVar {
    const NAME: &'static str = "ewm_var";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Number("alpha")],
        &[
            Argument::Value,
            Argument::Number("alpha"),
            Argument::Flag("bias"),
        ],
        &[
            Argument::Value,
            Argument::Time,
            Argument::Length("halflife"),
        ],
        &[
            Argument::Value,
            Argument::Time,
            Argument::Length("halflife"),
            Argument::Flag("bias"),
        ],
    ];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let is_corrected = !arguments.flag("bias", false)?;
        let spread = EwmSpread::variance(fading(arguments)?, is_corrected);
        Ok(running(arguments, spread))
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
        WindowCase::with(Window::udf(EwmVar), constants)
    }

    // Expected: pandas 3.1.1; by time, the weights summed with NumPy 2.4.6.
    #[test]
    fn rows_and_times_weigh_as_in_pandas() {
        let by_row = [
            NAN,
            NAN,
            18.0,
            18.0,
            13.30201342281879,
            8.538119183862204,
            6.746685832328958,
        ];
        case(vec![0.3_f64.into()]).check(&[values(&VALUES)], &by_row);
        let by_time = [
            NAN,
            NAN,
            18.0,
            18.0,
            8.614787444614917,
            5.393045066435409,
            4.764495130832487,
        ];
        case(vec![millis(4_000)]).check(&[values(&VALUES), seconds(&TIMES)], &by_time);
        let cycles = integers(TIMES.map(|time| time as i64));
        case(vec![4_i64.into()]).check(&[values(&VALUES), cycles], &by_time);
    }

    #[test]
    fn bias_can_be_kept() {
        let by_row = [NAN, 0.0, 7.56, 7.56, 8.3244, 6.204156, 5.23579644];
        case(vec![0.3_f64.into(), true.into()]).check(&[values(&VALUES)], &by_row);
        let by_time = [
            NAN,
            0.0,
            4.816426826418013,
            4.816426826418013,
            4.96818144218286,
            2.5282636595152006,
            2.854273096921261,
        ];
        case(vec![millis(4_000), true.into()]).check(&[values(&VALUES), seconds(&TIMES)], &by_time);
    }

    #[test]
    fn constants_must_make_sense() {
        let error = |alpha: f64| case(vec![alpha.into()]).error(&[values(&VALUES)]);
        let expected = "ewm_var: argument `alpha` must be a number above 0 and at most 1";
        assert!(error(0.0).contains(expected) && error(1.5).contains(expected));
        let error = case(vec![millis(0)]).error(&[values(&VALUES), seconds(&TIMES)]);
        assert!(
            error.contains("ewm_var: argument `halflife` must be a length of time"),
            "{error}"
        );
        let error = case(vec![]).error(&[values(&VALUES), values(&VALUES)]);
        assert!(
            error.contains("ewm_var: argument `alpha` must be a constant"),
            "{error}"
        );
    }
}
