//! `linear_trend(value, time)`: a line fitted by least squares.
//!
//! | values                             | result                     |
//! |------------------------------------|----------------------------|
//! | fewer than two, or all times equal | NULL                       |
//! | all values equal                   | slope 0; r, p, stderr NULL |
//! | NULL, NaN, infinity among them     | those rows are skipped     |

use analytics::statistics::{LinearTrend, linear_trend};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Line fitted to a signal by least squares: `slope`, change per second (or per unit of an integer time); `intercept`, the value at the earliest time (or at an integer time of 0); `r`, the correlation; `p`, the chance of such a slope without a trend; `stderr`, the standard error of the slope. As `scipy.stats.linregress`. NULL below two values or when all times are equal; `r`, `p` and `stderr` are NULL when the values do not vary.",
    syntax_example = "linear_trend(value, time)",
    sql_example = r#"```sql
SELECT asset_id, trend['slope'] * 86400 AS per_day, trend['p']
FROM (SELECT asset_id, linear_trend(temperature_c, time) AS trend FROM sensor_data GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the values: a timestamp or an integer such as a cycle number. Rows without a time are skipped; equal times are ordered by value."
    ),
    related_udf(name = "theil_sen"),
    related_udf(name = "mann_kendall")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LinearTrendOf;

impl CollectedFunction for LinearTrendOf {
    const NAME: &'static str = "linear_trend";

    type Row = Timed;

    type Output = Struct<LinearTrend>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<LinearTrend>>> {
        let has_timestamps = call.has_timestamps();
        Ok(Formula::new(move |rows: &[Timed]| {
            let times = Timed::times(rows, has_timestamps);
            linear_trend(&times, &Timed::values(rows)).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for LinearTrend {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["slope", "intercept", "r", "p", "stderr"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |trend| Some(trend.slope)),
            floats(records, |trend| Some(trend.intercept)),
            floats(records, |trend| trend.r),
            floats(records, |trend| trend.p),
            floats(records, |trend| trend.stderr),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::TimestampNanosecondArray;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, signal, values};

    #[test]
    fn a_line_is_fitted() {
        let case = Case::new(Collected::udf(LinearTrendOf));
        // scipy.stats 1.17.1: linregress([0, 1, 3, 4], [1, 2, 4, 9]).
        let expected = [
            ("slope", 1.8),
            ("intercept", 0.4),
            ("r", 0.9233805168766388),
            ("p", 0.0766194831233612),
            ("stderr", 0.5291502622129177),
        ];
        case.check_fields(
            &signal(&[1.0, 2.0, f64::NAN, 4.0, 9.0]),
            Some(&expected),
            1e-9,
        );
        let flat = [
            ("slope", 0.0),
            ("intercept", 5.1),
            ("r", f64::NAN),
            ("p", f64::NAN),
        ];
        case.check_fields(&signal(&[5.1, 5.1, 5.1]), Some(&flat), 0.0);
        case.check_fields(&signal(&[5.0]), None, 0.0);
        case.check_fields(&signal(&[]), None, 0.0);
        let at_once = [values(&[1.0, 2.0]), integers([3, 3])];
        case.check_fields(&at_once, None, 0.0);
    }

    #[test]
    fn timestamps_count_in_seconds_from_the_first() {
        let case = Case::new(Collected::udf(LinearTrendOf));
        let second = 1_000_000_000;
        let start = 1_767_225_600 * second;
        let times = [start + 2 * second, start, start + second / 2];
        let columns = [
            values(&[5.0, 1.0, 2.0]),
            Arc::new(TimestampNanosecondArray::from(times.to_vec())) as _,
        ];
        case.check_fields(&columns, Some(&[("slope", 2.0), ("intercept", 1.0)]), 1e-12);
        // Integers count from zero.
        let columns = [values(&[5.0, 1.0, 2.0]), integers([14, 10, 11])];
        case.check_fields(&columns, Some(&[("slope", 1.0), ("intercept", -9.0)]), 1e-9);
    }
}
