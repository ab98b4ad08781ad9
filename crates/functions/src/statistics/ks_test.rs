//! `ks_test(x, group)`: the Kolmogorov–Smirnov test of two samples.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | one sample, or none            | NULL              |
//! | more than two samples          | an error          |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::{Test, ks_test};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::samples::two_samples;
use crate::collected::{Call, CollectedFunction, Formula, Labelled, Struct};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Kolmogorov–Smirnov test of two samples: `statistic`, the greatest distance between their distribution functions, and `p`, the two-sided p value: small when the distributions differ in whatever way. As `scipy.stats.ks_2samp`: exact up to 10000 values, Kolmogorov's limit beyond. NULL with fewer than two samples.",
    syntax_example = "ks_test(x, group)",
    sql_example = r#"```sql
SELECT test['statistic'], test['p'] FROM (
  SELECT ks_test(vibration_g, operating_state = 'RUNNING') AS test FROM sensor_data);
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "group",
        description = "What tells the two samples apart: a boolean, an integer or a text with two different values. The first sample is false, the lesser number or the text that sorts first. More than two are an error, fewer give NULL."
    ),
    related_udf(name = "anderson"),
    related_udf(name = "mannwhitney"),
    related_udf(name = "wasserstein")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct KsTest;

impl CollectedFunction for KsTest {
    const NAME: &'static str = "ks_test";

    type Row = Labelled;

    type Output = Struct<Test>;

    fn bind(&self, _call: &Call) -> Result<Formula<Labelled, Struct<Test>>> {
        Ok(Formula::fallible(|rows: &[Labelled]| {
            let samples = two_samples(Self::NAME, rows)?;
            Ok(samples.and_then(|(a, b)| ks_test(&a, &b)).map(Struct))
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
    use crate::collected::testing::{Case, integers, values};

    #[test]
    fn distribution_functions_are_compared() {
        let case = Case::new(Collected::udf(KsTest));
        let x = values(&[1.0, 4.0, 2.0, 5.0, f64::NAN, 3.0, 6.0]);
        let columns = [x, integers([0, 1, 0, 1, 1, 0, 1])];
        case.check_fields(&columns, Some(&[("statistic", 1.0), ("p", 0.1)]), 1e-9);
        let same = [values(&[1.0, 1.0]), integers([0, 1])];
        case.check_fields(&same, Some(&[("statistic", 0.0), ("p", 1.0)]), 0.0);
        case.check_fields(&[values(&[1.0, 2.0]), integers([0, 0])], None, 0.0);
        case.check_fields(&[values(&[]), integers([])], None, 0.0);
    }

    #[test]
    fn more_than_two_samples_are_refused() {
        let case = Case::new(Collected::udf(KsTest));
        let error = case.error(&[values(&[1.0, 2.0, 3.0]), integers([1, 2, 3])]);
        assert!(
            error.contains("ks_test: the group has more than two samples"),
            "{error}"
        );
    }
}
