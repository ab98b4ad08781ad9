//! `rul_similarity(trajectory, library[, points[, runs[, level]]])`: what was left to machines that were like this one.
//!
//! | arguments                                              | result  |
//! |--------------------------------------------------------|---------|
//! | the trajectory or the library is NULL                  | NULL    |
//! | fewer than two points, or no run as long as the stretch | NULL   |
//! | a run of the library is NULL                           | skipped |
//! | a point with a NULL, a NaN or an infinity              | skipped |
//! | more comparisons of points than a hundred million      | an error |

use std::sync::Arc;

use analytics::rul::{RunPoint, SimilarRul, Similarity};
use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_common::cast::as_float64_array;
use datafusion_common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_macros::user_doc;

use crate::collected::output::{Output, floats, integers};
use crate::collected::{Record, Struct};
use crate::values::is_present;

const NAME: &str = "rul_similarity";

/// Comparisons of points of one row: half a second or so.
const COMPARISONS_MAX: u64 = 100_000_000;

/// The constants behind the columns.
const OPTIONS: [&str; 3] = ["points", "runs", "level"];

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "Remaining useful life by similarity (Wang et al. 2008): where runs to failure were most like the last points of this machine, and what was left to them then. A struct of `rul`, the weighted median of what was left to the nearest runs, its bounds `lower` and `upper`, between which is `level` of the weight, how many `runs` were taken, and the `distance` of the nearest. The distance of a run is the least root mean square difference of health, whichever age of the run the stretch ends at, its points as far apart in time as those of the machine; weights are exp(−½·(distance / scale)²), with the median of the distances as the scale. In the unit of the ages. It needs no law of degradation, but runs from about new to failure in a health that means the same on every machine. NULL where no run is as long as the stretch.",
    syntax_example = "rul_similarity(trajectory, library[, points[, runs[, level]]])",
    sql_example = r#"```sql
