//! `rainflow(value, time)`: the load cycles of a signal, by ASTM E1049-85 (2011), section 5.4.4.
//!
//! As `rainflow.extract_cycles` in Python, with times in the place of positions.
//!
//! | rows                                   | result                                                 |
//! |----------------------------------------|--------------------------------------------------------|
//! | fewer than two                         | NULL                                                   |
//! | two                                    | half a cycle, as the standard has it; the package finds none |
//! | all equal                              | an empty list: nothing moved                           |
//! | NULL, NaN, infinity in value or time   | skipped                                                |
//!
//! The time is not optional: cycles depend on the order of rows, and GROUP BY reads them in any order.

use analytics::fatigue::{LoadCycle, rainflow};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};

#[user_doc(
    doc_section(label = "Fatigue"),
    description = "Load cycles of a signal, counted by rainflow (ASTM E1049): a list of structs with `range` and `mean` of each cycle, its `count` (1, or 0.5 for half a cycle), and the times of its `start` and `end`. Use it with `unnest`. NULL below two rows, an empty list when the load never changes.",
    syntax_example = "rainflow(value, time)",
    sql_example = r#"```sql
SELECT asset_id, c['range'] AS size, sum(c['count']) AS cycles
FROM (SELECT asset_id, unnest(rainflow(strain, time)) AS c FROM loads GROUP BY asset_id)
GROUP BY asset_id, size;
```"#,
    argument(
        name = "value",
        description = "The load: stress, strain, torque or temperature, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "miner_damage")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Rainflow;

/// A cycle with the times of its ends.
#[derive(Debug)]
pub(super) struct TimedCycle {
    cycle: LoadCycle,
    start: i64,
    end: i64,
}

impl Record for TimedCycle {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let time = argument_types.get(1).unwrap_or(&DataType::Int64);
        vec![
            ("range", DataType::Float64),
            ("mean", DataType::Float64),
            ("count", DataType::Float64),
            ("start", time.clone()),
            ("end", time.clone()),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |record| Some(record.cycle.range)),
            floats(records, |record| Some(record.cycle.mean)),
            floats(records, |record| Some(record.cycle.count)),
            integers(records, |record| Some(record.start)),
            integers(records, |record| Some(record.end)),
        ]
    }
}

fn timed_cycles(rows: &[Timed]) -> Option<Vec<TimedCycle>> {
    if rows.len() < 2 {
        return None;
    }
    let timed = |cycle: LoadCycle| TimedCycle {
        cycle,
        start: rows[cycle.start].time,
        end: rows[cycle.end].time,
    };
    let cycles = rainflow(&Timed::values(rows));
    Some(cycles.into_iter().map(timed).collect())
}

impl CollectedFunction for Rainflow {
    const NAME: &'static str = "rainflow";

    type Row = Timed;

    type Output = Vec<TimedCycle>;

    fn bind(&self, _call: &Call) -> Result<Formula<Timed, Vec<TimedCycle>>> {
        Ok(Formula::new(timed_cycles))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, signal, values};
    use crate::window::testing::seconds;

    // Expected: the example of ASTM E1049-85 and the Python package rainflow 3.2.0.
    #[test]
    fn cycles_are_those_of_the_standard() {
        let case = Case::new(Collected::udf(Rainflow));
        let loads = values(&[-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0]);
        let columns = [loads, integers([10, 11, 12, 13, 14, 15, 16, 17, 18])];
        let check =
            |field, expected: [f64; 7]| case.check_list(&columns, field, Some(&expected), 0.0);
        check("range", [3.0, 4.0, 4.0, 8.0, 9.0, 8.0, 6.0]);
        check("mean", [-0.5, -1.0, 1.0, 1.0, 0.5, 0.0, 1.0]);
        check("count", [0.5, 0.5, 1.0, 0.5, 0.5, 0.5, 0.5]);
        check("start", [10.0, 11.0, 14.0, 12.0, 13.0, 16.0, 17.0]);
        check("end", [11.0, 12.0, 15.0, 13.0, 16.0, 17.0, 18.0]);
    }

    #[test]
    fn times_keep_their_type_and_order_the_rows() {
        let case = Case::new(Collected::udf(Rainflow));
        let columns = [values(&[5.0, f64::NAN, 1.0]), seconds(&[3.0, 2.0, 1.0])];
        case.check_list(&columns, "start", Some(&[1e9]), 0.0);
        case.check_list(&columns, "end", Some(&[3e9]), 0.0);
        let shown = case.run(&columns).to_string();
        assert!(shown.contains("start: 1970-01-01T00:00:01"), "{shown}");
    }

    #[test]
    fn a_load_that_does_not_move_has_no_cycles() {
        let case = Case::new(Collected::udf(Rainflow));
        case.check_list(&signal(&[]), "range", None, 0.0);
        case.check_list(&signal(&[5.0]), "range", None, 0.0);
        case.check_list(&signal(&[5.0, f64::INFINITY]), "range", None, 0.0);
        case.check_list(&signal(&[5.0; 4]), "range", Some(&[]), 0.0);
        case.check_list(&signal(&[5.0, 7.0]), "range", Some(&[2.0]), 0.0);
    }
}
