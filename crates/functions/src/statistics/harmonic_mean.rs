//! `harmonic_mean(x)`: the harmonic mean, n over the sum of the reciprocals.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | a negative one among them      | NULL              |
//! | a zero among them              | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::HarmonicMean;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Harmonic mean of a signal, n over the sum of the reciprocals: the centre of rates and speeds over equal distances. As `scipy.stats.hmean`: 0 with a zero among the values, NULL with a negative one or without values.",
    syntax_example = "harmonic_mean(x)",
    sql_example = r#"```sql
SELECT asset_id, harmonic_mean(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "geomean")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HarmonicMeanOf;

impl FloatAggregate for HarmonicMeanOf {
    const NAME: &'static str = "harmonic_mean";

    type State = HarmonicMean;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<HarmonicMean>> {
        Ok(HarmonicMean::mean)
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
    fn harmonic_mean_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(HarmonicMeanOf);
        case.check(&[1.0, 2.0, 4.0, 4.0], Some(2.0));
        case.check(&[9.0, f64::NAN], Some(9.0));
        case.check(&[2.0, 0.0], Some(0.0));
        case.check(&[2.0, 0.0, -1.0], None);
        case.check(&[], None);
    }
}
