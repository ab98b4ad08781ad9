//! `trendability(value, time, run)`: how alike the shapes of an indicator are over several runs, 0 to 1.
//!
//! | rows                                    | result                     |
//! |-----------------------------------------|----------------------------|
//! | fewer than two runs of two or more times | NULL                      |
//! | a run in which the value never varies   | NULL: no correlation       |
//! | NULL, NaN, infinity in value, NULL in time or run | skipped          |

use analytics::health::{Run, trendability};
use datafusion_common::{Result, exec_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::tracked::{Tracked, runs};
use crate::collected::{Call, CollectedFunction, Formula};

/// More runs than this are compared for longer than a query should take.
const RUNS_MAX: usize = 200;

fn run(rows: &[Tracked]) -> Run {
    // From the first row on, so that nanoseconds since 1970 are told apart.
    let first = rows.first().map_or(0, |row| row.time);
    let time = |row: &Tracked| (i128::from(row.time) - i128::from(first)) as f64;
    Run {
        times: rows.iter().map(time).collect(),
        values: rows.iter().map(|row| row.value).collect(),
    }
}

#[user_doc(
    doc_section(label = "Health"),
    description = "How alike the shapes of an indicator are over several runs to failure: the least correlation, without its sign, between any two of them over the shares of their lives; of two runs the one with fewer rows is interpolated. 1 when all runs have one shape. As MATLAB's `trendability` (Coble and Hines 2009). NULL below two runs of two or more rows, or when one does not vary. At most 200 runs.",
    syntax_example = "trendability(value, time, run)",
    sql_example = r#"```sql
SELECT signal, trendability(value, time, run) FROM run_to_failure GROUP BY signal;
```"#,
    argument(
        name = "value",
        description = "The indicator, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    argument(
        name = "run",
        description = "Which run the row belongs to: an integer, a text or a boolean."
    ),
    related_udf(name = "monotonicity"),
    related_udf(name = "prognosability")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Trendability;

impl CollectedFunction for Trendability {
    const NAME: &'static str = "trendability";

    type Row = Tracked;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Tracked, f64>> {
        Ok(Formula::fallible(|rows: &[Tracked]| {
            let runs: Vec<Run> = runs(rows).map(run).collect();
            if runs.len() > RUNS_MAX {
                return exec_err!("trendability: more than {RUNS_MAX} runs in one group");
            }
            Ok(trendability(&runs))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};

    /// Checks runs, each with times 0, 1, 2, …, named by numbers and by texts.
    fn check(runs: &[&[f64]], expected: Option<f64>) {
        let row = |(run, series): (usize, &&[f64])| {
            let row = move |(time, value): (usize, &f64)| (*value, time as i64, run as i64);
            series.iter().enumerate().map(row).collect::<Vec<_>>()
        };
        let rows: Vec<(f64, i64, i64)> = runs.iter().enumerate().flat_map(row).collect();
        let series: Vec<f64> = rows.iter().map(|row| row.0).collect();
        let numbers = integers(rows.iter().map(|row| row.2));
        let names = rows.iter().map(|row| format!("run {}", row.2));
        let names: ArrayRef = Arc::new(StringArray::from_iter_values(names));
        for run in [numbers, names] {
            let columns = [values(&series), integers(rows.iter().map(|row| row.1)), run];
            Case::new(Collected::udf(Trendability)).check(&columns, expected, 1e-12);
        }
    }

    #[test]
    fn runs_are_compared() {
        check(
            &[&[0.0, 1.0, 2.0, 3.0, 4.0], &[10.0, 30.0, 50.0]],
            Some(1.0),
        );
        // numpy 2.4.6: corrcoef over interp.
        let bent = [0.0, 0.1, 0.3, 1.0, 2.5, 6.0];
        check(
            &[&[0.0, 1.0, 2.0, 3.0, 4.0], &[10.0, 30.0, 50.0], &bent],
            Some(0.8715407622612449),
        );
        check(&[&[0.0, 1.0], &[5.0, 5.0]], None);
        check(&[&[0.0, 1.0], &[5.0]], None);
        check(&[&[0.0, 1.0]], None);
        check(&[], None);
    }
}
