//! `matrix_profile(value, time, m)`: for every stretch of a signal the one that is most like it.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::{length, nearest};
use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, QUADRATIC_COUNT_MAX, Record, Timed};

#[user_doc(
    doc_section(label = "Similarity"),
    description = "For every stretch of `m` rows of a signal the other one that is most like it in shape, whatever its level and size (matrix profile, Yeh et al. 2016): a list of structs of `time` and `end`, the times of its first and last row, `distance`, the Euclidean distance of their z scores, and `neighbor`, the time at which the other one begins. Two constant stretches are at distance 0, a constant one is at √m from any other. Stretches that begin within a quarter of `m` of one another are not compared; one that has no other has NULL. As `stumpy.stump`. NULL below `m` rows. At most 20000 rows per group, in time that grows with their square.",
    syntax_example = "matrix_profile(value, time, m)",
    sql_example = r#"```sql
SELECT p['time'] AS time, p['distance'] AS distance
FROM (SELECT unnest(matrix_profile(current_a, time, 60)) AS p FROM sensor_data WHERE asset_id = 'press-3' AND time > now() - INTERVAL '4 hours');
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
    related_udf(name = "discord"),
    related_udf(name = "motif")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MatrixProfile;

/// A stretch and the one that is most like it, by their times.
#[derive(Debug)]
pub(crate) struct Stretch {
    time: i64,
    end: i64,
    neighbor: Option<(i64, f64)>,
}

impl Record for Stretch {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let time = &argument_types[1];
        vec![
            ("time", time.clone()),
            ("end", time.clone()),
            ("distance", DataType::Float64),
            ("neighbor", time.clone()),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |stretch| Some(stretch.time)),
            integers(records, |stretch| Some(stretch.end)),
            floats(records, |stretch| {
                stretch.neighbor.map(|(_, distance)| distance)
            }),
            integers(records, |stretch| stretch.neighbor.map(|(time, _)| time)),
        ]
    }
}

impl CollectedFunction for MatrixProfile {
    const NAME: &'static str = "matrix_profile";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("m", DataType::Int64)];

    const REQUIRED: usize = 1;

    const COUNT_MAX: usize = QUADRATIC_COUNT_MAX;

    type Row = Timed;

    type Output = Vec<Stretch>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Stretch>>> {
        let length = length(call)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let profile = nearest(rows, length)?.into_iter().enumerate();
            let stretch =
                |(index, nearest): (usize, Option<analytics::similarity::Nearest>)| Stretch {
                    time: rows[index].time,
                    end: rows[index + length - 1].time,
                    neighbor: nearest.map(|other| (rows[other.index].time, other.distance)),
                };
            Some(profile.map(stretch).collect())
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

    const NAN: f64 = f64::NAN;

    fn case(m: i64) -> Case {
        Case::with(Collected::udf(MatrixProfile), vec![ScalarValue::from(m)])
    }

    #[test]
    fn stretches_of_one_shape_are_alike() {
        // The same ramp three times, at different levels and sizes.
        let x = [0.0, 1.0, 3.0, NAN, 9.0, 10.0, 12.0, 50.0, 54.0, 62.0];
        let times = [0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 7.0];
        case(3).check_list(&signal(&x), "time", Some(&times), 0.0);
        let ends = [2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        case(3).check_list(&signal(&x), "end", Some(&ends), 0.0);
        let result = case(3).run(&signal(&x)).to_array().unwrap();
        let list = arrow::array::AsArray::as_list::<i32>(&result).value(0);
        let records = arrow::array::AsArray::as_struct(&list);
        let distances = records.column_by_name("distance").unwrap();
        let distances = datafusion_common::cast::as_float64_array(distances).unwrap();
        for alike in [0, 3, 6] {
            assert!(distances.value(alike) < 1e-12, "{distances:?}");
        }
    }

    #[test]
    fn a_stretch_alone_has_no_neighbour() {
        case(4).check_list(
            &signal(&[1.0, 2.0, 4.0, 3.0]),
            "distance",
            Some(&[NAN]),
            0.0,
        );
        case(4).check_list(&signal(&[1.0, 2.0, 4.0]), "distance", None, 0.0);
        case(4).check_list(&signal(&[]), "distance", None, 0.0);
        let error = case(2).error(&signal(&[1.0]));
        assert!(
            error.contains("matrix_profile: argument `m` must be a whole number from 3 to 20000"),
            "{error}"
        );
    }
}
