//! `ljung_box(value, time, lags)`: the Ljung–Box test: whether a signal depends on its past.
//!
//! | values                         | result                 |
//! |--------------------------------|------------------------|
//! | fewer than two, or all equal   | NULL                   |
//! | too few for so many lags       | the lags there are     |
//! | NULL, NaN, infinity among them | those rows are skipped |

use analytics::statistics::{LjungBox, ljung_box};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Ljung–Box test of a signal: a list with one record per number of lags from 1, `lag`, `statistic` and `p`, for `unnest`. A small `p` says that values depend on those up to so many rows before. As `statsmodels` `acorr_ljungbox`. NULL below two values or when all are equal.",
    syntax_example = "ljung_box(value, time, lags)",
    sql_example = r#"```sql
SELECT t['lag'] AS lag, t['p'] AS p
FROM (SELECT unnest(ljung_box(residual, time, 10)) AS t FROM residuals);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the values: a timestamp or an integer such as a cycle number. Rows without a time are skipped; equal times are ordered by value."
    ),
    argument(
        name = "lags",
        description = "A constant: the greatest number of lags, from 1 to 10000."
    ),
    related_udf(name = "acf"),
    related_udf(name = "adf_test")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LjungBoxOf;

impl CollectedFunction for LjungBoxOf {
    const NAME: &'static str = "ljung_box";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("lags", DataType::Int64)];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<LjungBox>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<LjungBox>>> {
        let lags = call.count("lags", 10, 1, LAGS_MAX)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            ljung_box(&Timed::values(rows), lags)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The most lags that are tested.
const LAGS_MAX: usize = 10_000;

impl Record for LjungBox {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("lag", DataType::Int64),
            ("statistic", DataType::Float64),
            ("p", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |test| Some(test.lag as i64)),
            floats(records, |test| Some(test.statistic)),
            floats(records, |test| Some(test.p)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    fn case(lags: i64) -> Case {
        Case::with(Collected::udf(LjungBoxOf), vec![ScalarValue::from(lags)])
    }

    #[test]
    fn every_number_of_lags_is_tested() {
        let x = signal(&[1.0, 2.0, f64::NAN, 3.0, 4.0, 2.5, 0.5]);
        // statsmodels 0.15.0.
        case(2).check_list(
            &x,
            "statistic",
            Some(&[0.37130666666666656, 3.2134399999999994]),
            1e-9,
        );
        case(2).check_list(
            &x,
            "p",
            Some(&[0.5422928829929405, 0.20054432186132004]),
            1e-9,
        );
        case(2).check_list(&x, "lag", Some(&[1.0, 2.0]), 0.0);
        case(2).check_list(&signal(&[5.0, 5.0, 5.0]), "lag", None, 0.0);
        case(2).check_list(&signal(&[5.0]), "lag", None, 0.0);
        case(2).check_list(&signal(&[]), "lag", None, 0.0);
    }

    #[test]
    fn lags_are_counted_from_one() {
        let error = case(0).error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("argument `lags` must be a whole number from 1 to 10000"),
            "{error}"
        );
    }
}
