//! `fm0(value, time, mesh[, harmonics])`: peak to peak over the amplitudes at the mesh frequency, which heavy gear damage raises.
//!
//! | rows                                            | result  |
//! |-------------------------------------------------|---------|
//! | fewer than eight                                | NULL    |
//! | irregular times (1 % of steps off by over 10 %) | NULL    |
//! | the mesh frequency is not within the band       | NULL    |
//! | NULL, NaN, infinity in value or time            | skipped |
//! | all equal                                       | NULL    |

use analytics::indicators::fm0;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::gear::{COUNT_MAX, Gear};
use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "FM0 of a gear (Stewart 1977): peak to peak over the sum of the amplitudes at the mesh frequency and its harmonics. It rises with heavy damage, such as a broken tooth or general wear.",
    syntax_example = "fm0(value, time, mesh[, harmonics])",
    sql_example = r#"```sql
SELECT asset_id, fm0(vibration_g, time, 533.3) FROM gearbox_records GROUP BY asset_id;
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
        name = "harmonics",
        description = "How many harmonics of the mesh frequency count: a constant from 1 to 20. Default 3."
    ),
    related_udf(name = "fm4"),
    related_udf(name = "na4"),
    related_udf(name = "peak_to_peak")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fm0;

impl CollectedFunction for Fm0 {
    const NAME: &'static str = "fm0";

    const OPTIONS: &'static [(&'static str, DataType)] =
        &[("mesh", DataType::Float64), ("harmonics", DataType::Int64)];

    const REQUIRED: usize = 1;

    const COUNT_MAX: usize = COUNT_MAX;

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let gear = Gear::of(call)?;
        Ok(gear.formula(fm0))
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
        Case::with(Collected::udf(Fm0), options)
    }

    // Expected: numpy 2.4.6, with the lines taken out of a Fourier transform.
    #[test]
    fn peaks_are_compared_with_the_mesh() {
        let columns = signal(&record());
        case(vec![0.125_f64.into()]).check(&columns, Some(2.10770223897161), 1e-9);
        // The same at 64 rows a second.
        case(vec![8.0_f64.into()]).check(&timed(64.0), Some(2.10770223897161), 1e-6);
    }

    #[test]
    fn records_must_be_regular_and_long_enough() {
        let mut columns = signal(&record());
        columns[1] = crate::collected::testing::integers((0..128).map(|i| i * i));
        case(vec![0.125_f64.into()]).check(&columns, None, 0.0);
        case(vec![0.125_f64.into()]).check(&signal(&[1.0, 2.0, 3.0]), None, 0.0);
        case(vec![0.125_f64.into()]).check(&signal(&[5.0; 64]), None, 0.0);
        case(vec![0.125_f64.into()]).check(&signal(&[]), None, 0.0);
    }

    #[test]
    fn frequencies_must_make_sense() {
        let error = case(vec![0.0_f64.into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("argument `mesh` must be a number above 0, not 0"),
            "{error}"
        );
    }
}
