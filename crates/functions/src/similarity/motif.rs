//! `motif(value, time, m[, k])`: the pairs of stretches of a signal that are most alike.

use analytics::similarity::{Nearest, motifs};
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
    description = "The `k` pairs of stretches of `m` rows of a signal that are most alike in shape, the most first: a list of structs of `rank`, from 1, `time`, at which the earlier one begins, `neighbor`, at which the later one does, and their `distance` (see `matrix_profile`). No two pairs overlap; the stretches of one are at least a quarter of `m` apart. It finds what a machine does again and again. NULL below `m` rows. At most 20000 rows per group, in time that grows with their square.",
    syntax_example = "motif(value, time, m[, k])",
    sql_example = r#"```sql
SELECT p['time'] AS first, p['neighbor'] AS again, p['distance'] AS distance
FROM (SELECT unnest(motif(current_a, time, 60, 5)) AS p FROM sensor_data WHERE asset_id = 'press-3' AND time > now() - INTERVAL '4 hours');
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
        description = "The rows of a stretch: a constant, 3 or more."
    ),
    argument(
        name = "k",
        description = "How many pairs: a constant from 1 to 1000. Default 1. Fewer where no more have room."
    ),
    related_udf(name = "matrix_profile"),
    related_udf(name = "discord")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Motif;

/// Two stretches that are alike.
#[derive(Debug)]
pub(crate) struct Alike {
    rank: i64,
    time: i64,
    neighbor: i64,
    distance: f64,
}

impl Record for Alike {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let time = &argument_types[1];
        vec![
            ("rank", DataType::Int64),
            ("time", time.clone()),
            ("neighbor", time.clone()),
            ("distance", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |alike| Some(alike.rank)),
            integers(records, |alike| Some(alike.time)),
            integers(records, |alike| Some(alike.neighbor)),
            floats(records, |alike| Some(alike.distance)),
        ]
    }
}

/// The distance of a pair, which is known from one of the two at least.
fn distance(profile: &[Option<Nearest>], one: usize, other: usize) -> Option<f64> {
    let from = |one: usize, other: usize| {
        let nearest = profile[one]?;
        (nearest.index == other).then_some(nearest.distance)
    };
    from(one, other).or_else(|| from(other, one))
}

impl CollectedFunction for Motif {
    const NAME: &'static str = "motif";

    const OPTIONS: &'static [(&'static str, DataType)] = OPTIONS;

    const REQUIRED: usize = 1;

    const COUNT_MAX: usize = QUADRATIC_COUNT_MAX;

    type Row = Timed;

    type Output = Vec<Alike>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Alike>>> {
        let (length, count) = (length(call)?, count(call)?);
        Ok(Formula::new(move |rows: &[Timed]| {
            let profile = nearest(rows, length)?;
            let alike = |(rank, (one, other)): (i64, (usize, usize))| {
                Some(Alike {
                    rank,
                    time: rows[one].time,
                    neighbor: rows[other].time,
                    distance: distance(&profile, one, other)?,
                })
            };
            let motifs = motifs(&profile, length, count);
            Some((1..).zip(motifs).filter_map(alike).collect())
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
        Case::with(Collected::udf(Motif), options)
    }

    #[test]
    fn what_comes_again_is_found() {
        let mut x: Vec<f64> = (0..60_i32).map(|i| f64::from(i * i * i % 101)).collect();
        for (offset, value) in [3.0, 9.0, 4.0, 40.0, 41.0, 5.0, 0.0, 80.0]
            .into_iter()
            .enumerate()
        {
            x[10 + offset] = value;
            x[45 + offset] = 2.0 * value + 7.0;
        }
        let case = case(vec![8.into()]);
        case.check_list(&signal(&x), "time", Some(&[10.0]), 0.0);
        case.check_list(&signal(&x), "neighbor", Some(&[45.0]), 0.0);
        case.check_list(&signal(&x), "rank", Some(&[1.0]), 0.0);
    }

    #[test]
    fn short_signals_have_none() {
        case(vec![4.into()]).check_list(&signal(&[1.0, 2.0, 4.0]), "rank", None, 0.0);
        case(vec![4.into()]).check_list(&signal(&[1.0, 2.0, 4.0, 3.0]), "rank", Some(&[]), 0.0);
        let error = case(vec![4.into(), 1001.into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("motif: argument `k` must be a whole number from 1 to 1000"),
            "{error}"
        );
    }
}
