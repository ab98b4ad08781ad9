//! `seasonal_anomaly(value, time, period[, seasonal[, normalize]])`: how far rows are from their trend and season.
//!
//! Rows are as for `stl`; with fewer than two periods, or at uneven times, the result is NULL.

use std::sync::Arc;

use analytics::anomaly::{from_z, robust_scores};
use analytics::decomposition::Stl;
use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};
use crate::decomposition::{ROWS_MAX, even_values, stl_settings};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "How far each row is from the trend and the season of its series: a list of structs of `time`, `value`, `expected`, the sum of trend and season by a robust STL decomposition, `residual`, what is left over, and `score`, the residual's distance from the median of all in scaled median absolute deviations (1.4826 MAD). Scores are negative below what is expected; where more than half of the residuals are equal, any other is infinitely far. It looks at the whole group, ahead too. NULL below two periods, and where rows are not at even times. At most 500000 rows per group.",
    syntax_example = "seasonal_anomaly(value, time, period[, seasonal[, normalize]])",
    sql_example = r#"```sql
SELECT a['time'] AS time, a['value'] AS value, a['expected'] AS expected, a['score'] AS score
FROM (SELECT unnest(seasonal_anomaly(power_kw, time, 24)) AS a FROM hourly WHERE asset_id = 'pump-7')
WHERE abs(a['score']) > 5;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer, in even steps; `resample` makes them even."
    ),
    argument(
        name = "period",
        description = "The rows of one period: a constant, 2 or more; 24 for days of hourly rows."
    ),
    argument(
        name = "seasonal",
        description = "Over how many periods the season is smoothed: a constant odd number from 3. Default 7."
    ),
    argument(
        name = "normalize",
        description = "A constant: whether scores are numbers from 0 to 1, the chance that a normal variable is nearer to its mean. Default false."
    ),
    related_udf(name = "stl"),
    related_udf(name = "shesd"),
    related_udf(name = "robust_zscore")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SeasonalAnomaly;

/// A row with what was expected of it.
#[derive(Debug)]
pub(crate) struct Judgement {
    row: Timed,
    residual: f64,
    score: f64,
}

impl Record for Judgement {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("time", argument_types[1].clone()),
            ("value", DataType::Float64),
            ("expected", DataType::Float64),
            ("residual", DataType::Float64),
            ("score", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        // A score may be infinite.
        let score = |record: &Option<Self>| record.as_ref().map(|judgement| judgement.score);
        vec![
            integers(records, |judgement| Some(judgement.row.time)),
            floats(records, |judgement| Some(judgement.row.value)),
            floats(records, |judgement| {
                Some(judgement.row.value - judgement.residual)
            }),
            floats(records, |judgement| Some(judgement.residual)),
            Arc::new(records.iter().map(score).collect::<Float64Array>()),
        ]
    }
}

fn judged(
    rows: &[Timed],
    values: &[f64],
    stl: Stl,
    finish: fn(f64) -> f64,
) -> Option<Vec<Judgement>> {
    let residuals = stl.decompose(values)?.residual;
    let scores = robust_scores(&residuals)?;
    let judgement = |((row, residual), score): ((&Timed, f64), f64)| Judgement {
        row: *row,
        residual,
        score: finish(score),
    };
    let rows = rows.iter().zip(residuals).zip(scores);
    Some(rows.map(judgement).collect())
}

impl CollectedFunction for SeasonalAnomaly {
    const NAME: &'static str = "seasonal_anomaly";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("period", DataType::Int64),
        ("seasonal", DataType::Int64),
        ("normalize", DataType::Boolean),
    ];

    const REQUIRED: usize = 1;

    const COUNT_MAX: usize = ROWS_MAX;

    type Row = Timed;

    type Output = Vec<Judgement>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Judgement>>> {
        let stl = stl_settings(call)?.robust();
        let has_timestamps = call.has_timestamps();
        let finish: fn(f64) -> f64 = if call.flag("normalize", false)? {
            from_z
        } else {
            std::convert::identity
        };
        Ok(Formula::new(move |rows: &[Timed]| {
            judged(rows, &even_values(rows, has_timestamps)?, stl, finish)
        }))
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
    use crate::collected::testing::{Case, signal};

    fn case(options: Vec<ScalarValue>) -> Case {
        Case::with(Collected::udf(SeasonalAnomaly), options)
    }

    #[test]
    fn a_row_out_of_season_stands_out() {
        let mut x: Vec<f64> = (0..48_i32)
            .map(|i| f64::from(i % 4) * 10.0 + 0.1 * f64::from(i * i % 7))
            .collect();
        // Usual for another phase of the period.
        x[21] = 30.0;
        let result = case(vec![4.into()]).run(&signal(&x));
        let normalized = case(vec![4.into(), 7.into(), true.into()]).run(&signal(&x));
        let scores = |result: &ScalarValue| -> Vec<f64> {
            let list = result.to_array().unwrap();
            let records = arrow::array::AsArray::as_list::<i32>(&list).value(0);
            let records = arrow::array::AsArray::as_struct(&records);
            let column = records.column_by_name("score").unwrap();
            datafusion_common::cast::as_float64_array(column)
                .unwrap()
                .values()
                .to_vec()
        };
        let (raw, normalized) = (scores(&result), scores(&normalized));
        for (index, (score, share)) in raw.iter().zip(normalized).enumerate() {
            assert_eq!(index == 21, *score > 10.0, "{index}: {score}");
            assert_eq!(share, from_z(*score), "{index}");
        }
    }

    #[test]
    fn what_cannot_be_decomposed_has_no_scores() {
        case(vec![4.into()]).check_list(&signal(&[1.0; 7]), "score", None, 0.0);
        case(vec![4.into()]).check_list(&signal(&[]), "score", None, 0.0);
        let flat = [0.0; 8];
        case(vec![4.into()]).check_list(&signal(&[3.0; 8]), "score", Some(&flat), 0.0);
        let error = case(vec![0.into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("seasonal_anomaly: argument `period` must be a whole number from 2"),
            "{error}"
        );
    }
}
