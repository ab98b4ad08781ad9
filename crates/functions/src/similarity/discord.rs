//! `discord(value, time, m[, k])`: the stretches of a signal that are like no other.

use analytics::similarity::discords;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::{OPTIONS, count, length, nearest};
use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, QUADRATIC_COUNT_MAX, Record, Timed};

#[user_doc(
    doc_section(label = "Similarity"),
    description = "The `k` stretches of `m` rows of a signal that are least like any other, the least first: a list of structs of `rank`, from 1, `time` and `end`, the times of its first and last row, `distance` to the one that is most like it (see `matrix_profile`), and `neighbor`, the time at which that one begins. No two of them overlap. A machine cycle that went wrong is one; where two went wrong alike, neither is. NULL below `m` rows. At most 20000 rows per group, in time that grows with their square.",
    syntax_example = "discord(value, time, m[, k])",
    sql_example = r#"```sql
SELECT asset_id, d['time'] AS start, d['end'] AS end, d['distance'] AS distance
FROM (SELECT asset_id, unnest(discord(current_a, time, 60, 3)) AS d FROM sensor_data GROUP BY asset_id, date_bin(INTERVAL '4 hours', time));
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
        name = "m",
        description = "The rows of a stretch: a constant, 3 or more; about what a machine cycle takes."
    ),
    argument(
        name = "k",
        description = "How many: a constant from 1 to 1000. Default 1. Fewer where no more have room."
    ),
    related_udf(name = "matrix_profile"),
    related_udf(name = "motif"),
    related_udf(name = "seasonal_anomaly")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Discord;

/// A stretch that is like no other.
#[derive(Debug)]
pub(crate) struct Odd {
    rank: i64,
    time: i64,
    end: i64,
    distance: f64,
    neighbor: i64,
}

impl Record for Odd {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let time = &argument_types[1];
        vec![
            ("rank", DataType::Int64),
            ("time", time.clone()),
            ("end", time.clone()),
            ("distance", DataType::Float64),
            ("neighbor", time.clone()),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |odd| Some(odd.rank)),
            integers(records, |odd| Some(odd.time)),
            integers(records, |odd| Some(odd.end)),
            floats(records, |odd| Some(odd.distance)),
            integers(records, |odd| Some(odd.neighbor)),
        ]
    }
}

impl CollectedFunction for Discord {
    const NAME: &'static str = "discord";

    const OPTIONS: &'static [(&'static str, DataType)] = OPTIONS;

    const REQUIRED: usize = 1;

    const COUNT_MAX: usize = QUADRATIC_COUNT_MAX;

    type Row = Timed;

    type Output = Vec<Odd>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Odd>>> {
        let (length, count) = (length(call)?, count(call)?);
        Ok(Formula::new(move |rows: &[Timed]| {
            let profile = nearest(rows, length)?;
            let odd = |(rank, index): (i64, usize)| {
                let nearest = profile[index]?;
                Some(Odd {
                    rank,
                    time: rows[index].time,
                    end: rows[index + length - 1].time,
                    distance: nearest.distance,
                    neighbor: rows[nearest.index].time,
                })
            };
            let discords = discords(&profile, length, count);
            Some((1..).zip(discords).filter_map(odd).collect())
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
        Case::with(Collected::udf(Discord), options)
    }

    #[test]
    fn the_cycle_that_went_wrong_is_found() {
        let mut x: Vec<f64> = (0..80_i32).map(|i| f64::from(i % 8 * (i % 8))).collect();
        x[43] = 0.0;
        let case = case(vec![8.into(), 2.into()]);
        let result = case.run(&signal(&x)).to_array().unwrap();
        let list = arrow::array::AsArray::as_list::<i32>(&result).value(0);
        let records = arrow::array::AsArray::as_struct(&list);
        let times = records.column_by_name("time").unwrap();
        let times = datafusion_common::cast::as_int64_array(times).unwrap();
        assert!((36..=43).contains(&times.value(0)), "{times:?}");
        case.check_list(&signal(&x), "rank", Some(&[1.0, 2.0]), 0.0);
    }

    #[test]
    fn short_signals_have_none() {
        case(vec![4.into()]).check_list(&signal(&[1.0, 2.0, 4.0]), "rank", None, 0.0);
        case(vec![4.into()]).check_list(&signal(&[1.0, 2.0, 4.0, 3.0]), "rank", Some(&[]), 0.0);
        let error = case(vec![4.into(), 0.into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("discord: argument `k` must be a whole number from 1 to 1000"),
            "{error}"
        );
    }
}