WITH library AS (
  SELECT array_agg(run) AS runs FROM (SELECT unit_number, trajectory(health, time_cycles) AS run FROM failed GROUP BY unit_number)
), running AS (
  SELECT unit_number, trajectory(health, time_cycles) AS run FROM engines GROUP BY unit_number
)
SELECT unit_number, r['rul'] AS cycles, r['lower'] AS at_least
FROM (SELECT unit_number, rul_similarity(run, runs, 40, 10) AS r FROM running CROSS JOIN library);
```"#,
    argument(
        name = "trajectory",
        description = "The health of the machine by age: a list of `trajectory`."
    ),
    argument(
        name = "library",
        description = "Those of machines from new to their failure: a list of such lists, as `array_agg` makes one."
    ),
    argument(
        name = "points",
        description = "How many of the machine's last points are compared: a constant from 2 to 10000. Default 30; all where there are fewer."
    ),
    argument(
        name = "runs",
        description = "How many of the nearest runs are taken: a constant from 1 to 10000. Default 10."
    ),
    argument(
        name = "level",
        description = "A constant above 0 and below 1: the share of the weight between the bounds. Default 0.9."
    ),
    related_udf(name = "trajectory"),
    related_udf(name = "rul_linear"),
    related_udf(name = "rul_wiener")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulSimilarity {
    signature: Signature,
}

/// The function as DataFusion takes it.
pub(crate) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(RulSimilarity {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

/// The type of a trajectory.
fn run_type() -> DataType {
    Vec::<RunPoint>::data_type(&[])
}

/// The type of a library.
fn library_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(run_type(), true)))
}

/// Whether a type is the wanted one but for the names of list items and what may be NULL; or NULL itself.
fn is_like(given: &DataType, wanted: &DataType) -> bool {
    match (given, wanted) {
        (DataType::Null, _) => true,
        (DataType::List(given) | DataType::LargeList(given), DataType::List(wanted)) => {
            is_like(given.data_type(), wanted.data_type())
        }
        (DataType::Struct(given), DataType::Struct(wanted)) => {
            let names = |fields: &Fields| -> Vec<String> {
                fields.iter().map(|field| field.name().clone()).collect()
            };
            names(given) == names(wanted)
                && given.iter().all(|field| field.data_type().is_numeric())
        }
        _ => false,
    }
}

impl Record for SimilarRul {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("rul", DataType::Float64),
            ("lower", DataType::Float64),
            ("upper", DataType::Float64),
            ("runs", DataType::Int64),
            ("distance", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |found| Some(found.rul)),
            floats(records, |found| Some(found.lower)),
            floats(records, |found| Some(found.upper)),
            integers(records, |found| i64::try_from(found.runs).ok()),
            floats(records, |found| Some(found.distance)),
        ]
    }
}

/// The constant of an option, a number that `is_valid`.
fn option(
    args: &ScalarFunctionArgs,
    index: usize,
    default: f64,
    expected: &str,
    is_valid: impl Fn(f64) -> bool,
) -> Result<f64> {
    let name = OPTIONS[index];
    match args.args.get(2 + index) {
        None => Ok(default),
        Some(ColumnarValue::Scalar(ScalarValue::Float64(Some(value)))) if is_valid(*value) => {
            Ok(*value)
        }
        Some(ColumnarValue::Scalar(other)) => {
            plan_err!("{NAME}: argument `{name}` must be {expected}, not {other}")
        }
        Some(ColumnarValue::Array(_)) => {
            plan_err!("{NAME}: argument `{name}` must be a constant")
        }
    }
}

fn similarity(args: &ScalarFunctionArgs) -> Result<Similarity> {
    let is_count = |min: f64| move |n: f64| n.fract() == 0.0 && (min..=1e4).contains(&n);
    let points = option(
        args,
        0,
        30.0,
        "a whole number from 2 to 10000",
        is_count(2.0),
    )?;
    let runs = option(
        args,
        1,
        10.0,
        "a whole number from 1 to 10000",
        is_count(1.0),
    )?;
    let is_share = |level: f64| level > 0.0 && level < 1.0;
    Ok(Similarity {
        points: points as usize,
        runs: runs as usize,
        level: option(args, 2, 0.9, "a number above 0 and below 1", is_share)?,
    })
}

/// The points of a list that are all there, in the order of age; of several at one age the lowest.
fn points(list: &ArrayRef) -> Result<Vec<RunPoint>> {
    let Some(records) = list.as_struct_opt() else {
        return internal_err!("{NAME}: a trajectory is no list of structs");
    };
    let column = |name: &str| match records.column_by_name(name) {
        Some(column) => as_float64_array(column),
        None => internal_err!("{NAME}: a trajectory has no {name}"),
    };
    let (ages, healths) = (column("age")?, column("health")?);
    let is_whole =
        |row: usize| records.is_valid(row) && is_present(ages, row) && is_present(healths, row);
    let point = |row: usize| RunPoint {
        age: ages.value(row),
        health: healths.value(row),
    };
    let rows = (0..records.len()).filter(|row| is_whole(*row));
    let mut points: Vec<RunPoint> = rows.map(point).collect();
    points.sort_by(|a, b| a.age.total_cmp(&b.age).then(a.health.total_cmp(&b.health)));
    points.dedup_by_key(|point| point.age);
    Ok(points)
}

/// The runs of a library.
fn runs(library: &ArrayRef) -> Result<Vec<Vec<RunPoint>>> {
    let library: &ListArray = library.as_list();
    library.iter().flatten().map(|run| points(&run)).collect()
}

/// A column of lists, or the same list in every row, which is not repeated.
struct Lists(ArrayRef);

impl Lists {
    fn try_new(arg: &ColumnarValue) -> Result<Self> {
        Ok(Self(match arg {
            ColumnarValue::Array(lists) => Arc::clone(lists),
            ColumnarValue::Scalar(list) => list.to_array()?,
        }))
    }

    fn get(&self, row: usize) -> Option<ArrayRef> {
        let lists: &ListArray = self.0.as_list();
        let row = if lists.len() == 1 { 0 } else { row };
        lists.is_valid(row).then(|| lists.value(row))
    }
}

/// What is known of each row.
fn evaluate(
    trajectories: &Lists,
    libraries: &Lists,
    row_count: usize,
    similarity: Similarity,
) -> Result<Vec<Option<Struct<SimilarRul>>>> {
    let mut last: Option<(ArrayRef, Vec<Vec<RunPoint>>)> = None;
    let mut results = Vec::with_capacity(row_count);
    for row in 0..row_count {
        let (Some(current), Some(library)) = (trajectories.get(row), libraries.get(row)) else {
            results.push(None);
            continue;
        };
        // The same library comes with every row.
        let known = match last.take() {
            Some((list, known)) if list.as_ref() == library.as_ref() => known,
            _ => runs(&library)?,
        };
        let comparisons = similarity.comparisons(known.iter().map(Vec::len));
        if comparisons > COMPARISONS_MAX {
            return exec_err!(
                "{NAME}: {comparisons} comparisons of points are more than {COMPARISONS_MAX}: compare fewer `points`, or a library of fewer"
            );
        }
        results.push(similarity.rul(&points(&current)?, &known).map(Struct));
        last = Some((library, known));
    }
    Ok(results)
}

impl ScalarUDFImpl for RulSimilarity {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let is_number = |kind: &DataType| kind.is_numeric() || kind.is_null();
        match arg_types {
            [run, library, options @ ..]
                if is_like(run, &run_type())
                    && is_like(library, &library_type())
                    && options.len() <= OPTIONS.len()
                    && options.iter().all(is_number) =>
            {
                let mut types = vec![run_type(), library_type()];
                types.extend(options.iter().map(|_| DataType::Float64));
                Ok(types)
            }
            _ => plan_err!(
                "{NAME} takes a list of `trajectory`, a list of such lists, and optionally the constants `points`, `runs` and `level`"
            ),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(Struct::<SimilarRul>::data_type(&[]))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let similarity = similarity(&args)?;
        let (runs, libraries) = (
            Lists::try_new(&args.args[0])?,
            Lists::try_new(&args.args[1])?,
        );
        let return_type = args.return_field.data_type();
        let is_constant = |arg: &ColumnarValue| matches!(arg, ColumnarValue::Scalar(_));
        if args.args.iter().all(is_constant) {
            let results = evaluate(&runs, &libraries, 1, similarity)?;
            let result = ScalarValue::try_from_array(&Struct::array(results, return_type)?, 0)?;
            return Ok(ColumnarValue::Scalar(result));
        }
        let results = evaluate(&runs, &libraries, args.number_rows, similarity)?;
        Ok(ColumnarValue::Array(Struct::array(results, return_type)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use arrow::compute::cast;
    use arrow::datatypes::Float64Type;
    use datafusion_common::config::ConfigOptions;

    use super::*;

    fn list(runs: &[Option<&[(f64, f64)]>]) -> ArrayRef {
        let run = |points: &&[(f64, f64)]| -> Vec<RunPoint> {
            let point = |(age, health): &(f64, f64)| RunPoint {
                age: *age,
                health: *health,
            };
            points.iter().map(point).collect()
        };
        let runs = runs.iter().map(|points| points.as_ref().map(run)).collect();
        Vec::<RunPoint>::array(runs, &run_type()).unwrap()
    }

    fn library(runs: &[Option<&[(f64, f64)]>]) -> ScalarValue {
        let runs = list(runs);
        let DataType::List(item) = library_type() else {
            unreachable!("a library is a list")
        };
        let offsets = crate::collected::output::offsets(&[runs.len()]).unwrap();
        ScalarValue::List(Arc::new(ListArray::new(item, offsets, runs, None)))
    }

    fn call(trajectories: ArrayRef, library: ScalarValue, options: &[f64]) -> Result<ArrayRef> {
        let udf = udf();
        let mut types = vec![run_type(), library_type()];
        types.extend(options.iter().map(|_| DataType::Float64));
        let types = udf.coerce_types(&types)?;
        let number_rows = trajectories.len();
        let mut args = vec![ColumnarValue::Array(trajectories), library.into()];
        args.extend(
            options
                .iter()
                .map(|option| ScalarValue::from(*option).into()),
        );
        let fields = types
            .into_iter()
            .map(|kind| Arc::new(Field::new("x", kind, true)));
        let result = udf.invoke_with_args(ScalarFunctionArgs {
            args,
            arg_fields: fields.collect(),
            number_rows,
            return_field: Arc::new(Field::new("r", udf.return_type(&[])?, true)),
            config_options: Arc::new(ConfigOptions::default()),
        })?;
        result.into_array(number_rows)
    }

    const SLOW: &[(f64, f64)] = &[(0.0, 1.0), (1.0, 0.9), (2.0, 0.7), (3.0, 0.4), (4.0, 0.0)];
    const FAST: &[(f64, f64)] = &[(0.0, 1.0), (1.0, 0.5), (2.0, 0.0)];

    fn check(
        run: Option<&[(f64, f64)]>,
        library: &ScalarValue,
        options: &[f64],
        expected: Option<[f64; 4]>,
    ) {
        let result = call(list(&[run]), library.clone(), options).unwrap();
        let result = result.as_struct();
        assert_eq!(result.is_valid(0), expected.is_some(), "{run:?}");
        for (name, expected) in ["rul", "lower", "upper", "runs"]
            .into_iter()
            .zip(expected.unwrap_or_default())
        {
            let column = cast(result.column_by_name(name).unwrap(), &DataType::Float64).unwrap();
            if result.is_valid(0) {
                let actual = column.as_primitive::<Float64Type>().value(0);
                assert!((actual - expected).abs() < 1e-9, "{name}: {actual}");
            }
        }
    }

    #[test]
    fn what_was_left_to_the_nearest_is_left() {
        let both = library(&[Some(SLOW), None, Some(FAST)]);
        check(
            Some(&SLOW[1..4]),
            &both,
            &[2.0, 1.0],
            Some([1.0, 1.0, 1.0, 1.0]),
        );
        check(
            Some(&FAST[..2]),
            &both,
            &[2.0, 1.0],
            Some([1.0, 1.0, 1.0, 1.0]),
        );
        // The fast one is not much like it, but weighs something.
        check(
            Some(&SLOW[..2]),
            &both,
            &[2.0, 2.0, 0.999],
            Some([3.0, 1.0, 3.0, 2.0]),
        );
        check(Some(&SLOW[..1]), &both, &[], None);
        check(None, &both, &[], None);
        check(Some(SLOW), &library(&[]), &[], None);
    }

    #[test]
    fn arguments_must_make_sense() {
        let error = call(list(&[Some(SLOW)]), library(&[]), &[1.0]).unwrap_err();
        let error = error.strip_backtrace();
        assert!(
            error.contains(
                "rul_similarity: argument `points` must be a whole number from 2 to 10000, not 1"
            ),
            "{error}"
        );
        let error = udf()
            .coerce_types(&[DataType::Float64, library_type()])
            .unwrap_err();
        let error = error.strip_backtrace();
        assert!(
            error.contains("rul_similarity takes a list of `trajectory`"),
            "{error}"
        );
    }
}
