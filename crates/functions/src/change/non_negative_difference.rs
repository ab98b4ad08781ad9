//! `non_negative_difference(value, time)`: the difference from the row before, where it is not negative.
//!
//! As InfluxQL's `NON_NEGATIVE_DIFFERENCE`, except that rows without a result are NULL instead of left out.
//!
//! | row                                        | result                                                |
//! |--------------------------------------------|-------------------------------------------------------|
//! | the first of a partition                   | NULL                                                  |
//! | value or time is missing                   | NULL; the next row is compared with the one before it |
//! | at the time of the row before              | NULL, likewise: the first of a time counts            |
//! | below the row before                       | NULL; the next row is compared with this one          |

use analytics::change::{Difference, Negative};
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Change"),
    description = "Difference from the row before, of the signal in the order of time, NULL where it is negative: what a counter counted, without the moments when it restarted. NULL in the first row. As InfluxQL's `NON_NEGATIVE_DIFFERENCE`.",
    syntax_example = "non_negative_difference(value, time) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, non_negative_difference(energy_kwh, time) OVER (PARTITION BY asset_id ORDER BY time) FROM meters;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    related_udf(name = "counter_delta"),
    related_udf(name = "difference")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NonNegativeDifference;

impl WindowFunction for NonNegativeDifference {
    const NAME: &'static str = "non_negative_difference";

    const FORMS: &'static [&'static [Argument]] = &[&[Argument::Value, Argument::Time]];

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, Difference::new(Negative::Dropped)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::collected::testing::integers;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, seconds, values};

    const NAN: f64 = f64::NAN;

    #[test]
    fn rows_are_compared_with_those_before_them() {
        let case = WindowCase::new(Window::udf(NonNegativeDifference));
        let x = values(&[1.0, 5.0, 3.0, NAN, 9.0, 100.0, 10.0, 7.0]);
        let expected = [NAN, 4.0, NAN, NAN, 6.0, NAN, 1.0, NAN];
        case.check(
            &[
                Arc::clone(&x),
                seconds(&[0.0, 2.0, 4.0, 5.0, 8.0, 8.0, 9.0, -1.0]),
            ],
            &expected,
        );
        let mut expected = expected;
        expected[7] = NAN;
        case.check(&[x, integers([0, 2, 4, 5, 8, 8, 9, 12])], &expected);
        case.check(&[values(&[]), seconds(&[])], &[]);
    }

    #[test]
    fn rows_out_of_order_are_refused() {
        let case = WindowCase::new(Window::udf(NonNegativeDifference));
        let error = case.error(&[values(&[1.0, NAN, 3.0]), seconds(&[0.0, 5.0, 4.0])]);
        assert!(
            error.contains("non_negative_difference: the rows are not in the order"),
            "{error}"
        );
    }
}
