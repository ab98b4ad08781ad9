//! `dixon(x[, alpha])`: Dixon's Q test of the least or the greatest of a few values.
//!
//! | values                              | result            |
//! |-------------------------------------|-------------------|
//! | fewer than three, or more than ten  | NULL              |
//! | all equal                           | NULL              |
//! | NULL, NaN, infinity among them      | those are skipped |

use analytics::anomaly::{DixonLevel, OutlierTest, dixon};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Struct};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "Dixon's Q test of whether the least or the greatest of three to ten values belongs to the others, which are taken to be normal: that `value`, of the two the one farther from its neighbour; `statistic`, the gap to the neighbour over the range; `critical`, the two-sided limit (Rorabacher 1991); and `is_outlier`, whether the statistic is above it. NULL for fewer and for more values, or where they do not vary.",
    syntax_example = "dixon(x[, alpha])",
    sql_example = r#"```sql
SELECT sample, d['value'] FROM (SELECT sample, dixon(reading) AS d FROM replicates GROUP BY sample) WHERE d['is_outlier'];
```"#,
    argument(
        name = "x",
        description = "The values, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "alpha",
        description = "A constant: the chance of an outlier where there is none: 0.1, 0.05 or 0.01. Default 0.05."
    ),
    related_udf(name = "grubbs"),
    related_udf(name = "esd")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Dixon;

impl CollectedFunction for Dixon {
    const NAME: &'static str = "dixon";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("alpha", DataType::Float64)];

    type Row = f64;

    type Output = Struct<OutlierTest>;

    fn bind(&self, call: &Call) -> Result<Formula<f64, Struct<OutlierTest>>> {
        let alpha = call.float("alpha", 0.05, "0.1, 0.05 or 0.01", |alpha| {
            [0.1, 0.05, 0.01].contains(&alpha)
        })?;
        let level = if alpha > 0.05 {
            DixonLevel::Tenth
        } else if alpha > 0.01 {
            DixonLevel::Twentieth
        } else {
            DixonLevel::Hundredth
        };
        Ok(Formula::new(move |x: &[f64]| dixon(x, level).map(Struct)))
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
    fn gaps_are_compared_with_the_range() {
        // Rorabacher's example.
        let x = [
            0.189, 0.167, 0.187, 0.183, 0.186, 0.182, 0.181, 0.184, 0.181, 0.177,
        ];
        let check = |alpha: f64, critical, is_outlier| {
            let case = Case::with(Collected::udf(Dixon), vec![alpha.into()]);
            let expected = [
                ("value", 0.167),
                ("statistic", 0.45454545454545453),
                ("critical", critical),
                ("is_outlier", is_outlier),
            ];
            case.check_fields(&[values(&x)], Some(&expected), 1e-12);
        };
        check(0.1, 0.412, 1.0);
        check(0.05, 0.466, 0.0);
        check(0.01, 0.568, 0.0);
        let case = Case::new(Collected::udf(Dixon));
        case.check_fields(&[values(&[1.0, 2.0])], None, 0.0);
        case.check_fields(&[values(&[1.0; 11])], None, 0.0);
        case.check_fields(&[values(&[])], None, 0.0);
    }

    #[test]
    fn only_some_levels_have_limits() {
        let case = Case::with(Collected::udf(Dixon), vec![0.2.into()]);
        let error = case.error(&[values(&[1.0])]);
        assert!(
            error.contains("argument `alpha` must be 0.1, 0.05 or 0.01"),
            "{error}"
        );
    }
}
