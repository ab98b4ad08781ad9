//! `kpss_test(value, time[, regression[, lags]])`: the KPSS test of stationarity.
//!
//! | values                         | result                 |
//! |--------------------------------|------------------------|
//! | too few, or all equal          | NULL                   |
//! | explained without error        | NULL                   |
//! | NULL, NaN, infinity among them | those rows are skipped |

use analytics::statistics::{Deterministic, KpssTest, kpss_test};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "KPSS test of a signal: `statistic`; `p`, small when the signal is *not* stationary, between 0.01 and 0.1 as the published table has no more; `lags`, how many autocovariances were used. As `statsmodels` `kpss`. NULL below three values or when the signal does not vary.",
    syntax_example = "kpss_test(value, time[, regression[, lags]])",
    sql_example = r#"```sql
SELECT asset_id, test['p'] FROM (SELECT asset_id, kpss_test(temperature_c, time) AS test FROM hourly GROUP BY asset_id);
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
        name = "regression",
        description = "A constant: what the signal may vary about. `'c'`: a constant level; `'ct'`: a straight line. Default `'c'`."
    ),
    argument(
        name = "lags",
        description = "A constant: how many autocovariances to use, 0 to 1000. Default: as Hobijn, Franses and Ooms (1998) advise."
    ),
    related_udf(name = "adf_test"),
    related_udf(name = "ljung_box")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct KpssTestOf;

impl CollectedFunction for KpssTestOf {
    const NAME: &'static str = "kpss_test";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("regression", DataType::Utf8), ("lags", DataType::Int64)];

    type Row = Timed;

    type Output = Struct<KpssTest>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<KpssTest>>> {
        let about = call.word(
            "regression",
            &[("c", Deterministic::Constant), ("ct", Deterministic::Trend)],
        )?;
        let lags = match call.option("lags") {
            None => None,
            Some(_) => Some(call.count("lags", 0, 0, LAGS_MAX)?),
        };
        Ok(Formula::new(move |rows: &[Timed]| {
            kpss_test(&Timed::values(rows), about, lags).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The most lags: each is a column of a regression or a pass over the signal.
const LAGS_MAX: usize = 1000;

impl Record for KpssTest {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("statistic", DataType::Float64),
            ("p", DataType::Float64),
            ("lags", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |test| Some(test.statistic)),
            floats(records, |test| Some(test.p)),
            integers(records, |test| Some(test.lags as i64)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    #[test]
    fn a_drift_is_told_from_none() {
        let case = Case::new(Collected::udf(KpssTestOf));
        let x: Vec<f64> = (0..40_i32)
            .map(|i| f64::from(i * i % 11) + 0.1 * f64::from(i))
            .collect();
        // statsmodels 0.15.0.
        case.check_fields(
            &signal(&x),
            Some(&[
                ("statistic", 0.6346127134977072),
                ("p", 0.01948975331839025),
                ("lags", 0.0),
            ]),
            1e-7,
        );
        case.check_fields(&signal(&[5.0; 30]), None, 0.0);
        case.check_fields(&signal(&[5.0, 6.0]), None, 0.0);
        case.check_fields(&signal(&[]), None, 0.0);
    }

    #[test]
    fn options_choose_the_regression() {
        let options = vec![ScalarValue::from("ct"), ScalarValue::from(2_i64)];
        let case = Case::with(Collected::udf(KpssTestOf), options);
        let x: Vec<f64> = (0..40_i32)
            .map(|i| f64::from(i * i % 11) + 0.1 * f64::from(i))
            .collect();
        case.check_fields(
            &signal(&x),
            Some(&[
                ("statistic", 0.028290541003757236),
                ("p", 0.1),
                ("lags", 2.0),
            ]),
            1e-7,
        );
        let wrong = Case::with(Collected::udf(KpssTestOf), vec![ScalarValue::from("x")]);
        let error = wrong.error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("argument `regression` must be one of 'c', 'ct'"),
            "{error}"
        );
        let wrong = vec![ScalarValue::from("c"), ScalarValue::from(-1_i64)];
        let error = Case::with(Collected::udf(KpssTestOf), wrong).error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("argument `lags` must be a whole number from 0 to 1000"),
            "{error}"
        );
    }
}
