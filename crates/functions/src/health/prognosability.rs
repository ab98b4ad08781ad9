//! `prognosability(value, time, run)`: how much alike the values are at which several runs fail, 0 to 1.
//!
//! | rows                                    | result                     |
//! |-----------------------------------------|----------------------------|
//! | fewer than two runs                     | NULL                       |
//! | every run ends where it began           | NULL: a ratio to zero      |
//! | NULL, NaN, infinity in value, NULL in time or run | skipped          |

use analytics::health::prognosability;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::tracked::{Tracked, runs};
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Health"),
    description = "How much alike the values are at which several runs fail: `exp(-std(last) / mean(abs(first - last)))` over the runs' first and last values, with the sample standard deviation. 1 when all fail at one value, so that it can serve as a threshold. As MATLAB's `prognosability` (Coble and Hines 2009). NULL below two runs, or when every run ends where it began.",
    syntax_example = "prognosability(value, time, run)",
    sql_example = r#"```sql
SELECT signal, prognosability(value, time, run) FROM run_to_failure GROUP BY signal;
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
    related_udf(name = "trendability")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Prognosability;

impl CollectedFunction for Prognosability {
    const NAME: &'static str = "prognosability";

    type Row = Tracked;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Tracked, f64>> {
        Ok(Formula::new(|rows: &[Tracked]| {
            let ends = |run: &[Tracked]| Some((run.first()?.value, run.last()?.value));
            let ends: Vec<(f64, f64)> = runs(rows).filter_map(ends).collect();
            prognosability(&ends)
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
            Case::new(Collected::udf(Prognosability)).check(&columns, expected, 1e-12);
        }
    }

    #[test]
    fn runs_are_compared() {
        check(&[&[0.0, 3.0, 10.0], &[2.0, 10.0]], Some(1.0));
        // σ of 10 and 12 is √2, the mean range 11.
        check(
            &[&[0.0, 10.0], &[0.0, 12.0]],
            Some((-(2.0_f64.sqrt()) / 11.0).exp()),
        );
        check(&[&[1.0, 5.0, 1.0], &[2.0, 2.0]], None);
        check(&[&[1.0, 5.0]], None);
        check(&[], None);
    }
}
