//! `shape_factor(x)`: the root mean square over the mean absolute value.
//!
//! | values                         | result                       |
//! |--------------------------------|------------------------------|
//! | fewer than two                 | NULL                         |
//! | all zero                       | NULL: the ratio is undefined |
//! | NULL, NaN, infinity among them | those are skipped            |
//! | magnitudes above about 1e154   | NULL: the squares overflow   |

use analytics::indicators::Magnitudes;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Root mean square over mean absolute value: 1.111 for a sine, and the same whatever the amplitude. NULL below two values or when all are zero.",
    syntax_example = "shape_factor(x)",
    sql_example = r#"```sql
SELECT asset_id, shape_factor(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "crest_factor"),
    related_udf(name = "impulse_factor"),
    related_udf(name = "rms")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ShapeFactor;

impl FloatAggregate for ShapeFactor {
    const NAME: &'static str = "shape_factor";

    type State = Magnitudes;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<Magnitudes>> {
        Ok(Magnitudes::shape_factor)
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
        let case = AggregateCase::new(ShapeFactor);
        case.check(&[1.0, -1.0], Some(1.0));
        case.check(&[0.0, -4.0, f64::NAN, 0.0, 0.0], Some(2.0));
        case.check(&[0.0, 0.0], None);
        case.check(&[4.0], None);
        case.check(&[], None);
    }
}
