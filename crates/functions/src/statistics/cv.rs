//! `cv(x)`: the coefficient of variation, σ / mean.
//!
//! | values                         | result                       |
//! |--------------------------------|------------------------------|
//! | fewer than two                 | NULL                         |
//! | a mean of zero                 | NULL: the ratio is undefined |
//! | all equal                      | 0                            |
//! | NULL, NaN, infinity among them | those are skipped            |

use analytics::indicators::CentralMoments;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Coefficient of variation of a signal: its population standard deviation over its mean. As `scipy.stats.variation`. NULL below two values or when the mean is zero.",
    syntax_example = "cv(x)",
    sql_example = r#"```sql
SELECT asset_id, cv(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "mad")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cv;

impl FloatAggregate for Cv {
    const NAME: &'static str = "cv";

    type State = CentralMoments;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<CentralMoments>> {
        Ok(CentralMoments::variation)
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
    fn cv_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(Cv);
        case.check(&[1.0, f64::NAN, 3.0], Some(0.5));
        case.check(&[-1.0, -3.0], Some(-0.5));
        case.check(&[0.1, 0.1, 0.1], Some(0.0));
        case.check(&[-1.0, 1.0], None);
        case.check(&[2.37, -2.37, 0.1, -0.1, 0.3, -0.3], None);
        case.check(&[5.0], None);
        case.check(&[], None);
    }
}
