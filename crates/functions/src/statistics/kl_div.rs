//! `kl_div(reference, current[, bins])`: the Kullback–Leibler divergence of a sample from a reference.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | either sample empty            | NULL              |
//! | all equal                      | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::kl_div;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Compared, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Kullback–Leibler divergence of two samples in common bins, `Σ p·ln(p / q)` in nats, p of the reference and q of the current sample. An empty bin counts as a share of 0.0001. As `scipy.stats.entropy` of the shares, and as Evidently. NULL when either sample is empty.",
    syntax_example = "kl_div(reference, current[, bins])",
    sql_example = r#"```sql
-- This week against the month before, per asset.
SELECT asset_id, kl_div(vibration_g, time >= now() - INTERVAL '7 days')
FROM sensor_data WHERE time >= now() - INTERVAL '37 days' GROUP BY asset_id;
```"#,
    argument(
        name = "reference",
        description = "The values to compare with, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "current",
        description = "The values that are compared; or, with values of both kinds in the first column, a boolean that is true for the current ones."
    ),
    argument(
        name = "bins",
        description = "A constant: how many bins of equal width over the range of both samples, from 1 to 10000. Default: Sturges' rule for both together."
    ),
    related_udf(name = "jensen_shannon"),
    related_udf(name = "psi"),
    related_udf(name = "ks_test")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct KlDiv;

impl CollectedFunction for KlDiv {
    const NAME: &'static str = "kl_div";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("bins", DataType::Int64)];

    type Row = Compared;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Compared, f64>> {
        let bins = match call.option("bins") {
            None => None,
            Some(_) => Some(call.count("bins", 1, 1, 10_000)?),
        };
        Ok(Formula::new(move |rows: &[Compared]| {
            let (reference, current) = Compared::split(rows);
            kl_div(&reference, &current, bins)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::BooleanArray;
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn samples_apart_are_at_a_distance() {
        let case = Case::new(Collected::udf(KlDiv));
        case.check(
            &[values(&[1.0, f64::NAN]), values(&[4.0, 4.0])],
            Some(0.9999 / 1.0002 * 1e4_f64.ln()),
            1e-12,
        );
        case.check(&[values(&[1.0, 2.0]), values(&[2.0, 1.0])], Some(0.0), 0.0);
        case.check(
            &[values(&[1.0, 1.0]), values(&[f64::NAN, 1.0])],
            Some(0.0),
            0.0,
        );
        case.check(&[values(&[1.0]), values(&[f64::NAN])], None, 0.0);
        case.check(&[values(&[]), values(&[])], None, 0.0);
        let is_current = BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]);
        let columns = [values(&[4.0, 1.0, 90.0, 4.0]), Arc::new(is_current) as _];
        case.check(&columns, Some(0.9999 / 1.0002 * 1e4_f64.ln()), 1e-12);
    }

    #[test]
    fn bins_may_be_given() {
        let two = Case::with(Collected::udf(KlDiv), vec![ScalarValue::from(1_i64)]);
        two.check(&[values(&[1.0, 2.0]), values(&[7.0, 9.0])], Some(0.0), 0.0);
        let none = Case::with(Collected::udf(KlDiv), vec![ScalarValue::from(0_i64)]);
        let error = none.error(&[values(&[1.0]), values(&[1.0])]);
        assert!(
            error.contains("kl_div: argument `bins` must be a whole number from 1 to 10000"),
            "{error}"
        );
    }
}
