//! `ttest(x, group[, variances])`: the t test of two samples.
//!
//! | values                                  | result            |
//! |-----------------------------------------|-------------------|
//! | one sample, or none                     | NULL              |
//! | more than two samples                   | an error          |
//! | NULL, NaN, infinity among them          | those are skipped |
//! | neither sample varies                   | NULL              |
//! | fewer than three (Welch: two in either) | NULL              |

use analytics::statistics::{WelchTest, student_test, welch_test};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::samples::two_samples;
use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Labelled, Record, Struct};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "t test of two samples: `statistic`, above 0 when the first sample has the greater mean, `p`, the two-sided p value, and `degrees`, the degrees of freedom. As `scipy.stats.ttest_ind`. NULL with fewer than two samples, too few values, or when neither sample varies.",
    syntax_example = "ttest(x, group[, variances])",
    sql_example = r#"```sql
SELECT test['statistic'], test['p'] FROM (
  SELECT ttest(vibration_g, operating_state = 'RUNNING') AS test FROM sensor_data);
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "group",
        description = "What tells the two samples apart: a boolean, an integer or a text with two different values. The first sample is false, the lesser number or the text that sorts first. More than two are an error, fewer give NULL."
    ),
    argument(
        name = "variances",
        description = "A constant. `'equal'` (the default, as SciPy's): Student's test. `'unequal'`: Welch's test, which is right for variances that differ."
    ),
    related_udf(name = "ks_test"),
    related_udf(name = "mannwhitney")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TTest;

impl CollectedFunction for TTest {
    const NAME: &'static str = "ttest";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("variances", DataType::Utf8)];

    type Row = Labelled;

    type Output = Struct<WelchTest>;

    fn bind(&self, call: &Call) -> Result<Formula<Labelled, Struct<WelchTest>>> {
        let is_equal = call.word("variances", &[("equal", true), ("unequal", false)])?;
        let test = if is_equal { student_test } else { welch_test };
        Ok(Formula::fallible(move |rows: &[Labelled]| {
            let samples = two_samples(Self::NAME, rows)?;
            Ok(samples.and_then(|(a, b)| test(&a, &b)).map(Struct))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for WelchTest {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["statistic", "p", "degrees"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |test| Some(test.statistic)),
            floats(records, |test| Some(test.p)),
            floats(records, |test| Some(test.degrees)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};

    fn check(variances: &str, x: &[f64], groups: &[i64], expected: Option<&[(&str, f64)]>) {
        let case = Case::with(Collected::udf(TTest), vec![ScalarValue::from(variances)]);
        case.check_fields(
            &[values(x), integers(groups.iter().copied())],
            expected,
            1e-9,
        );
    }

    #[test]
    fn means_are_compared() {
        let x = [1.0, 2.0, 3.0, 2.0, 4.0, f64::NAN, 6.0];
        let groups = [0, 0, 0, 1, 1, 1, 1];
        // scipy.stats 1.17.1.
        let student = [
            ("statistic", -1.549193338482967),
            ("p", 0.19626117814926966),
            ("degrees", 4.0),
        ];
        check("equal", &x, &groups, Some(&student));
        let welch = [
            ("statistic", -1.549193338482967),
            ("p", 0.22088084049409593),
            ("degrees", 2.9411764705882355),
        ];
        check("unequal", &x, &groups, Some(&welch));
        check("equal", &[1.0, 1.0, 2.0, 2.0], &[0, 0, 1, 1], None);
        check("unequal", &[1.0, 2.0, 3.0], &[0, 1, 1], None);
        check("equal", &[1.0, 2.0], &[0, 0], None);
        check("equal", &[], &[], None);
    }

    #[test]
    fn variances_are_equal_or_not() {
        let case = Case::with(Collected::udf(TTest), vec![ScalarValue::from("maybe")]);
        let error = case.error(&[values(&[1.0, 2.0]), integers([0, 1])]);
        assert!(
            error.contains("`variances` must be one of 'equal', 'unequal'"),
            "{error}"
        );
    }

    #[test]
    fn more_than_two_samples_are_refused() {
        let case = Case::new(Collected::udf(TTest));
        let error = case.error(&[values(&[1.0, 2.0, 3.0]), integers([1, 2, 3])]);
        assert!(
            error.contains("ttest: the group has more than two samples"),
            "{error}"
        );
    }
}
