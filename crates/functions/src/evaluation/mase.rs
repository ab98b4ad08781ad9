//! `mase(actual, predicted, time[, season])`: the mean absolute error over that of repeating what was.
//!
//! | rows                                          | result                  |
//! |-----------------------------------------------|-------------------------|
//! | no more than `season`                         | NULL                    |
//! | actual values that repeat themselves          | NULL: a ratio to zero   |
//! | NULL, NaN, infinity in a column, NULL in time | skipped                 |

use analytics::Summary;
use analytics::evaluation::{AbsoluteErrors, naive_error};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::judged::Compare;
use crate::collected::{Call, CollectedFunction, Formula};

/// Longer seasons than this have no use.
const SEASON_MAX: usize = 1_000_000;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Mean absolute scaled error of predictions (Hyndman and Koehler 2006): the mean absolute error over that of predicting the actual value `season` rows before, over the same rows. Below 1 is better than that. NULL when there are no more than `season` rows or the actual values repeat themselves.",
    syntax_example = "mase(actual, predicted, time[, season])",
    sql_example = r#"```sql
SELECT model, mase(actual, predicted, time, 24) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "predicted", description = "What was predicted."),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    argument(
        name = "season",
        description = "A constant: how many rows before is the value to compare with, 1 or more. Default 1."
    ),
    related_udf(name = "mae"),
    related_udf(name = "smape")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mase;

impl CollectedFunction for Mase {
    const NAME: &'static str = "mase";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("season", DataType::Int64)];

    type Row = Compare;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Compare, f64>> {
        let season = call.count("season", 1, 1, SEASON_MAX)?;
        Ok(Formula::new(move |rows: &[Compare]| {
            let actual: Vec<f64> = rows.iter().map(|row| row.actual).collect();
            let pairs = rows.iter().map(|row| [row.actual, row.predicted]);
            let error = AbsoluteErrors::of(pairs).mae()?;
            Some(error / naive_error(&actual, season)?)
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
    fn errors_are_scaled_by_those_of_repetition() {
        let check = |season: i64, rows: &[(f64, f64, i64)], expected| {
            let column = |field: fn(&(f64, f64, i64)) -> f64| {
                values(&rows.iter().map(field).collect::<Vec<_>>())
            };
            let columns = [
                column(|row| row.0),
                column(|row| row.1),
                integers(rows.iter().map(|row| row.2)),
            ];
            Case::with(Collected::udf(Mase), vec![season.into()]).check(&columns, expected, 1e-12);
        };
        // In the order of time: 1, 3, 2, 6 with errors of 1, 1, 0, 2.
        let rows = [
            (6.0, 8.0, 9),
            (1.0, 2.0, 1),
            (2.0, 2.0, 5),
            (3.0, 2.0, 3),
            (f64::NAN, 1.0, 4),
        ];
        check(1, &rows, Some(1.0 / (7.0 / 3.0)));
        check(2, &rows, Some(1.0 / 2.0));
        check(4, &rows, None);
        check(1, &[(1.0, 2.0, 1), (1.0, 2.0, 2)], None);
        check(1, &[], None);
    }
}
