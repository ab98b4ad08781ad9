//! `counter_irate(value, time[, unit])`: what a counter counted per unit of time between its last two rows.
//!
//! As Prometheus' `irate`.
//!
//! | rows                                   | result                                      |
//! |----------------------------------------|---------------------------------------------|
//! | a value below the one before it        | a restart at zero: all of it was counted since |
//! | none                                   | NULL                                        |
//! | one                                    | NULL                                          |
//! | all at one time                        | NULL: no time has passed |
//! | NULL, NaN, infinity in value or time   | skipped                                     |

use std::sync::Arc;

use analytics::change::Counter;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Change"),
    description = "What a counter counted per unit of time between the last two rows, in the order of time: its rate at the end. As Prometheus' `irate`. NULL below two rows, and when the last two are of one time.",
    syntax_example = "counter_irate(value, time[, unit])",
    sql_example = r#"```sql
SELECT time, counter_irate(energy_kwh, time, INTERVAL '1 hour') OVER (PARTITION BY asset_id ORDER BY time RANGE INTERVAL '5 minutes' PRECEDING) AS power_kw FROM meters;
```"#,
    argument(
        name = "value",
        description = "The counter, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    argument(
        name = "unit",
        description = "The time that the rate is per: a constant interval or, where times are integers, a number. Default one second, or 1."
    ),
    related_udf(name = "counter_rate")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CounterIrate;

impl StretchFunction for CounterIrate {
    const NAME: &'static str = "counter_irate";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("unit", DataType::Interval(IntervalUnit::MonthDayNano))];

    type Stretch = Counter;

    type Output = f64;

    fn read(&self, call: &Call) -> Result<Read<Counter, f64>> {
        let unit = call.length("unit")?;
        Ok(Arc::new(move |counter: &Counter| counter.end_rate(unit)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};
    use crate::stretch::OverStretch;
    use crate::window::testing::{millis, seconds};

    // A counter that restarts twice, in no order.
    const VALUES: [f64; 8] = [2.0, 5.0, f64::NAN, 7.0, 2.0, 0.0, f64::INFINITY, 4.0];
    const TIMES: [f64; 8] = [20.0, 0.0, 5.0, 10.0, 30.0, 40.0, 45.0, 50.0];

    #[test]
    fn restarts_are_seen_through() {
        let case = Case::new(Collected::udf(OverStretch(CounterIrate)));
        case.check(&[values(&VALUES), seconds(&TIMES)], Some(0.4), 1e-12);
        let cycles = integers(TIMES.map(|time| time as i64));
        case.check(&[values(&VALUES), cycles], Some(0.4), 1e-12);
    }

    #[test]
    fn rates_are_per_unit() {
        let case = |unit| Case::with(Collected::udf(OverStretch(CounterIrate)), vec![unit]);
        let per_minute = Some(24.0);
        case(millis(60_000)).check(&[values(&VALUES), seconds(&TIMES)], per_minute, 1e-12);
        let cycles = integers(TIMES.map(|time| time as i64));
        case(ScalarValue::from(60.0)).check(&[values(&VALUES), cycles], per_minute, 1e-12);
        let error = case(millis(0)).error(&[values(&VALUES), seconds(&TIMES)]);
        assert!(
            error.contains("counter_irate: argument `unit` must be a length of time"),
            "{error}"
        );
    }

    #[test]
    fn too_few_points_count_nothing() {
        let case = Case::new(Collected::udf(OverStretch(CounterIrate)));
        case.check(&[values(&[]), seconds(&[])], None, 0.0);
        case.check(&[values(&[3.0, f64::NAN]), seconds(&[1.0, 2.0])], None, 0.0);
        case.check(&[values(&[3.0, 7.0]), seconds(&[1.0, 1.0])], None, 0.0);
    }
}
