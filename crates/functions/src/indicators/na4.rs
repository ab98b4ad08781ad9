//! `na4(value, time, mesh[, variance[, harmonics]])`: the fourth moment of what is left without the mesh over the squared variance of healthy records.
//!
//! | rows                                            | result  |
//! |-------------------------------------------------|---------|
//! | fewer than eight                                | NULL    |
//! | irregular times (1 % of steps off by over 10 %) | NULL    |
//! | the mesh frequency is not within the band       | NULL    |
//! | nothing but the mesh, or all equal              | NULL    |
//! | NULL, NaN, infinity in value or time            | skipped |

use analytics::indicators::na4;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::gear::{COUNT_MAX, Gear};
use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "NA4 of a gear (Zakrajsek, Townsend, Decker, NASA TM-105950, 1993): the fourth moment of the residual signal, which is the record without its mean and the harmonics of the mesh frequency, over the square of `variance`, the mean variance of the residuals of the records so far. It rises with damage and, unlike FM4, goes on rising as the damage spreads.",
    syntax_example = "na4(value, time, mesh[, variance[, harmonics]])",
    sql_example = r#"```sql
SELECT asset_id, na4(vibration_g, time, 533.3) FROM gearbox_records GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The vibration, averaged in step with the shaft over whole turns, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "The times of the rows, a timestamp or an integer, at even steps: if more than 1 % of the steps differ by over 10 % from the median, the result is NULL."
    ),
    argument(
        name = "mesh",
        description = "The mesh frequency, teeth times turns: a constant number, in hertz or, where times are integers, per unit of them."
    ),
    argument(
        name = "variance",
        description = "The mean variance of the residuals of healthy records: a constant number above 0, or NULL. Default: the variance of this record, as for the first one."
    ),
    argument(
        name = "harmonics",
        description = "How many harmonics of the mesh frequency count: a constant from 1 to 20. Default 3."
    ),
    related_udf(name = "fm4"),
    related_udf(name = "fm0"),
    related_udf(name = "kurtosis")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Na4;

impl CollectedFunction for Na4 {
    const NAME: &'static str = "na4";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("mesh", DataType::Float64),
        ("variance", DataType::Float64),
        ("harmonics", DataType::Int64),
    ];

    const REQUIRED: usize = 1;

    const COUNT_MAX: usize = COUNT_MAX;

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let gear = Gear::of(call)?;
        let variance = call.optional_float("variance", "a number above 0, or NULL", |v| v > 0.0)?;
        Ok(gear.formula(move |values, mesh| na4(values, mesh, variance)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::super::gear::testing::{record, timed};
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(Na4), options)
    }

    // Expected: numpy 2.4.6, with the lines taken out of a Fourier transform.
    #[test]
    fn what_is_left_is_compared_with_healthy_records() {
        let columns = signal(&record());
        case(vec![0.125_f64.into(), 0.25_f64.into()]).check(
            &columns,
            Some(0.6232192713741218),
            1e-9,
        );
        // The same at 64 rows a second.
        case(vec![8.0_f64.into(), 0.25_f64.into()]).check(
            &timed(64.0),
            Some(0.6232192713741218),
            1e-6,
        );
    }

    #[test]
    fn records_must_be_regular_and_long_enough() {
        let mut columns = signal(&record());
        columns[1] = crate::collected::testing::integers((0..128).map(|i| i * i));
        case(vec![0.125_f64.into(), 0.25_f64.into()]).check(&columns, None, 0.0);
        case(vec![0.125_f64.into(), 0.25_f64.into()]).check(&signal(&[1.0, 2.0, 3.0]), None, 0.0);
        case(vec![0.125_f64.into(), 0.25_f64.into()]).check(&signal(&[5.0; 64]), None, 0.0);
        case(vec![0.125_f64.into(), 0.25_f64.into()]).check(&signal(&[]), None, 0.0);
    }

    #[test]
    fn frequencies_must_make_sense() {
        let error = case(vec![0.0_f64.into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("argument `mesh` must be a number above 0, not 0"),
            "{error}"
        );
    }

    #[test]
    fn a_record_can_be_compared_with_itself() {
        let columns = signal(&record());
        case(vec![0.125_f64.into()]).check(&columns, Some(36.97089983181905), 1e-9);
    }
}
