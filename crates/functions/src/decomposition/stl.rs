//! `stl(value, time, period[, seasonal[, robust]])`: trend, season and what is left over.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::{ROWS_MAX, even_values, stl_settings};
use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};

#[user_doc(
    doc_section(label = "Decomposition"),
    description = "A series as the sum of a trend, a season and what is left over, by loess (STL, Cleveland et al. 1990): a list of structs of `time`, `value`, `trend`, `seasonal` and `residual`. As `statsmodels.tsa.seasonal.STL`, with smoothers evaluated at every tenth of their windows and interpolated between, as `stl` of R does. NULL below two periods, and where rows are not at even times. At most 500000 rows per group.",
    syntax_example = "stl(value, time, period[, seasonal[, robust]])",
    sql_example = r#"```sql
SELECT p['time'] AS time, p['trend'] AS trend, p['residual'] AS residual
FROM (SELECT unnest(stl(temperature_c, time, 24)) AS p FROM hourly WHERE asset_id = 'pump-7');
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer, in even steps (see `sampling_stats`); `resample` makes them even."
    ),
    argument(
        name = "period",
        description = "The rows of one period: a constant, 2 or more; 24 for days of hourly rows."
    ),
    argument(
        name = "seasonal",
        description = "Over how many periods the season is smoothed: a constant odd number from 3. The more, the slower it may change. Default 7."
    ),
    argument(
        name = "robust",
        description = "A constant: whether rows that lie far off have little weight. Default true."
    ),
    related_udf(name = "seasonal_anomaly"),
    related_udf(name = "shesd"),
    related_udf(name = "resample")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct StlOf;

/// A row and what it is the sum of.
#[derive(Debug)]
pub(crate) struct Parts {
    row: Timed,
    trend: f64,
    seasonal: f64,
    residual: f64,
}

impl Record for Parts {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("time", argument_types[1].clone()),
            ("value", DataType::Float64),
            ("trend", DataType::Float64),
            ("seasonal", DataType::Float64),
            ("residual", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |parts| Some(parts.row.time)),
            floats(records, |parts| Some(parts.row.value)),
            floats(records, |parts| Some(parts.trend)),
            floats(records, |parts| Some(parts.seasonal)),
            floats(records, |parts| Some(parts.residual)),
        ]
    }
}

impl CollectedFunction for StlOf {
    const NAME: &'static str = "stl";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("period", DataType::Int64),
        ("seasonal", DataType::Int64),
        ("robust", DataType::Boolean),
    ];

    const REQUIRED: usize = 1;

    const COUNT_MAX: usize = ROWS_MAX;

    type Row = Timed;

    type Output = Vec<Parts>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Parts>>> {
        let stl = stl_settings(call)?;
        let is_robust = call.flag("robust", true)?;
        let stl = if is_robust { stl.robust() } else { stl };
        let has_timestamps = call.has_timestamps();
        Ok(Formula::new(move |rows: &[Timed]| {
            let parts = stl.decompose(&even_values(rows, has_timestamps)?)?;
            let parts = (parts.trend.into_iter())
                .zip(parts.seasonal)
                .zip(parts.residual);
            let record = |(row, ((trend, seasonal), residual)): (&Timed, _)| Parts {
                row: *row,
                trend,
                seasonal,
                residual,
            };
            Some(rows.iter().zip(parts).map(record).collect())
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
    use crate::collected::testing::{Case, integers, signal, values};

    fn case(options: Vec<ScalarValue>) -> Case {
        Case::with(Collected::udf(StlOf), options)
    }

    #[test]
    fn a_line_and_a_season_are_told_apart() {
        let x: Vec<f64> = (0..24_i32)
            .map(|i| f64::from(i) + f64::from(i % 4))
            .collect();
        let trend: Vec<f64> = (0..24_i32).map(|i| f64::from(i) + 1.5).collect();
        let seasonal: Vec<f64> = (0..24_i32).map(|i| f64::from(i % 4) - 1.5).collect();
        for options in [vec![4.into()], vec![4.into(), 7.into(), false.into()]] {
            let case = case(options);
            case.check_list(&signal(&x), "trend", Some(&trend), 1e-9);
            case.check_list(&signal(&x), "seasonal", Some(&seasonal), 1e-9);
            case.check_list(&signal(&x), "value", Some(&x), 0.0);
        }
    }

    #[test]
    fn short_and_uneven_series_have_no_parts() {
        case(vec![4.into()]).check_list(&signal(&[1.0; 7]), "trend", None, 0.0);
        case(vec![4.into()]).check_list(&signal(&[]), "trend", None, 0.0);
        let uneven = [values(&[1.0; 8]), integers([0, 1, 2, 3, 5, 8, 13, 21])];
        case(vec![4.into()]).check_list(&uneven, "trend", None, 0.0);
    }

    #[test]
    fn options_must_make_sense() {
        let error = case(vec![1.into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("stl: argument `period` must be a whole number from 2 to 250000"),
            "{error}"
        );
        let error = case(vec![4.into(), 8.into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("argument `seasonal` must be an odd number from 3 to 9999"),
            "{error}"
        );
    }
}
