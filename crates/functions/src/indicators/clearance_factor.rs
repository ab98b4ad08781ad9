//! `clearance_factor(x)`: the largest absolute value over the squared mean of square roots.
//!
//! | values                         | result                       |
//! |--------------------------------|------------------------------|
//! | fewer than two                 | NULL                         |
//! | all zero                       | NULL: the ratio is undefined |
//! | NULL, NaN, infinity among them | those are skipped            |

use analytics::indicators::Roots;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Largest absolute value over the squared mean of the square roots of absolute values: 1.871 for a sine. It is largest for a healthy bearing and falls as a fault spreads over the races. NULL below two values or when all are zero.",
    syntax_example = "clearance_factor(x)",
    sql_example = r#"```sql
SELECT asset_id, clearance_factor(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "crest_factor"),
    related_udf(name = "impulse_factor")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClearanceFactor;

impl FloatAggregate for ClearanceFactor {
    const NAME: &'static str = "clearance_factor";

    type State = Roots;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<Roots>> {
        Ok(Roots::clearance_factor)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AggregateCase;

    #[test]
    fn factors_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(ClearanceFactor);
        case.check(&[1.0, -1.0], Some(1.0));
        case.check(&[0.0, -4.0, f64::NAN, 0.0, 0.0], Some(16.0));
        case.check(&[0.0, 0.0], None);
        case.check(&[4.0], None);
        case.check(&[], None);
    }
}
