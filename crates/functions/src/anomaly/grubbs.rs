//! `grubbs(x[, alpha])`: Grubbs' test of the value farthest from the mean.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | fewer than three, or all equal | NULL              |
//! | NULL, NaN, infinity among them | those are skipped |

use std::sync::Arc;

use analytics::anomaly::{OutlierTest, grubbs};
use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "Grubbs' two-sided test of whether the value farthest from the mean belongs to the others, which are taken to be normal: that `value`; `statistic`, its distance from the mean in sample standard deviations; `critical`, what that is above with chance `alpha` where all belong together; and `is_outlier`, whether it is above. Two outliers hide behind one another: `esd` looks for several. NULL below three values, or where they do not vary.",
    syntax_example = "grubbs(x[, alpha])",
    sql_example = r#"```sql
SELECT batch, g['value'] FROM (SELECT batch, grubbs(diameter_mm) AS g FROM measurements GROUP BY batch) WHERE g['is_outlier'];
```"#,
    argument(
        name = "x",
        description = "The values, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "alpha",
        description = "A constant: the chance of an outlier where there is none, above 0 and below 1. Default 0.05."
    ),
    related_udf(name = "esd"),
    related_udf(name = "dixon"),
    related_udf(name = "robust_zscore")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Grubbs;

impl CollectedFunction for Grubbs {
    const NAME: &'static str = "grubbs";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("alpha", DataType::Float64)];

    type Row = f64;

    type Output = Struct<OutlierTest>;

    fn bind(&self, call: &Call) -> Result<Formula<f64, Struct<OutlierTest>>> {
        let expected = "a number above 0 and below 1";
        let alpha = call.float("alpha", 0.05, expected, |alpha| alpha > 0.0 && alpha < 1.0)?;
        Ok(Formula::new(move |x: &[f64]| grubbs(x, alpha).map(Struct)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for OutlierTest {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("value", DataType::Float64),
            ("statistic", DataType::Float64),
            ("critical", DataType::Float64),
            ("is_outlier", DataType::Boolean),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        let is_outlier = |record: &Option<Self>| record.map(|test| test.is_outlier());
        vec![
            floats(records, |test| Some(test.value)),
            floats(records, |test| Some(test.statistic)),
            floats(records, |test| Some(test.critical)),
            Arc::new(BooleanArray::from_iter(records.iter().map(is_outlier))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn the_farthest_value_is_tested() {
        let case = Case::new(Collected::udf(Grubbs));
        // NIST/SEMATECH e-Handbook, 1.3.5.17.1: mass spectrometry of uranium.
        let x = [
            199.31,
            199.53,
            200.19,
            f64::NAN,
            200.82,
            201.92,
            201.95,
            202.18,
            245.57,
        ];
        let expected = [
            ("value", 245.57),
            ("statistic", 2.4687646112),
            ("critical", 2.1266450872),
            ("is_outlier", 1.0),
        ];
        case.check_fields(&[values(&x)], Some(&expected), 1e-9);
        case.check_fields(&[values(&[1.0, 2.0])], None, 0.0);
        case.check_fields(&[values(&[0.1; 4])], None, 0.0);
        case.check_fields(&[values(&[])], None, 0.0);
    }

    #[test]
    fn alpha_is_a_chance() {
        let case = Case::with(Collected::udf(Grubbs), vec![1.into()]);
        let error = case.error(&[values(&[1.0])]);
        assert!(
            error.contains("argument `alpha` must be a number above 0 and below 1"),
            "{error}"
        );
    }
}
