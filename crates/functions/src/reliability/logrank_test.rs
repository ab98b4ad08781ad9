//! `logrank_test(duration, failed, group)`: whether groups last equally long.
//!
//! | lifetimes                                              | result   |
//! |--------------------------------------------------------|----------|
//! | fewer than two groups, or no failure                   | NULL     |
//! | NULL, NaN, infinity in a column                        | skipped  |

use analytics::reliability::{LogRank, logrank_test};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::judged::Grouped;
use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct};

/// More groups than this make a covariance that takes too long to build at every failure.
const GROUPS_MAX: usize = 50;

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Log-rank test of whether two or more groups last equally long: `statistic`, which is chi-squared with `df` degrees of freedom, and `p`, the chance of such a difference without one. As `lifelines.statistics.multivariate_logrank_test`. NULL below two groups or without failures. At most 50 groups.",
    syntax_example = "logrank_test(duration, failed, group)",
    sql_example = r#"```sql
SELECT logrank_test(hours, failed, supplier)['p'] FROM lifetimes;
```"#,
    argument(
        name = "duration",
        description = "How long something lasted, or had lasted when it was last looked at, in any unit. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "failed",
        description = "Whether it failed then, true or false or a number that is not 0; if not, it is censored."
    ),
    argument(
        name = "group",
        description = "Which group it belongs to: an integer, a text or a boolean."
    ),
    related_udf(name = "kaplan_meier"),
    related_udf(name = "concordance_index")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LogRankTest;

impl CollectedFunction for LogRankTest {
    const NAME: &'static str = "logrank_test";

    type Row = Grouped;

    type Output = Struct<LogRank>;

    fn bind(&self, _call: &Call) -> Result<Formula<Grouped, Struct<LogRank>>> {
        Ok(Formula::fallible(|rows: &[Grouped]| {
            let groups = rows.chunk_by(|a, b| a.group == b.group);
            let groups: Vec<Vec<_>> = groups
                .map(|group| group.iter().map(|row| row.life).collect())
                .collect();
            if groups.len() > GROUPS_MAX {
                return exec_err!("logrank_test: more than {GROUPS_MAX} groups");
            }
            Ok(logrank_test(&groups).map(Struct))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for LogRank {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("statistic", DataType::Float64),
            ("p", DataType::Float64),
            ("df", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |test| Some(test.statistic)),
            floats(records, |test| Some(test.p)),
            integers(records, |test| Some(test.degrees as i64)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, StringArray};

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn groups_are_compared() {
        let case = Case::new(Collected::udf(LogRankTest));
        let durations = || {
            values(&[
                6.0,
                7.0,
                10.0,
                15.0,
                19.0,
                25.0,
                1.0,
                2.0,
                3.0,
                8.0,
                11.0,
                f64::NAN,
            ])
        };
        let failed: ArrayRef = Arc::new(BooleanArray::from(
            [1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1]
                .map(|flag| flag == 1)
                .to_vec(),
        ));
        let names: ArrayRef = Arc::new(StringArray::from_iter_values(
            (0..12).map(|row| if row < 6 { "a" } else { "b" }),
        ));
        // lifelines 0.30.3.
        let expected = [
            ("statistic", 3.21591526685381),
            ("p", 0.07292539620489363),
            ("df", 1.0),
        ];
        let columns = [durations(), Arc::clone(&failed), names];
        case.check_fields(&columns, Some(&expected), 1e-9);
        let one: ArrayRef = Arc::new(StringArray::from_iter_values(["a"; 12]));
        case.check_fields(&[durations(), failed, one], None, 0.0);
        let names: ArrayRef = Arc::new(StringArray::from_iter_values([""; 0]));
        case.check_fields(&[values(&[]), values(&[]), names], None, 0.0);
    }
}
