//! `iqr(x)`: the distance between the quartiles.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | one                            | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::iqr;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Interquartile range of a signal: the distance between its 25th and 75th percentile, interpolated. As `scipy.stats.iqr`. NULL without values.",
    syntax_example = "iqr(x)",
    sql_example = r#"```sql
SELECT asset_id, iqr(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "mad"),
    related_udf(name = "value_range")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Iqr;

impl CollectedFunction for Iqr {
    const NAME: &'static str = "iqr";

    type Row = f64;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<f64, f64>> {
        Ok(Formula::new(iqr))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn iqr_is_the_distance_between_the_quartiles() {
        let case = Case::new(Collected::udf(Iqr));
        case.check(&[values(&[4.0, 1.0, 3.0, f64::NAN, 2.0])], Some(1.5), 1e-12);
        case.check(&[values(&[7.0])], Some(0.0), 0.0);
        case.check(&[values(&[])], None, 0.0);
    }
}
