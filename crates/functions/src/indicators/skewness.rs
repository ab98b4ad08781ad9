//! `skewness(x[, bias])`: the asymmetry of a distribution, `m3 / m2^1.5`.
//!
//! The definition and defaults of `scipy.stats.skew`; with `bias` false, corrected for statistical bias.
//!
//! | values                            | result                       |
//! |-----------------------------------|------------------------------|
//! | fewer than two (corrected: three) | NULL                         |
//! | no variance                       | NULL: the ratio is undefined |
//! | NULL, NaN, infinity among them    | those are skipped            |

use analytics::indicators::CentralMoments;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::wants_bias;
use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Skewness of a signal: 0 when symmetric, positive with a long upper tail. As `scipy.stats.skew`. NULL below two values or without variance.",
    syntax_example = "skewness(x[, bias])",
    sql_example = r#"```sql
SELECT asset_id, skewness(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "bias",
        description = "A constant. True (the default): the moment ratio as it is. False: corrected for statistical bias, NULL below three values."
    ),
    related_udf(name = "kurtosis")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Skewness;

impl FloatAggregate for Skewness {
    const NAME: &'static str = "skewness";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("bias", DataType::Boolean)];

    type State = CentralMoments;

    fn read(&self, options: &[ScalarValue]) -> Result<impl Read<CentralMoments>> {
        let is_biased = wants_bias(Self::NAME, options)?;
        Ok(move |moments: &CentralMoments| match is_biased {
            true => moments.skewness(),
            false => moments.skewness_corrected(),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AggregateCase;

    // Expected values: scipy.stats 1.17.1.
    const VALUES: [f64; 8] = [2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0];

    #[test]
    fn skewness_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(Skewness);
        case.check(&VALUES, Some(0.2650554122698573));
        case.check(&VALUES.map(|value| value + 1e9), Some(0.2650554122698573));
        case.check(&[1.0, f64::NAN, 2.0], Some(0.0));
        case.check(&[5.0; 9], None);
        case.check(&[5.0], None);
        case.check(&[], None);
    }

    #[test]
    fn bias_can_be_corrected() {
        let case = AggregateCase::with_options(Skewness, vec![ScalarValue::from(false)]);
        case.check(&VALUES, Some(0.3305821804079746));
        case.check(&[1.0, 2.0], None);
        let case = AggregateCase::with_options(Skewness, vec![ScalarValue::from(true)]);
        case.check(&VALUES, Some(0.2650554122698573));
    }

    #[test]
    fn bias_must_be_true_or_false() {
        let error = AggregateCase::error(Skewness, vec![ScalarValue::Boolean(None)]);
        assert!(
            error.contains("skewness: argument `bias` must be true or false"),
            "{error}"
        );
    }
}
