//! `anderson(x, group)`: the Anderson–Darling test of two or more samples.
//!
//! | values                               | result            |
//! |--------------------------------------|-------------------|
//! | one sample, or none                  | NULL              |
//! | fewer than five in all, or all equal | NULL              |
//! | more than 100 samples               | an error          |
//! | NULL, NaN, infinity among them       | those are skipped |

use analytics::statistics::{Test, anderson};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::samples::samples;
use crate::collected::{Call, CollectedFunction, Formula, Labelled, Struct};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Anderson–Darling test of two or more samples: `statistic`, normalized, and `p`, between 0.001 and 0.25 as the published table has no more: small when the distributions differ; more sensitive in the tails than `ks_test`. As `scipy.stats.anderson_ksamp` with midranks. NULL with fewer than two samples, fewer than five values, or when all are equal.",
    syntax_example = "anderson(x, group)",
    sql_example = r#"```sql
SELECT test['statistic'], test['p'] FROM (SELECT anderson(vibration_g, asset_id) AS test FROM sensor_data);
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "group",
        description = "What tells the samples apart: a boolean, an integer or a text, with at most 100 different values."
    ),
    related_udf(name = "ks_test"),
    related_udf(name = "mannwhitney")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Anderson;

impl CollectedFunction for Anderson {
    const NAME: &'static str = "anderson";

    type Row = Labelled;

    type Output = Struct<Test>;

    fn bind(&self, _call: &Call) -> Result<Formula<Labelled, Struct<Test>>> {
        Ok(Formula::fallible(|rows: &[Labelled]| {
            let samples = samples(Self::NAME, rows, SAMPLES_MAX)?;
            let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
            Ok(anderson(&samples).map(Struct))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// Every distinct value is compared with every sample.
const SAMPLES_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};

    #[test]
    fn distributions_are_compared() {
        let case = Case::new(Collected::udf(Anderson));
        let x = values(&[1.0, 4.0, 2.0, 5.0, f64::NAN, 3.0, 6.0]);
        let columns = [x, integers([0, 1, 0, 1, 1, 0, 1])];
        // scipy.stats 1.17.1.
        case.check_fields(
            &columns,
            Some(&[
                ("statistic", 2.6332335269661775),
                ("p", 0.027147178465657357),
            ]),
            1e-7,
        );
        let three = [
            values(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            integers([1, 1, 2, 2, 3, 3]),
        ];
        case.check_fields(&three, Some(&[("statistic", 2.3022404137859267)]), 1e-7);
        case.check_fields(
            &[values(&[1.0; 6]), integers([0, 1, 0, 1, 0, 1])],
            None,
            0.0,
        );
        case.check_fields(&[values(&[1.0, 2.0]), integers([0, 1])], None, 0.0);
        case.check_fields(&[values(&[]), integers([])], None, 0.0);
    }

    #[test]
    fn too_many_samples_are_refused() {
        let x: Vec<f64> = (0..101).map(f64::from).collect();
        let error = Case::new(Collected::udf(Anderson)).error(&[values(&x), integers(0..101)]);
        assert!(
            error.contains("anderson: the group has more than 100 samples"),
            "{error}"
        );
    }
}
