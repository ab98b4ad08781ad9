//! `degradation_index(value, healthy, degraded[, …])`: 0 as new, 1 worn out.
//!
//! Each reading counts as `clamp((value − healthy) / (degraded − healthy), 0, 1)` of degradation; several readings are
//! averaged. A falling sensor has a `degraded` below its `healthy`, and needs no other care.
//!
//! | arguments                                         | result                   |
//! |---------------------------------------------------|--------------------------|
//! | one of a reading's three is NULL, NaN or infinite | that reading is left out |
//! | `healthy` equals `degraded`                       | that reading is left out |
//! | no reading is left                                | NULL                     |

use analytics::health::degradation_index;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::readings::OverReadings;

#[user_doc(
    doc_section(label = "Health"),
    description = "Degradation index of one or more sensor readings between a healthy and a degraded reference: 0 is as new (every reading at its healthy reference or better), 1 is worn out. One minus `health_index`. Readings with a missing number, or with equal references, are left out; NULL when none is left.",
    syntax_example = "degradation_index(value, healthy, degraded[, value2, healthy2, degraded2, …])",
    sql_example = r#"```sql
WITH reference AS (
  SELECT avg(s_2) FILTER (WHERE time_cycles <= 15) AS s_2_new, avg(s_2) FILTER (WHERE time_cycles >= 175) AS s_2_old,
         avg(s_7) FILTER (WHERE time_cycles <= 15) AS s_7_new, avg(s_7) FILTER (WHERE time_cycles >= 175) AS s_7_old
  FROM engines)
SELECT unit_number, degradation_index(s_2, s_2_new, s_2_old, s_7, s_7_new, s_7_old) AS degradation
FROM engines, reference;
```"#,
    argument(name = "value", description = "The reading of a sensor."),
    argument(
        name = "healthy",
        description = "What the sensor reads on a new machine."
    ),
    argument(
        name = "degraded",
        description = "What it reads on a worn one; below `healthy` for a falling sensor."
    ),
    related_udf(name = "health_index"),
    related_udf(name = "rul_from_health_index")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DegradationIndex;

impl OverReadings for DegradationIndex {
    const NAME: &'static str = "degradation_index";

    fn evaluate(readings: impl Iterator<Item = [f64; 3]>) -> Option<f64> {
        degradation_index(readings)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

// What holds for any function over readings is tested with `health_index`.
#[cfg(test)]
mod tests {
    use super::super::readings::ReadingsScalar;
    use super::*;
    use crate::testing::check_row;

    fn check(args: &[f64], expected: Option<f64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        check_row(ReadingsScalar::udf(DegradationIndex), &args, expected);
    }

    #[test]
    fn degradation_index_runs_between_the_references() {
        check(&[640.0, 640.0, 644.0], Some(0.0));
        check(&[643.0, 640.0, 644.0], Some(0.75));
        check(&[700.0, 640.0, 644.0], Some(1.0));
        check(&[551.0, 554.0, 550.0], Some(0.75));
        check(&[643.0, 640.0, 644.0, 553.0, 554.0, 550.0], Some(0.5));
    }
}
