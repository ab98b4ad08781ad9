//! `impute(value, time[, method])`: a signal with its missing values filled in.
//!
//! | row                                                | result                                         |
//! |----------------------------------------------------|------------------------------------------------|
//! | the value is there                                 | the value                                      |
//! | the value is NULL, NaN or infinite                 | what the method makes of the rows around it    |
//! | before the first value or after the last           | NULL, but for a mean, a median or a neighbour  |
//! | the time is NULL                                   | NULL; the row is passed over                   |

use analytics::quality::{Imputation, impute};
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, whole_with_missing};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "A signal with its missing values filled in from the rows around them. `linear`, `pchip` (a monotone cubic) and `spline` (a cubic through all values) read a curve at the row's time, as pandas and SciPy do, and `nearest` takes the nearer of the values on either side; none of them goes beyond the first and the last value. `previous` and `next` take a neighbour, `mean` and `median` are of the whole partition. It looks ahead. The window must be ordered by time. To make rows that are not there, see `date_bin_gapfill` and `resample`.",
    syntax_example = "impute(value, time[, method]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, impute(temperature_c, time, 'pchip') OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are filled."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(
        name = "method",
        description = "A constant: `linear` (the default), `pchip`, `spline`, `previous`, `next`, `nearest`, `mean` or `median`."
    ),
    related_udf(name = "resample"),
    related_udf(name = "missing_ranges"),
    related_udf(name = "repair_values")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Impute;

impl WindowFunction for Impute {
    const NAME: &'static str = "impute";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Time],
        &[Argument::Value, Argument::Time, Argument::Word("method")],
    ];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let way = arguments.word("method", &Imputation::NAMES)?;
        Ok(whole_with_missing(arguments, move |points| {
            let first = points.first().map_or(0, |(_, time)| *time);
            let after = |time: i64| (i128::from(time) - i128::from(first)) as f64;
            let (values, times): (Vec<Option<f64>>, Vec<f64>) = points
                .iter()
                .map(|(value, time)| (*value, after(*time)))
                .unzip();
            impute(&times, &values, way)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, seconds, values};

    const NAN: f64 = f64::NAN;

    fn check(method: Option<&str>, expected: &[f64]) {
        let constants = method.map(|method| method.into()).into_iter().collect();
        let case = WindowCase::with(Window::udf(Impute), constants);
        let x = [NAN, 1.0, f64::INFINITY, 3.0, NAN, 2.0, NAN];
        let times = [0.0, 1.0, 2.0, 4.0, 7.0, 8.0, 9.0];
        case.check(&[values(&x), seconds(&times)], expected);
    }

    // Expected: pandas 2.3.3 and SciPy 1.17.1.
    #[test]
    fn missing_values_come_from_those_around_them() {
        let linear = [NAN, 1.0, 1.0 + 2.0 / 3.0, 3.0, 2.25, 2.0, NAN];
        check(None, &linear);
        check(Some("linear"), &linear);
        check(
            Some("pchip"),
            &[NAN, 1.0, 1.9894179894179893, 3.0, 2.578125, 2.0, NAN],
        );
        check(Some("previous"), &[NAN, 1.0, 1.0, 3.0, 3.0, 2.0, 2.0]);
        check(Some("next"), &[1.0, 1.0, 3.0, 3.0, 2.0, 2.0, NAN]);
        check(Some("nearest"), &[NAN, 1.0, 1.0, 3.0, 2.0, 2.0, NAN]);
        check(Some("mean"), &[2.0, 1.0, 2.0, 3.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn without_values_nothing_is_filled() {
        let case = WindowCase::new(Window::udf(Impute));
        case.check(&[values(&[NAN, NAN]), seconds(&[1.0, 2.0])], &[NAN, NAN]);
        case.check(&[values(&[]), seconds(&[])], &[]);
        let case = WindowCase::with(Window::udf(Impute), vec!["cubic".into()]);
        let error = case.error(&[values(&[1.0]), seconds(&[1.0])]);
        assert!(
            error.contains("impute: argument `method` must be one of 'linear'"),
            "{error}"
        );
    }
}
