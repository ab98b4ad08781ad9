//! `kurtosis(x[, bias])`: the weight of the tails of a distribution, `m4 / m2² − 3` (Fisher's definition).
//!
//! The definition and defaults of `scipy.stats.kurtosis`; with `bias` false, corrected for statistical bias.
//!
//! | values                           | result                       |
//! |----------------------------------|------------------------------|
//! | fewer than two (corrected: four) | NULL                         |
//! | no variance                      | NULL: the ratio is undefined |
//! | NULL, NaN, infinity among them   | those are skipped            |

use analytics::indicators::CentralMoments;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::wants_bias;
use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Excess kurtosis (Fisher's definition) of a signal: 0 for normal noise, rising with impulses. As `scipy.stats.kurtosis`. Vibration literature often uses Pearson's definition, which is `kurtosis(x) + 3`. NULL below two values or without variance.",
    syntax_example = "kurtosis(x[, bias])",
    sql_example = r#"```sql
-- Pearson's kurtosis of each snapshot: about 3 for a healthy bearing.
SELECT snapshot, kurtosis(acc_h_g) + 3 FROM vibration GROUP BY snapshot;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "bias",
        description = "A constant. True (the default): the moment ratio as it is. False: corrected for statistical bias, NULL below four values."
    ),
    related_udf(name = "crest_factor"),
    related_udf(name = "skewness")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kurtosis;

impl FloatAggregate for Kurtosis {
    const NAME: &'static str = "kurtosis";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("bias", DataType::Boolean)];

    type State = CentralMoments;

    fn read(&self, options: &[ScalarValue]) -> Result<impl Read<CentralMoments>> {
        let is_biased = wants_bias(Self::NAME, options)?;
        Ok(move |moments: &CentralMoments| match is_biased {
            true => moments.kurtosis(),
            false => moments.kurtosis_corrected(),
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
    fn kurtosis_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(Kurtosis);
        case.check(&VALUES, Some(-1.6660010752838508));
        case.check(&VALUES.map(|value| value + 1e9), Some(-1.6660010752838508));
        case.check(&[1.0, f64::NAN, 2.0], Some(-2.0));
        case.check(&[5.0; 9], None);
        case.check(&[5.0], None);
        case.check(&[], None);
    }

    #[test]
    fn bias_can_be_corrected() {
        let case = AggregateCase::with_options(Kurtosis, vec![ScalarValue::from(false)]);
        case.check(&VALUES, Some(-2.098602258096087));
        case.check(&[1.0, 2.0, 4.0], None);
        let case = AggregateCase::with_options(Kurtosis, vec![ScalarValue::from(true)]);
        case.check(&VALUES, Some(-1.6660010752838508));
    }

    #[test]
    fn bias_must_be_true_or_false() {
        let error = AggregateCase::error(Kurtosis, vec![ScalarValue::Boolean(None)]);
        assert!(
            error.contains("kurtosis: argument `bias` must be true or false"),
            "{error}"
        );
    }
}
