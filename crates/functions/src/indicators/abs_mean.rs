//! `abs_mean(x)`: the mean of absolute values, also called average rectified value.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | fewer than two                 | NULL              |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::indicators::Magnitudes;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Mean of the absolute values of a signal: the average rectified value. NULL below two values.",
    syntax_example = "abs_mean(x)",
    sql_example = r#"```sql
SELECT asset_id, abs_mean(current_a) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "rms"),
    related_udf(name = "shape_factor")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AbsMean;

impl FloatAggregate for AbsMean {
    const NAME: &'static str = "abs_mean";

    type State = Magnitudes;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<Magnitudes>> {
        Ok(Magnitudes::abs_mean)
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
    fn means_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(AbsMean);
        case.check(&[1.0, -3.0, 2.0], Some(2.0));
        case.check(&[0.0, f64::NAN, 0.0], Some(0.0));
        case.check(&[4.0], None);
        case.check(&[], None);
    }
}
