//! `impulse_factor(x)`: the largest absolute value over the mean one.
//!
//! | values                         | result                       |
//! |--------------------------------|------------------------------|
//! | fewer than two                 | NULL                         |
//! | all zero                       | NULL: the ratio is undefined |
//! | NULL, NaN, infinity among them | those are skipped            |

use analytics::indicators::Magnitudes;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Largest absolute value over the mean one: 1.571 for a sine, rising with impulses before the crest factor does. NULL below two values or when all are zero.",
    syntax_example = "impulse_factor(x)",
    sql_example = r#"```sql
SELECT asset_id, impulse_factor(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "crest_factor"),
    related_udf(name = "clearance_factor"),
    related_udf(name = "shape_factor")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ImpulseFactor;

impl FloatAggregate for ImpulseFactor {
    const NAME: &'static str = "impulse_factor";

    type State = Magnitudes;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<Magnitudes>> {
        Ok(Magnitudes::impulse_factor)
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
        let case = AggregateCase::new(ImpulseFactor);
        case.check(&[1.0, -1.0], Some(1.0));
        case.check(&[0.0, -4.0, f64::NAN, 0.0, 0.0], Some(4.0));
        case.check(&[0.0, 0.0], None);
        case.check(&[4.0], None);
        case.check(&[], None);
    }
}
