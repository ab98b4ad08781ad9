//! `damage_index(score, time[, floor, rate_max_per_hour, initial, max_gap])`: damage added up over time, 0 to 1.
//!
//! The score of a row stands for the time since the row before it, of which at most `max_gap` counts.
//!
//! | rows                                   | result                                                |
//! |----------------------------------------|-------------------------------------------------------|
//! | none                                   | NULL                                                  |
//! | one                                    | `initial`: no time has passed                         |
//! | several of one time                    | no damage between them                                |
//! | NULL, NaN, infinity in score or time   | skipped: the time until the next row counts for that  |
//! | damage beyond 1                        | 1                                                     |

use std::sync::Arc;

use analytics::health::{DAMAGE_FLOOR, DAMAGE_RATE_MAX, Damage, DamageLaw};
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

/// The longest silence that counts as what came after it, by default.
const MAX_GAP_SECONDS: f64 = 3600.0;

#[user_doc(
    doc_section(label = "Health"),
    description = "Damage that anomaly scores have done over time, from 0 (new) to 1 (failed): `initial` plus `damage_rate(score)` times the time since the row before, in hours. Over `ORDER BY time` it is the damage up to each row, at constant cost per row; with `GROUP BY` that of the group. NULL without rows.",
    syntax_example = "damage_index(score, time[, floor, rate_max_per_hour, initial, max_gap])",
    sql_example = r#"```sql
SELECT time, asset_id, damage_index(score, time) OVER (PARTITION BY asset_id ORDER BY time) AS damage FROM anomalies;
```"#,
    argument(
        name = "score",
        description = "An anomaly score, 0 (normal) to 1. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer, which then counts hours. Equal times are ordered by score."
    ),
    argument(
        name = "floor",
        description = "A constant: the score up to which nothing is damaged, 0 to below 1. Default 0.65."
    ),
    argument(
        name = "rate_max_per_hour",
        description = "A constant: the damage per hour at a score of 1, 0 or more. Default 1/24."
    ),
    argument(
        name = "initial",
        description = "A constant: the damage before the first row, 0 to 1. Default 0."
    ),
    argument(
        name = "max_gap",
        description = "A constant interval or, where times are integers, a number: the most time between two rows that counts. Default 1 hour, or 1."
    ),
    related_udf(name = "damage_rate"),
    related_udf(name = "damage_level"),
    related_udf(name = "health_from_damage"),
    related_udf(name = "rul_hours")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DamageIndex;

impl StretchFunction for DamageIndex {
    const NAME: &'static str = "damage_index";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("floor", DataType::Float64),
        ("rate_max_per_hour", DataType::Float64),
        ("initial", DataType::Float64),
        ("max_gap", DataType::Interval(IntervalUnit::MonthDayNano)),
    ];

    type Stretch = Damage;

    type Output = f64;

    fn read(&self, call: &Call) -> Result<Read<Damage, f64>> {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        let initial = call.float("initial", 0.0, "a number from 0 to 1", is_share)?;
        let hour = if call.has_timestamps() { 3600e9 } else { 1.0 };
        Ok(Arc::new(move |damage: &Damage| damage.index(initial, hour)))
    }

    fn settings(&self, call: &Call) -> Result<DamageLaw> {
        let floor = call.float(
            "floor",
            DAMAGE_FLOOR,
            "a number from 0 to below 1",
            |floor| (0.0..1.0).contains(&floor),
        )?;
        let rate_max = call.float(
            "rate_max_per_hour",
            DAMAGE_RATE_MAX,
            "a number, 0 or more",
            |rate| rate >= 0.0,
        )?;
        Ok(DamageLaw {
            floor,
            rate_max,
            gap_max: call.length_or("max_gap", MAX_GAP_SECONDS)?,
        })
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
    use crate::collected::testing::{Case, integers, values};
    use crate::stretch::OverStretch;
    use crate::window::testing::{millis, seconds};

    fn case(options: Vec<ScalarValue>) -> Case {
        Case::with(Collected::udf(OverStretch(DamageIndex)), options)
    }

    #[test]
    fn damage_is_added_up_by_the_clock() {
        // A score of 1 for half an hour, of 0.825 for 12 minutes, and of 0.65 for ten.
        let columns = [
            values(&[0.9, 1.0, 0.825, f64::NAN, 0.65]),
            seconds(&[0.0, 1800.0, 2520.0, 2600.0, 3120.0]),
        ];
        let expected = 0.5 / 24.0 + 0.2 * 0.25 / 24.0;
        case(vec![]).check(&columns, Some(expected), 1e-12);
        // Of each step ten minutes count, from a floor of 0.
        let options = vec![0.0.into(), 0.6.into(), 0.25.into(), millis(600_000)];
        let expected = 0.25 + 0.1 * (1.0 + 0.825_f64.powi(2) + 0.65_f64.powi(2));
        case(options).check(&columns, Some(expected), 1e-12);
        let options = vec![0.0.into(), 100.0.into()];
        case(options).check(&columns, Some(1.0), 0.0);
    }

    #[test]
    fn integer_times_count_hours() {
        let columns = [values(&[1.0, 1.0, 1.0]), integers([0, 1, 100])];
        case(vec![]).check(&columns, Some(2.0 / 24.0), 1e-12);
        let long = vec![0.65.into(), (1.0 / 24.0).into(), 0.0.into(), 48.0.into()];
        case(long).check(&columns, Some(1.0), 0.0);
    }

    #[test]
    fn one_row_has_the_initial_damage() {
        let initial = vec![0.65.into(), 1.0.into(), 0.125.into()];
        case(initial).check(&[values(&[1.0]), integers([5])], Some(0.125), 0.0);
        case(vec![]).check(&[values(&[]), integers([])], None, 0.0);
        case(vec![]).check(&[values(&[f64::NAN]), integers([5])], None, 0.0);
    }

    #[test]
    fn options_must_make_sense() {
        let check = |options: Vec<ScalarValue>, expected: &str| {
            let error = case(options).error(&[values(&[1.0]), seconds(&[1.0])]);
            assert!(error.contains(expected), "{error}");
        };
        check(
            vec![1.0.into()],
            "damage_index: argument `floor` must be a number from 0 to below 1",
        );
        check(
            vec![0.5.into(), (-1.0).into()],
            "`rate_max_per_hour` must be a number, 0 or more",
        );
        check(
            vec![0.5.into(), 1.0.into(), 2.0.into()],
            "`initial` must be a number from 0 to 1",
        );
        let gap = vec![0.5.into(), 1.0.into(), 0.0.into(), millis(0)];
        check(gap, "`max_gap` must be a length of time above zero");
    }
}
