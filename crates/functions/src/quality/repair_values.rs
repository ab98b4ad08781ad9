//! `repair_values(value, time[, min_speed, max_speed])`: a signal whose speed keeps its limits, by SCREEN.
//!
//! | row                                        | result                                             |
//! |--------------------------------------------|----------------------------------------------------|
//! | the value is NULL, NaN or infinite         | NULL; the row is passed over                       |
//! | the time is NULL                           | NULL; the row is passed over                       |
//! | the time is that of the row before         | as that row, which has the only value at that time |

use analytics::quality::{SpeedLimits, repair_speed, speed_limits};
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, whole};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "A signal whose speed keeps its limits, changed as little as may be (SCREEN, Song et al. 2015): a row goes where it and the rows within the next five median steps have to change least in sum so that it keeps the limits with each of them, as far as the row before lets it. Rows that keep the limits with those around them stay as they are. It looks ahead. The window must be ordered by time.",
    syntax_example = "repair_values(value, time[, min_speed, max_speed]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, level_m, repair_values(level_m, time, -0.05, 0.05) OVER (PARTITION BY tank ORDER BY time) AS repaired FROM tanks;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite gives NULL and is passed over: `impute` fills it."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error. Of several rows at one time the first counts."
    ),
    argument(
        name = "min_speed",
        description = "A constant: the least change per second, or per unit of an integer time; below 0 for a signal that may fall. Default: the median speed less three times 1.4826 MAD of the speeds."
    ),
    argument(
        name = "max_speed",
        description = "A constant, `min_speed` or more: the greatest change. Default: the median and three times as much."
    ),
    related_udf(name = "plausible"),
    related_udf(name = "hampel"),
    related_udf(name = "impute")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RepairValues;

impl WindowFunction for RepairValues {
    const NAME: &'static str = "repair_values";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Time],
        &[
            Argument::Value,
            Argument::Time,
            Argument::Number("min_speed"),
            Argument::Number("max_speed"),
        ],
    ];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let given = if arguments.has(Argument::Number("min_speed")) {
            let min = arguments.number("min_speed", "a number", |_| true)?;
            let expected = format!("a number, `min_speed` ({min}) or more");
            let max = arguments.number("max_speed", &expected, |max| max >= min)?;
            Some(SpeedLimits { min, max })
        } else {
            None
        };
        // A second, or one of an integer time.
        let unit = arguments.length("unit")?;
        Ok(whole(arguments, move |points| {
            let mut distinct = points.to_vec();
            distinct.dedup_by_key(|(_, time)| *time);
            let (values, times) = columns(&distinct, unit);
            let Some(limits) = given.or_else(|| speed_limits(&times, &values)) else {
                return points.iter().map(|(value, _)| Some(*value)).collect();
            };
            let repaired = repair_speed(&times, &values, limits);
            let places = points.iter().scan((0, None), |(place, last), (_, time)| {
                *place += usize::from(last.replace(*time) != Some(*time));
                Some(*place - 1)
            });
            places.map(|place| Some(repaired[place])).collect()
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Values, and times in units after the first.
fn columns(points: &[(f64, i64)], unit: f64) -> (Vec<f64>, Vec<f64>) {
    let first = points.first().map_or(0, |(_, time)| *time);
    let after = |time: i64| (i128::from(time) - i128::from(first)) as f64 / unit;
    points
        .iter()
        .map(|(value, time)| (*value, after(*time)))
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::testing::integers;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, seconds, values};

    const NAN: f64 = f64::NAN;

    fn case(constants: Vec<datafusion_common::ScalarValue>) -> WindowCase {
        WindowCase::with(Window::udf(RepairValues), constants)
    }

    #[test]
    fn speeds_keep_their_limits() {
        let limited = || case(vec![(-1.0).into(), 1.0.into()]);
        let x = [0.0, 0.5, NAN, 1.0, 9.0, 2.0, 2.5, 3.0, 3.5, 4.0];
        let times: Vec<f64> = (0..10).map(f64::from).collect();
        let repaired = [0.0, 0.5, NAN, 1.0, 2.0, 2.0, 2.5, 3.0, 3.5, 4.0];
        limited().check(&[values(&x), seconds(&times)], &repaired);
        limited().check(&[values(&x), integers(0..10)], &repaired);
        // The second of two at one time does not count.
        let twice = [values(&[1.0, 7.0, 1.5]), integers([1, 1, 2])];
        limited().check(&twice, &[1.0, 1.0, 1.5]);
        limited().check(&[values(&[]), integers([])], &[]);
        case(vec![]).check(&[values(&[7.0]), integers([1])], &[7.0]);
        let line = [1.0, 2.0, 3.0, 4.0];
        case(vec![]).check(&[values(&line), integers(0..4)], &line);
    }

    #[test]
    fn limits_must_make_sense() {
        let error = case(vec![1.into(), 0.into()]).error(&[values(&[1.0]), integers([1])]);
        assert!(
            error.contains("argument `max_speed` must be a number, `min_speed` (1) or more"),
            "{error}"
        );
    }
}
