//! `counter_resets(value, time)`: how often a counter restarted.
//!
//! As Prometheus' `resets`.
//!
//! | rows                                   | result                                      |
//! |----------------------------------------|---------------------------------------------|
//! | a value below the one before it        | a restart at zero: all of it was counted since |
//! | none                                   | NULL                                        |
//! | one                                    | 0                                          |
//! | all at one time                        | 0: values of one time are in rising order |
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
    description = "How often a counter restarted: rows whose value is below that of the one before, in the order of time. As Prometheus' `resets`. NULL without rows.",
    syntax_example = "counter_resets(value, time)",
    sql_example = r#"```sql
SELECT asset_id, counter_resets(operating_hours, time) AS replacements FROM meters GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The counter, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "counter_delta")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CounterResets;

impl StretchFunction for CounterResets {
    const NAME: &'static str = "counter_resets";

    type Stretch = Counter;

    type Output = i64;

    fn read(&self, _call: &Call) -> Result<Read<Counter, i64>> {
        Ok(Arc::new(|counter: &Counter| {
            i64::try_from(counter.resets()).ok()
        }))
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
        let case = Case::new(Collected::udf(OverStretch(CounterResets)));
        case.check(&[values(&VALUES), seconds(&TIMES)], Some(2.0), 1e-12);
        let cycles = integers(TIMES.map(|time| time as i64));
        case.check(&[values(&VALUES), cycles], Some(2.0), 1e-12);
    }

    #[test]
    fn too_few_points_count_nothing() {
        let case = Case::new(Collected::udf(OverStretch(CounterResets)));
        case.check(&[values(&[]), seconds(&[])], None, 0.0);
        case.check(
            &[values(&[3.0, f64::NAN]), seconds(&[1.0, 2.0])],
            Some(0.0),
            0.0,
        );
        case.check(&[values(&[3.0, 7.0]), seconds(&[1.0, 1.0])], Some(0.0), 0.0);
    }
}
