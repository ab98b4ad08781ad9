//! `plausible(value[, time], lo, hi[, max_rate])`: what is wrong with a value: missing, out of its range, or changing too fast.
//!
//! | row                                  | result                       |
//! |--------------------------------------|------------------------------|
//! | a plausible value                    | 0                            |
//! | several things are wrong             | the sum of their codes       |
//! | the value is NULL, NaN or infinite   | 1                            |
//! | the time is NULL                     | NULL; the row is passed over |
//! | several rows at one time that differ | too fast, whatever the rate  |

use analytics::quality::Plausible as Check;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "What is wrong with a value, as a sum of codes, 0 for a plausible one: 1, it is missing; 2, below `lo`; 4, above `hi`; 8, farther from the row before than `max_rate` allows over the time between them (the range and rate of change tests of QARTOD). Without `time` and `max_rate` the last is not tested.",
    syntax_example = "plausible(value[, time], lo, hi[, max_rate]) OVER (…)",
    sql_example = r#"```sql
SELECT time, temperature_c FROM (
  SELECT *, plausible(temperature_c, time, -20, 120, 2.5) OVER (PARTITION BY asset_id ORDER BY time) AS code FROM sensor_data)
WHERE code = 0;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite has code 1 and is passed over."
    ),
    argument(
        name = "time",
        description = "With `max_rate`: the time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    argument(name = "lo", description = "The least plausible value: a constant."),
    argument(
        name = "hi",
        description = "The largest plausible value: a constant, not below `lo`."
    ),
    argument(
        name = "max_rate",
        description = "The largest plausible change per second, or per unit of integer times: a constant, 0 or more."
    ),
    related_udf(name = "hampel_flag"),
    related_udf(name = "stuck_ranges"),
    related_udf(name = "validity")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Plausible;

impl WindowFunction for Plausible {
    const NAME: &'static str = "plausible";

    const FORMS: &'static [&'static [Argument]] = &[
        &[
            Argument::Value,
            Argument::Number("lo"),
            Argument::Number("hi"),
        ],
        &[
            Argument::Value,
            Argument::Time,
            Argument::Number("lo"),
            Argument::Number("hi"),
            Argument::Number("max_rate"),
        ],
    ];

    const RETURN_TYPE: DataType = DataType::Int64;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let low = arguments.number("lo", "a number", |_| true)?;
        let expected = format!("a number, `lo` ({low}) or more");
        let high = arguments.number("hi", &expected, |high| high >= low)?;
        let rate = if arguments.has(Argument::Number("max_rate")) {
            let rate = arguments.number("max_rate", "a number, 0 or more", |rate| rate >= 0.0)?;
            Some(rate / arguments.length("unit")?)
        } else {
            None
        };
        Ok(running(arguments, Check::new(low, high, rate)))
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
    use crate::window::testing::{WindowCase, seconds, values};

    const NAN: f64 = f64::NAN;

    fn case(constants: Vec<datafusion_common::ScalarValue>) -> WindowCase {
        WindowCase::with(Window::udf(Plausible), constants)
    }

    const X: [f64; 6] = [5.0, NAN, 9.0, 12.5, -1.0, 10.0];

    #[test]
    fn codes_add_up() {
        let times = [0.0, 1.0, 2.0, 3.0, 4.0, 10.0];
        let rated = || case(vec![0.into(), 10.into(), 2.into()]);
        let expected = [0.0, 1.0, 0.0, 12.0, 10.0, 0.0];
        rated().check(&[values(&X), seconds(&times)], &expected);
        rated().check(
            &[values(&X), integers(times.map(|time| time as i64))],
            &expected,
        );
        let expected = [0.0, 1.0, 0.0, 4.0, 2.0, 0.0];
        case(vec![0.into(), 10.into()]).check(&[values(&X)], &expected);
        case(vec![0.into(), 10.into()]).check(&[values(&[])], &[]);
        rated().check(&[values(&[5.0, 6.0]), seconds(&[-1.0, 1.0])], &[NAN, 0.0]);
    }

    #[test]
    fn times_must_rise() {
        let error = case(vec![0.into(), 10.into(), 2.into()])
            .error(&[values(&[5.0, 6.0]), seconds(&[2.0, 1.0])]);
        assert!(
            error.contains("plausible: the rows are not in the order of"),
            "{error}"
        );
    }

    #[test]
    fn ranges_must_make_sense() {
        let error = case(vec![5.into(), 4.into()]).error(&[values(&X)]);
        assert!(error.contains("argument `hi` must be a number, `lo` (5) or more, not 4"));
        let error =
            case(vec![0.into(), 1.into(), (-1).into()]).error(&[values(&[5.0]), seconds(&[2.0])]);
        assert!(
            error.contains("`max_rate` must be a number, 0 or more, not -1"),
            "{error}"
        );
    }
}
