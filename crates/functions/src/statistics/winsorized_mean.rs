//! `winsorized_mean(x[, p])`: the mean with the extremes replaced by the nearest of the others.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | n·p below one                  | the mean          |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::winsorized_mean;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Mean of a signal after the smallest and the largest share `p` of its values have been replaced by the nearest of the others: a centre that outliers do not move far. As `scipy.stats.mstats.winsorize`. NULL without values.",
    syntax_example = "winsorized_mean(x[, p])",
    sql_example = r#"```sql
SELECT date_bin(INTERVAL '1 hour', time) AS hour, winsorized_mean(temperature_c, 0.05) FROM sensor_data GROUP BY hour;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "p",
        description = "A constant: the share on each side, from 0 to below 0.5; the whole part of n·p values is meant. Default 0.1."
    ),
    related_udf(name = "mode"),
    related_udf(name = "mad")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WinsorizedMean;

impl CollectedFunction for WinsorizedMean {
    const NAME: &'static str = "winsorized_mean";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("p", DataType::Float64)];

    type Row = f64;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<f64, f64>> {
        let expected = "a number from 0 to below 0.5";
        let share = call.float("p", 0.1, expected, |p| (0.0..0.5).contains(&p))?;
        Ok(Formula::new(move |x: &[f64]| winsorized_mean(x, share)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn extremes_are_moved() {
        let case = Case::with(Collected::udf(WinsorizedMean), vec![ScalarValue::from(0.2)]);
        let x = [4.0, 1e9, f64::NAN, 2.0, 6.0, -50.0];
        case.check(&[values(&x)], Some(4.0), 1e-12);
        case.check(&[values(&[])], None, 0.0);
        let tenth = Case::new(Collected::udf(WinsorizedMean));
        tenth.check(&[values(&[1.0, 2.0, 6.0])], Some(3.0), 1e-12);
        tenth.check(&[values(&[7.0])], Some(7.0), 0.0);
    }

    #[test]
    fn the_share_must_be_below_one_half() {
        for share in [0.5, -0.1, f64::NAN] {
            let case = Case::with(
                Collected::udf(WinsorizedMean),
                vec![ScalarValue::from(share)],
            );
            let error = case.error(&[values(&[1.0])]);
            let expected = "winsorized_mean: argument `p` must be a number from 0 to below 0.5";
            assert!(error.contains(expected), "{error}");
        }
    }
}
