//! `shannon_entropy(x[, bins])`: the entropy, in nats, of how often values occur.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | all equal                      | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::{binned_entropy, shannon_entropy};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Shannon entropy, in nats, of how often each distinct value of a signal occurs (as `scipy.stats.entropy` of the counts); with `bins`, of how many values fall into each of so many bins of equal width (as tsfresh's `binned_entropy`). NULL without values.",
    syntax_example = "shannon_entropy(x[, bins])",
    sql_example = r#"```sql
SELECT asset_id, shannon_entropy(operating_mode) AS variety, shannon_entropy(vibration_g, 20) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "bins",
        description = "A constant: how many bins, from 1 to 10000. Default: every distinct value counts for itself."
    ),
    related_udf(name = "perm_entropy"),
    related_udf(name = "spectral_entropy")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ShannonEntropy;

impl CollectedFunction for ShannonEntropy {
    const NAME: &'static str = "shannon_entropy";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("bins", DataType::Int64)];

    type Row = f64;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<f64, f64>> {
        if call.option("bins").is_none() {
            return Ok(Formula::new(shannon_entropy));
        }
        let bins = call.count("bins", 10, 1, 10_000)?;
        Ok(Formula::new(move |x: &[f64]| binned_entropy(x, bins)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn entropy_of_values_and_of_bins() {
        let case = Case::new(Collected::udf(ShannonEntropy));
        case.check(
            &[values(&[1.0, 2.0, f64::NAN, 1.0, 2.0])],
            Some(2.0_f64.ln()),
            1e-12,
        );
        case.check(&[values(&[3.0, 3.0])], Some(0.0), 0.0);
        case.check(&[values(&[])], None, 0.0);
        let binned = Case::with(
            Collected::udf(ShannonEntropy),
            vec![ScalarValue::from(2_i64)],
        );
        binned.check(&[values(&[0.0, 0.1, 0.9, 1.0])], Some(2.0_f64.ln()), 1e-12);
        binned.check(&[values(&[3.0, 3.0])], Some(0.0), 0.0);
        binned.check(&[values(&[])], None, 0.0);
    }

    #[test]
    fn bins_are_counted_from_one() {
        let case = Case::with(
            Collected::udf(ShannonEntropy),
            vec![ScalarValue::from(0_i64)],
        );
        let error = case.error(&[values(&[1.0])]);
        assert!(
            error.contains("argument `bins` must be a whole number from 1 to 10000"),
            "{error}"
        );
    }
}
