//! `acf(value, time, lags)`: the autocorrelations of a signal.
//!
//! | values                         | result                 |
//! |--------------------------------|------------------------|
//! | fewer than two, or all equal   | NULL                   |
//! | too few for so many lags       | the lags there are     |
//! | NULL, NaN, infinity among them | those rows are skipped |

use analytics::statistics::acf;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Autocorrelations of a signal: a list with one record per lag from 0, `lag` and `acf`, for `unnest`. Lags count rows, not time: resample a signal with gaps first. As `statsmodels acf(adjusted=False)`. NULL below two values or when all are equal; fewer lags than asked for when the signal is short.",
    syntax_example = "acf(value, time, lags)",
    sql_example = r#"```sql
SELECT l['lag'] AS lag, l['acf'] AS acf
FROM (SELECT unnest(acf(vibration_g, time, 40)) AS l FROM sensor_data WHERE asset_id = 'M1');
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
        description = "A constant: the last lag, from 1 to 100000."
    ),
    related_udf(name = "pacf"),
    related_udf(name = "ljung_box")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Acf;

impl CollectedFunction for Acf {
    const NAME: &'static str = "acf";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("lags", DataType::Int64)];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Vec<Lag>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Lag>>> {
        let lags = call.count("lags", 10, 1, LAGS_MAX)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let values = acf(&Timed::values(rows), lags)?;
            Some(Lag::records(values))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// More lags than anybody plots.
const LAGS_MAX: usize = 100_000;

/// The correlation of a signal with its own past.
#[derive(Debug)]
pub(crate) struct Lag {
    lag: i64,
    value: f64,
}

impl Lag {
    fn records(values: Vec<f64>) -> Vec<Self> {
        let record = |(lag, value)| Self { lag, value };
        (0..).zip(values).map(record).collect()
    }
}

impl Record for Lag {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![("lag", DataType::Int64), ("acf", DataType::Float64)]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |lag| Some(lag.lag)),
            floats(records, |lag| Some(lag.value)),
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
        Case::with(Collected::udf(Acf), vec![ScalarValue::from(lags)])
    }

    #[test]
    fn every_lag_has_a_record() {
        let x = signal(&[1.0, 2.0, f64::NAN, 3.0, 4.0, 2.5, 0.5]);
        // statsmodels 0.15.0.
        case(2).check_list(
            &x,
            "acf",
            Some(&[1.0, 0.1966666666666667, -0.4866666666666666]),
            1e-9,
        );
        case(2).check_list(&x, "lag", Some(&[0.0, 1.0, 2.0]), 0.0);
        case(50).check_list(
            &signal(&[1.0, 2.0, 4.0, 3.0]),
            "lag",
            Some(&[0.0, 1.0, 2.0, 3.0]),
            0.0,
        );
        case(2).check_list(&signal(&[5.0, 5.0, 5.0]), "lag", None, 0.0);
        case(2).check_list(&signal(&[5.0]), "lag", None, 0.0);
        case(2).check_list(&signal(&[]), "lag", None, 0.0);
    }

    #[test]
    fn lags_are_counted_from_one() {
        let error = case(0).error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("acf: argument `lags` must be a whole number from 1 to 100000"),
            "{error}"
        );
    }
}
