//! `longest_strike_above_mean(value, time)`: the longest run of rows above the mean.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | none                                 | NULL                                         |
//! | all equal                            | 0                                            |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::cmp::Ordering;

use analytics::indicators::longest_strike;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Number of rows in the longest run above the mean, the mean being that of the group or frame. As `tsfresh.longest_strike_above_mean`. NULL without rows.",
    syntax_example = "longest_strike_above_mean(value, time)",
    sql_example = r#"```sql
SELECT asset_id, longest_strike_above_mean(temperature_c, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "longest_strike_below_mean"),
    related_udf(name = "mean_crossings")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LongestStrikeAboveMean;

impl CollectedFunction for LongestStrikeAboveMean {
    const NAME: &'static str = "longest_strike_above_mean";

    type Row = Timed;

    type Output = i64;

    fn bind(&self, _call: &Call) -> Result<Formula<Timed, i64>> {
        Ok(Formula::new(|rows: &[Timed]| {
            let strike = longest_strike(&Timed::values(rows), Ordering::Greater)?;
            Some(strike as i64)
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
        Case::with(Collected::udf(LongestStrikeAboveMean), options)
    }

    #[test]
    fn the_longest_run_counts() {
        case(vec![]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(4.0),
            1e-12,
        );
        case(vec![]).check(&signal(&[5.0, 5.0]), Some(0.0), 1e-12);
        case(vec![]).check(&signal(&[5.0]), Some(0.0), 1e-12);
        case(vec![]).check(&signal(&[]), None, 1e-12);
    }
}
