//! `mean_crossings(value, time)`: how often a signal changes between above its mean and not above it.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than two                       | NULL                                         |
//! | all equal                            | 0                                            |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use analytics::indicators::mean_crossings;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "How often a signal changes between above its mean and not above it, the mean being that of the group or frame. As `tsfresh.number_crossing_m(x, mean)`. NULL below two rows.",
    syntax_example = "mean_crossings(value, time)",
    sql_example = r#"```sql
SELECT asset_id, mean_crossings(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "zero_crossings"),
    related_udf(name = "longest_strike_above_mean")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MeanCrossings;

impl CollectedFunction for MeanCrossings {
    const NAME: &'static str = "mean_crossings";

    type Row = Timed;

    type Output = i64;

    fn bind(&self, _call: &Call) -> Result<Formula<Timed, i64>> {
        Ok(Formula::new(|rows: &[Timed]| {
            mean_crossings(&Timed::values(rows)).map(|count| count as i64)
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
        Case::with(Collected::udf(MeanCrossings), options)
    }

    #[test]
    fn crossings_of_the_mean_are_counted() {
        case(vec![]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(2.0),
            1e-12,
        );
        case(vec![]).check(&signal(&[5.0, 5.0, 5.0]), Some(0.0), 1e-12);
        case(vec![]).check(&signal(&[5.0]), None, 1e-12);
        case(vec![]).check(&signal(&[]), None, 1e-12);
    }
}
