//! `counter_delta(value, time)`: what a counter counted, through its restarts.
//!
//! As `delta` and `rate` of TimescaleDB Toolkit's `counter_agg`, and as Prometheus' `increase` and `rate` without the extrapolation
//! to the ends of the window, which invents counts that nobody saw.
//!
//! | rows                                   | result                                      |
//! |----------------------------------------|---------------------------------------------|
//! | a value below the one before it        | a restart at zero: all of it was counted since |
//! | none                                   | NULL                                        |
//! | one                                    | NULL                                          |
//! | all at one time                        | what the values, in rising order, say |
//! | NULL, NaN, infinity in value or time   | skipped                                     |

use std::sync::Arc;

use analytics::change::Counter;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Change"),
    description = "What a counter counted from the first to the last row, in the order of time: a value below the one before it means that the counter restarted at zero in between. As Prometheus' `increase`, without extrapolation. NULL below two rows.",
    syntax_example = "counter_delta(value, time)",
    sql_example = r#"```sql
SELECT asset_id, counter_delta(energy_kwh, time) FROM meters GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The counter, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "counter_rate"),
    related_udf(name = "counter_resets"),
    related_udf(name = "non_negative_difference")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CounterDelta;

impl StretchFunction for CounterDelta {
    const NAME: &'static str = "counter_delta";

    type Stretch = Counter;

    type Output = f64;

    fn read(&self, _call: &Call) -> Result<Read<Counter, f64>> {
        Ok(Arc::new(Counter::increase))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};
    use crate::stretch::OverStretch;
    use crate::window::testing::seconds;

    // A counter that restarts twice, in no order.
    const VALUES: [f64; 8] = [2.0, 5.0, f64::NAN, 7.0, 2.0, 0.0, f64::INFINITY, 4.0];
    const TIMES: [f64; 8] = [20.0, 0.0, 5.0, 10.0, 30.0, 40.0, 45.0, 50.0];

    #[test]
    fn restarts_are_seen_through() {
        let case = Case::new(Collected::udf(OverStretch(CounterDelta)));
        case.check(&[values(&VALUES), seconds(&TIMES)], Some(8.0), 1e-12);
        let cycles = integers(TIMES.map(|time| time as i64));
        case.check(&[values(&VALUES), cycles], Some(8.0), 1e-12);
    }

    #[test]
    fn too_few_points_count_nothing() {
        let case = Case::new(Collected::udf(OverStretch(CounterDelta)));
        case.check(&[values(&[]), seconds(&[])], None, 0.0);
        case.check(&[values(&[3.0, f64::NAN]), seconds(&[1.0, 2.0])], None, 0.0);
        case.check(&[values(&[3.0, 7.0]), seconds(&[1.0, 1.0])], Some(4.0), 0.0);
    }
}
