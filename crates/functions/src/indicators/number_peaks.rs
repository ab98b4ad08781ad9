//! `number_peaks(value, time[, support])`: how many rows are above all others within reach.
//!
//! | rows                                  | result                                       |
//! |---------------------------------------|----------------------------------------------|
//! | none                                  | NULL                                         |
//! | the first and the last `support` rows | are no peaks                                 |
//! | NULL, NaN, infinity in value or time  | skipped: the rows around them are neighbours |

use analytics::indicators::number_peaks;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Number of rows whose value is above each of the `support` values before and after it, as `tsfresh.number_peaks`. The first and the last `support` rows are no peaks. NULL without rows.",
    syntax_example = "number_peaks(value, time[, support])",
    sql_example = r#"```sql
SELECT asset_id, number_peaks(vibration_g, time, 5) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    argument(
        name = "support",
        description = "A constant: how many rows on either side a peak must exceed, from 1 to 1000000. Default 1."
    ),
    related_udf(name = "find_peaks"),
    related_udf(name = "turning_points")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NumberPeaks;

impl CollectedFunction for NumberPeaks {
    const NAME: &'static str = "number_peaks";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("support", DataType::Int64)];

    type Row = Timed;

    type Output = i64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, i64>> {
        let support = call.count("support", 1, 1, 1_000_000)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            number_peaks(&Timed::values(rows), support).map(|count| count as i64)
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
    use crate::collected::testing::{Case, signal};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(NumberPeaks), options)
    }

    #[test]
    fn peaks_are_above_all_within_reach() {
        case(vec![]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(2.0),
            1e-12,
        );
        case(vec![2_i64.into()]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(1.0),
            1e-12,
        );
        case(vec![9_i64.into()]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(0.0),
            1e-12,
        );
        case(vec![]).check(&signal(&[5.0]), Some(0.0), 1e-12);
        case(vec![]).check(&signal(&[]), None, 1e-12);
    }
}
