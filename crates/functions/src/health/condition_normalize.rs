//! `condition_normalize(value, regime)`: how far a reading is from the mean of its operating regime, in standard deviations.
//!
//! | row                                            | result                                     |
//! |------------------------------------------------|--------------------------------------------|
//! | a regime of fewer than two values              | NULL                                       |
//! | a regime in which the value never varies       | NULL: a ratio to zero                      |
//! | the value or the regime is missing             | NULL; it counts for no regime              |

use analytics::health::normalize_by_regime;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, by_state};

#[user_doc(
    doc_section(label = "Health"),
    description = "How far a reading is from the mean of its operating regime, in population standard deviations of that regime, over all rows of the partition: what is left of a sensor when load, speed or altitude are taken out of it, as is customary for the C-MAPSS engines with several operating conditions. NULL in a regime of fewer than two values or in which they do not vary.",
    syntax_example = "condition_normalize(value, regime) OVER (…)",
    sql_example = r#"```sql
SELECT unit_number, time_cycles, condition_normalize(s_11, round(setting_1)) OVER () AS s_11 FROM engines;
```"#,
    argument(
        name = "value",
        description = "The reading, any numeric type. Rows where it is NULL, NaN or infinite get NULL."
    ),
    argument(
        name = "regime",
        description = "The operating regime: a number, a text or a boolean. Rows where it is NULL get NULL."
    ),
    related_udf(name = "health_index"),
    related_udf(name = "explain_deviation")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConditionNormalize;

impl WindowFunction for ConditionNormalize {
    const NAME: &'static str = "condition_normalize";

    const FORMS: &'static [&'static [Argument]] = &[&[Argument::Value, Argument::State]];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        by_state(arguments, normalize_by_regime)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, values};

    const NAN: f64 = f64::NAN;

    #[test]
    fn every_regime_has_a_mean_of_its_own() {
        let case = WindowCase::new(Window::udf(ConditionNormalize));
        let readings = values(&[1.0, 100.0, 3.0, 300.0, 7.0, NAN, 5.0, 5.0, 9.0]);
        let names = [
            Some("a"),
            Some("b"),
            Some("a"),
            Some("b"),
            Some("c"),
            Some("a"),
            None,
            Some("d"),
            Some("d"),
        ];
        let expected = [-1.0, -1.0, 1.0, 1.0, NAN, NAN, NAN, -1.0, 1.0];
        let texts: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        case.check(&[Arc::clone(&readings), texts], &expected);
        let numbers = names.map(|name| name.map(|name| i64::from(name.as_bytes()[0])));
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
        case.check(&[readings, numbers], &expected);
    }

    #[test]
    fn what_does_not_vary_has_no_distance() {
        let case = WindowCase::new(Window::udf(ConditionNormalize));
        let one: ArrayRef = Arc::new(Int64Array::from(vec![1; 3]));
        case.check(&[values(&[4.0; 3]), Arc::clone(&one)], &[NAN; 3]);
        let far = values(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]);
        let z = 1.5_f64.sqrt();
        case.check(&[far, one], &[-z, 0.0, z]);
        case.check(
            &[values(&[]), Arc::new(Int64Array::from(Vec::<i64>::new()))],
            &[],
        );
    }
}
