//! `wasserstein(reference, current)`: the Wasserstein distance of two samples, in their unit.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | either sample empty            | NULL              |
//! | all equal                      | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::wasserstein;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Compared, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Wasserstein distance of two samples: the area between their distribution functions, in the unit of the values; how far values have moved on average. As `scipy.stats.wasserstein_distance`. NULL when either sample is empty.",
    syntax_example = "wasserstein(reference, current)",
    sql_example = r#"```sql
-- This week against the month before, per asset.
SELECT asset_id, wasserstein(vibration_g, time >= now() - INTERVAL '7 days')
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
    related_udf(name = "jensen_shannon"),
    related_udf(name = "kl_div"),
    related_udf(name = "ks_test")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wasserstein;

impl CollectedFunction for Wasserstein {
    const NAME: &'static str = "wasserstein";

    type Row = Compared;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Compared, f64>> {
        Ok(Formula::new(|rows: &[Compared]| {
            let (reference, current) = Compared::split(rows);
            wasserstein(&reference, &current)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};
    use arrow::array::BooleanArray;

    #[test]
    fn samples_apart_are_at_a_distance() {
        let case = Case::new(Collected::udf(Wasserstein));
        case.check(
            &[values(&[1.0, f64::NAN]), values(&[4.0, 4.0])],
            Some(3.0),
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
        case.check(&columns, Some(3.0), 1e-12);
    }
}
