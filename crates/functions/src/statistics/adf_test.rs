//! `adf_test(value, time[, regression[, max_lags]])`: the augmented Dickey–Fuller test of a unit root.
//!
//! | values                         | result                 |
//! |--------------------------------|------------------------|
//! | too few, or all equal          | NULL                   |
//! | explained without error        | NULL                   |
//! | NULL, NaN, infinity among them | those rows are skipped |

use analytics::statistics::{AdfTest, Deterministic, adf_test};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{
    Call, CollectedFunction, Formula, QUADRATIC_COUNT_MAX, Record, Struct, Timed,
};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Augmented Dickey–Fuller test of a signal: `statistic`; `p`, small when the signal is stationary (has no unit root); `lags`, how many lagged differences were used, chosen by Akaike's criterion; `count`, rows of the regression. As `statsmodels` `adfuller`. NULL when the signal is too short, does not vary, or is explained without error. At most 20000 rows per group.",
    syntax_example = "adf_test(value, time[, regression[, max_lags]])",
    sql_example = r#"```sql
SELECT asset_id, test['p'] FROM (SELECT asset_id, adf_test(temperature_c, time) AS test FROM hourly GROUP BY asset_id);
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
        description = "A constant: what the signal may vary about. `'c'`: a constant level; `'ct'`: a straight line; `'n'`: zero. Default `'c'`."
    ),
    argument(
        name = "max_lags",
        description = "A constant: the most lagged differences to consider, 0 to 100. Default: 12·(n/100)^¼."
    ),
    related_udf(name = "kpss_test"),
    related_udf(name = "ljung_box")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AdfTestOf;

impl CollectedFunction for AdfTestOf {
    const NAME: &'static str = "adf_test";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("regression", DataType::Utf8),
        ("max_lags", DataType::Int64),
    ];

    const COUNT_MAX: usize = QUADRATIC_COUNT_MAX;

    type Row = Timed;

    type Output = Struct<AdfTest>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<AdfTest>>> {
        let about = call.word(
            "regression",
            &[
                ("c", Deterministic::Constant),
                ("ct", Deterministic::Trend),
                ("n", Deterministic::None),
            ],
        )?;
        let lags = match call.option("max_lags") {
            None => None,
            Some(_) => Some(call.count("max_lags", 0, 0, LAGS_MAX)?),
        };
        Ok(Formula::new(move |rows: &[Timed]| {
            adf_test(&Timed::values(rows), about, lags).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The most lags: each is a column of a regression, whose cost grows with the square of their number.
const LAGS_MAX: usize = 100;

impl Record for AdfTest {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("statistic", DataType::Float64),
            ("p", DataType::Float64),
            ("lags", DataType::Int64),
            ("count", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |test| Some(test.statistic)),
            floats(records, |test| Some(test.p)),
            integers(records, |test| Some(test.lags as i64)),
            integers(records, |test| Some(test.count as i64)),
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
    fn a_unit_root_is_told_from_none() {
        let case = Case::new(Collected::udf(AdfTestOf));
        let x: Vec<f64> = (0..40_i32)
            .map(|i| f64::from(i * i * i % 101) + 0.1 * f64::from(i))
            .collect();
        // statsmodels 0.15.0.
        case.check_fields(
            &signal(&x),
            Some(&[
                ("statistic", -6.270869341096557),
                ("p", 4.007418629305964e-08),
                ("lags", 0.0),
                ("count", 39.0),
            ]),
            1e-7,
        );
        let periodic: Vec<f64> = (0..40_i32).map(|i| f64::from(i * i % 11)).collect();
        case.check_fields(&signal(&periodic), None, 0.0);
        case.check_fields(&signal(&[5.0; 30]), None, 0.0);
        case.check_fields(&signal(&[5.0, 6.0]), None, 0.0);
        case.check_fields(&signal(&[]), None, 0.0);
    }

    #[test]
    fn options_choose_the_regression() {
        let options = vec![ScalarValue::from("ct"), ScalarValue::from(2_i64)];
        let case = Case::with(Collected::udf(AdfTestOf), options);
        let x: Vec<f64> = (0..40_i32)
            .map(|i| f64::from(i * i * i % 101) + 0.1 * f64::from(i))
            .collect();
        case.check_fields(
            &signal(&x),
            Some(&[
                ("statistic", -7.22040051166655),
                ("p", 4.45829948845071e-09),
                ("lags", 0.0),
                ("count", 39.0),
            ]),
            1e-7,
        );
        let wrong = Case::with(Collected::udf(AdfTestOf), vec![ScalarValue::from("x")]);
        let error = wrong.error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("argument `regression` must be one of 'c', 'ct'"),
            "{error}"
        );
        let wrong = vec![ScalarValue::from("c"), ScalarValue::from(-1_i64)];
        let error = Case::with(Collected::udf(AdfTestOf), wrong).error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("argument `max_lags` must be a whole number from 0 to 100"),
            "{error}"
        );
    }
}
