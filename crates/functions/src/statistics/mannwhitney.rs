//! `mannwhitney(x, group)`: the Mann–Whitney U test of two samples.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | one sample, or none            | NULL              |
//! | more than two samples          | an error          |
//! | NULL, NaN, infinity among them | those are skipped |
//! | all equal                      | p = 1             |

use analytics::statistics::{Test, mannwhitney};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::samples::two_samples;
use crate::collected::{Call, CollectedFunction, Formula, Labelled, Struct};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Mann–Whitney U test of two samples: `statistic`, U of the first sample, and `p`, the two-sided p value: small when values of one sample tend to be greater. As `scipy.stats.mannwhitneyu`: exact for small samples without ties, otherwise normal. NULL with fewer than two samples.",
    syntax_example = "mannwhitney(x, group)",
    sql_example = r#"```sql
SELECT test['statistic'], test['p'] FROM (
  SELECT mannwhitney(vibration_g, operating_state = 'RUNNING') AS test FROM sensor_data);
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "group",
        description = "What tells the two samples apart: a boolean, an integer or a text with two different values. The first sample is false, the lesser number or the text that sorts first. More than two are an error, fewer give NULL."
    ),
    related_udf(name = "ks_test"),
    related_udf(name = "ttest")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MannWhitney;

impl CollectedFunction for MannWhitney {
    const NAME: &'static str = "mannwhitney";

    type Row = Labelled;

    type Output = Struct<Test>;

    fn bind(&self, _call: &Call) -> Result<Formula<Labelled, Struct<Test>>> {
        Ok(Formula::fallible(|rows: &[Labelled]| {
            let samples = two_samples(Self::NAME, rows)?;
            Ok(samples.and_then(|(a, b)| mannwhitney(&a, &b)).map(Struct))
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
    fn ranks_are_compared() {
        let case = Case::new(Collected::udf(MannWhitney));
        let x = values(&[1.0, 4.0, 2.0, 5.0, f64::NAN, 3.0, 6.0]);
        let columns = [x, integers([1, 0, 1, 0, 1, 1, 0])];
        case.check_fields(&columns, Some(&[("statistic", 9.0), ("p", 0.1)]), 1e-9);
        let same = [values(&[1.0, 1.0]), integers([0, 1])];
        case.check_fields(&same, Some(&[("statistic", 0.5), ("p", 1.0)]), 0.0);
        case.check_fields(&[values(&[1.0, 2.0]), integers([0, 0])], None, 0.0);
        case.check_fields(&[values(&[]), integers([])], None, 0.0);
    }

    #[test]
    fn more_than_two_samples_are_refused() {
        let case = Case::new(Collected::udf(MannWhitney));
        let error = case.error(&[values(&[1.0, 2.0, 3.0]), integers([1, 2, 3])]);
        assert!(
            error.contains("mannwhitney: the group has more than two samples"),
            "{error}"
        );
    }
}
