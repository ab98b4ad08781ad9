//! `geomean(x)`: the geometric mean, the n-th root of the product.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | a negative one among them      | NULL              |
//! | a zero among them              | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::GeometricMean;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Geometric mean of a signal, the n-th root of the product: the centre of ratios and growth factors. As `scipy.stats.gmean`: 0 with a zero among the values, NULL with a negative one or without values.",
    syntax_example = "geomean(x)",
    sql_example = r#"```sql
SELECT asset_id, geomean(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "harmonic_mean")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Geomean;

impl FloatAggregate for Geomean {
    const NAME: &'static str = "geomean";

    type State = GeometricMean;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<GeometricMean>> {
        Ok(GeometricMean::mean)
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
    fn geomean_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(Geomean);
        case.check(&[1.0, 4.0, 2.0], Some(2.0));
        case.check(&[9.0, f64::NAN], Some(9.0));
        case.check(&[2.0, 0.0], Some(0.0));
        case.check(&[2.0, 0.0, -1.0], None);
        case.check(&[], None);
    }
}
