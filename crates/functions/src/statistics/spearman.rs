//! `spearman(x, y)`: Spearman's rho: the correlation of the ranks.
//!
//! | values                        | result                       |
//! |-------------------------------|------------------------------|
//! | fewer than two complete rows  | NULL                         |
//! | x or y all equal              | NULL: the ratio is undefined |
//! | NULL, NaN, infinity in either | that row is skipped          |

use analytics::statistics::spearman;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Pair};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Spearman's rho: the correlation of the ranks, from −1 to 1; 1 when y always rises with x, in whatever shape. As `scipy.stats.spearmanr`. NULL below two complete rows or when either side does not vary.",
    syntax_example = "spearman(x, y)",
    sql_example = r#"```sql
SELECT asset_id, spearman(power_kw, temperature_c) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "A signal, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "y", description = "Another."),
    related_udf(name = "kendall"),
    related_udf(name = "mann_kendall")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Spearman;

impl CollectedFunction for Spearman {
    const NAME: &'static str = "spearman";

    type Row = Pair;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Pair, f64>> {
        Ok(Formula::new(|rows: &[Pair]| {
            let (x, y): (Vec<f64>, Vec<f64>) = rows.iter().map(|row| (row.x, row.y)).unzip();
            spearman(&x, &y)
        }))
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
    fn ranks_are_correlated() {
        let case = Case::new(Collected::udf(Spearman));
        let check = |x: &[f64], y: &[f64], expected| {
            case.check(&[values(x), values(y)], expected, 1e-12);
        };
        check(
            &[1.0, 2.0, 3.0, f64::NAN],
            &[1.0, 10.0, 1e6, 0.0],
            Some(1.0),
        );
        check(&[1.0, 2.0, 3.0], &[9.0, 5.0, 4.0], Some(-1.0));
        // scipy.stats 1.17.1.
        check(
            &[1.0, 2.0, 2.0, 4.0, 5.0],
            &[3.0, 1.0, 4.0, 4.0, 9.0],
            Some(0.7631578947368421),
        );
        check(&[1.0, 2.0], &[3.0, 3.0], None);
        check(&[1.0], &[3.0], None);
        check(&[], &[], None);
    }
}
