//! `theil_sen(value, time[, confidence])`: a robust line: the median of the slopes between all pairs of points.
//!
//! | values                             | result                           |
//! |------------------------------------|----------------------------------|
//! | fewer than two, or all times equal | NULL                             |
//! | all values equal                   | slope 0                          |
//! | more than 10000                    | an error: all pairs are compared |
//! | NULL, NaN, infinity among them     | those rows are skipped           |

use analytics::statistics::{TheilSen, theil_sen};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Robust line through a signal: `slope`, the median of the slopes between all pairs of points, per second (or per unit of an integer time); `intercept`, the median value less the slope times the median time, counted as by `linear_trend`; `lower` and `upper`, bounds of the slope. Almost a third of the values may be wrong. As `scipy.stats.theilslopes`. NULL below two values or when all times are equal. At most 10000 rows per group.",
    syntax_example = "theil_sen(value, time[, confidence])",
    sql_example = r#"```sql
SELECT asset_id, trend['slope'] * 86400 AS per_day
FROM (SELECT asset_id, theil_sen(temperature_c, time) AS trend FROM hourly GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the values: a timestamp or an integer such as a cycle number. Rows without a time are skipped; equal times are ordered by value."
    ),
    argument(
        name = "confidence",
        description = "A constant: how certain the bounds are to hold the slope, between 0 and 1. Default 0.95."
    ),
    related_udf(name = "linear_trend"),
    related_udf(name = "mann_kendall")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TheilSenOf;

impl CollectedFunction for TheilSenOf {
    const NAME: &'static str = "theil_sen";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("confidence", DataType::Float64)];

    const COUNT_MAX: usize = 10_000;

    type Row = Timed;

    type Output = Struct<TheilSen>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<TheilSen>>> {
        let expected = "a number between 0 and 1";
        let confidence = call.float("confidence", 0.95, expected, |c| c > 0.0 && c < 1.0)?;
        let has_timestamps = call.has_timestamps();
        Ok(Formula::new(move |rows: &[Timed]| {
            let times = Timed::times(rows, has_timestamps);
            theil_sen(&times, &Timed::values(rows), confidence).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for TheilSen {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["slope", "intercept", "lower", "upper"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |trend| Some(trend.slope)),
            floats(records, |trend| Some(trend.intercept)),
            floats(records, |trend| Some(trend.lower)),
            floats(records, |trend| Some(trend.upper)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    #[test]
    fn the_median_slope_is_found() {
        let case = Case::new(Collected::udf(TheilSenOf));
        let x = signal(&[0.0, 1.0, f64::NAN, 3.0, 900.0, 5.0, 6.0]);
        case.check_fields(&x, Some(&[("slope", 1.0), ("intercept", 0.5)]), 1e-12);
        case.check_fields(
            &signal(&[5.0, 5.0, 5.0]),
            Some(&[("slope", 0.0), ("intercept", 5.0)]),
            0.0,
        );
        case.check_fields(&signal(&[5.0]), None, 0.0);
        case.check_fields(&signal(&[]), None, 0.0);
    }

    #[test]
    fn confidence_is_a_share() {
        let case = Case::with(Collected::udf(TheilSenOf), vec![ScalarValue::from(95.0)]);
        let error = case.error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("argument `confidence` must be a number between 0 and 1"),
            "{error}"
        );
    }
}
