//! `c3(value, time[, lag])`: the mean of products of three rows, a measure of non-linearity.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | no more than 2·lag                   | NULL                                         |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use analytics::indicators::c3;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Mean of x[i]·x[i+lag]·x[i+2·lag], a measure of non-linearity (Schreiber, Schmitz 1997), as `tsfresh.c3`. NULL unless there are more than 2·lag rows.",
    syntax_example = "c3(value, time[, lag])",
    sql_example = r#"```sql
SELECT asset_id, c3(vibration_g, time, 2) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    argument(
        name = "lag",
        description = "A constant: the distance of the rows, from 1 to 1000000. Default 1."
    ),
    related_udf(name = "time_reversal_asymmetry")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct C3;

impl CollectedFunction for C3 {
    const NAME: &'static str = "c3";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("lag", DataType::Int64)];

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let lag = call.count("lag", 1, 1, 1_000_000)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            c3(&Timed::values(rows), lag)
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
    use crate::collected::testing::{Case, signal};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(C3), options)
    }

    #[test]
    fn rows_in_the_order_of_time_are_multiplied() {
        case(vec![]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(6.4),
            1e-12,
        );
        case(vec![1_i64.into()]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(6.4),
            1e-12,
        );
        case(vec![3_i64.into()]).check(&signal(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), None, 1e-12);
        case(vec![]).check(&signal(&[5.0, 6.0]), None, 1e-12);
        case(vec![]).check(&signal(&[]), None, 1e-12);
    }

    #[test]
    fn a_lag_is_counted_from_one() {
        let error = case(vec![0_i64.into()]).error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("c3: argument `lag` must be a whole number from 1 to 1000000"),
            "{error}"
        );
    }
}
