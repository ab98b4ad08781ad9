//! `explain_deviation(name, value, mean, std[, name2, …])`: which features are how far from healthy.
//!
//! | feature                                        | result                                     |
//! |------------------------------------------------|--------------------------------------------|
//! | within 1.5 σ of its healthy mean               | left out                                   |
//! | a number missing, or σ of zero or below        | left out                                   |
//! | no feature is left                             | an empty list                              |
//! | several at one distance                        | in the order of the arguments              |

use std::sync::Arc;

use analytics::health::{DEVIATION_MIN, deviation};
use arrow::array::{ArrayRef, Float64Array, ListArray, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_macros::user_doc;

use crate::collected::output::offsets;
use crate::scalar::Operand;

/// Arguments per feature.
const WIDTH: usize = 4;

/// The function as DataFusion takes it.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(ExplainDeviation {
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

#[user_doc(
    doc_section(label = "Health"),
    description = "Which features of a row are how far from healthy, to explain an alarm without a model: a list of records `feature` and `z`, its distance from the healthy mean in standard deviations, of those at least 1.5 away, the farthest first. Features with a missing number or a `std` not above 0 are left out.",
    syntax_example = "explain_deviation(name, value, mean, std[, name2, value2, mean2, std2, …])",
    sql_example = r#"```sql
WITH healthy AS (SELECT avg(vibration_g) AS v, stddev(vibration_g) AS v_std, avg(current_a) AS c, stddev(current_a) AS c_std FROM sensor_data WHERE time < '2026-02-01')
SELECT time, asset_id, explain_deviation('vibration', vibration_g, v, v_std, 'current', current_a, c, c_std) AS why
FROM sensor_data, healthy;
```"#,
    argument(
        name = "name",
        description = "What to call the feature: a constant text."
    ),
    argument(name = "value", description = "Its value."),
    argument(name = "mean", description = "Its mean on a healthy machine."),
    argument(name = "std", description = "Its standard deviation there."),
    related_udf(name = "health_index"),
    related_udf(name = "risk_level")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
struct ExplainDeviation {
    signature: Signature,
}

fn record_fields() -> Fields {
    Fields::from(vec![
        Field::new("feature", DataType::Utf8, true),
        Field::new("z", DataType::Float64, true),
    ])
}

fn item() -> Arc<Field> {
    Arc::new(Field::new_list_field(
        DataType::Struct(record_fields()),
        true,
    ))
}

impl ScalarUDFImpl for ExplainDeviation {
    fn name(&self) -> &str {
        "explain_deviation"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        if arg_types.is_empty() || !arg_types.len().is_multiple_of(WIDTH) {
            return plan_err!(
                "explain_deviation: takes groups of four arguments (name, value, mean, std), got {} arguments",
                arg_types.len()
            );
        }
        let coerced = |(index, given): (usize, &DataType)| {
            let is_name = index.is_multiple_of(WIDTH);
            if is_name && given.is_string() {
                Ok(DataType::Utf8)
            } else if !is_name && (given.is_numeric() || given.is_null()) {
                Ok(DataType::Float64)
            } else {
                let expected = if is_name { "a text" } else { "a number" };
                let index = index + 1;
                plan_err!("explain_deviation: argument {index} must be {expected}, not {given}")
            }
        };
        arg_types.iter().enumerate().map(coerced).collect()
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(item()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (features, _) = args.args.as_chunks::<WIDTH>();
        let features = features.iter().map(|[name, value, mean, std]| {
            let ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))) = name else {
                return exec_err!("explain_deviation: a name must be a constant text");
            };
            let numbers = [value, mean, std].map(Operand::try_new);
            let [value, mean, std] = numbers;
            Ok((name.as_str(), [value?, mean?, std?]))
        });
        let features = features.collect::<Result<Vec<_>>>()?;
        let explain = |row: usize| {
            let far = |(name, numbers): &(&str, [Operand; 3])| {
                let [value, mean, std] = numbers.each_ref().map(|number| number.get(row));
                let z = deviation(value?, mean?, std?)?;
                (z.abs() >= DEVIATION_MIN).then(|| ((*name).to_owned(), z))
            };
            let mut records: Vec<(String, f64)> = features.iter().filter_map(far).collect();
            records.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
            records
        };
        let is_constant = |arg: &ColumnarValue| matches!(arg, ColumnarValue::Scalar(_));
        let is_one_row = args.args.iter().all(is_constant);
        let row_count = if is_one_row { 1 } else { args.number_rows };
        let lists = column((0..row_count).map(explain).collect())?;
        if is_one_row {
            let list = ScalarValue::try_from_array(&lists, 0)?;
            return Ok(ColumnarValue::Scalar(list));
        }
        Ok(ColumnarValue::Array(lists))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The lists of all rows as a column.
fn column(rows: Vec<Vec<(String, f64)>>) -> Result<ArrayRef> {
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    let (names, distances): (Vec<String>, Vec<f64>) = rows.into_iter().flatten().unzip();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(names)),
        Arc::new(Float64Array::from(distances)),
    ];
    let records = StructArray::try_new(record_fields(), columns, None)?;
    let lists = ListArray::try_new(item(), offsets(&lengths)?, Arc::new(records), None)?;
    Ok(Arc::new(lists))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Float64Type;
    use datafusion_common::config::ConfigOptions;

    use super::*;

    fn name(text: &str) -> ColumnarValue {
        ColumnarValue::Scalar(ScalarValue::from(text))
    }

    fn number(value: f64) -> ColumnarValue {
        ColumnarValue::Scalar(ScalarValue::from(value))
    }

    fn call(args: Vec<ColumnarValue>, row_count: usize) -> Result<ColumnarValue> {
        let field = |data_type: DataType| Arc::new(Field::new("argument", data_type, true));
        let types: Vec<DataType> = args.iter().map(ColumnarValue::data_type).collect();
        udf().invoke_with_args(ScalarFunctionArgs {
            arg_fields: types.iter().cloned().map(field).collect(),
            return_field: field(udf().return_type(&types)?),
            args,
            number_rows: row_count,
            config_options: Arc::new(ConfigOptions::default()),
        })
    }

    fn explained(lists: &ArrayRef, row: usize) -> Vec<(String, f64)> {
        let records = lists.as_list::<i32>().value(row);
        let records = records.as_struct();
        let names = records.column(0).as_string::<i32>();
        let distances = records.column(1).as_primitive::<Float64Type>();
        let name = |row: usize| (names.value(row).to_owned(), distances.value(row));
        (0..records.len()).map(name).collect()
    }

    #[test]
    fn the_farthest_feature_comes_first() {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(8.0), Some(12.0), None]));
        let args = vec![
            name("current"),
            ColumnarValue::Array(values),
            number(10.0),
            number(1.0),
            name("vibration"),
            number(0.9),
            number(0.3),
            number(0.2),
            name("dead"),
            number(5.0),
            number(1.0),
            number(0.0),
            name("voltage"),
            number(231.0),
            number(230.0),
            number(1.0),
        ];
        let lists = call(args, 3).unwrap().into_array(3).unwrap();
        let check = |row, expected: &[(&str, f64)]| {
            let actual = explained(&lists, row);
            assert_eq!(actual.len(), expected.len(), "{actual:?}");
            for ((name, z), (expected_name, expected_z)) in actual.iter().zip(expected) {
                assert!(
                    name == expected_name && (z - expected_z).abs() < 1e-9,
                    "{actual:?}"
                );
            }
        };
        check(0, &[("vibration", 3.0), ("current", -2.0)]);
        check(1, &[("vibration", 3.0), ("current", 2.0)]);
        check(2, &[("vibration", 3.0)]);
    }

    #[test]
    fn constants_give_one_value() {
        let args = vec![name("x"), number(2.0), number(0.0), number(1.0)];
        let ColumnarValue::Scalar(value) = call(args, 5).unwrap() else {
            panic!("a constant");
        };
        let lists = value.to_array().unwrap();
        assert_eq!(explained(&lists, 0), [("x".to_owned(), 2.0)]);
        let args = vec![name("x"), number(1.4), number(0.0), number(1.0)];
        let lists = call(args, 1).unwrap().into_array(1).unwrap();
        assert_eq!(explained(&lists, 0), []);
    }

    #[test]
    fn features_come_as_four_arguments() {
        use DataType::{Float64, Int64, Null, Utf8};
        let check = |given: &[DataType], expected: Option<&[DataType]>| {
            let coerced = udf().coerce_types(given).ok();
            assert_eq!(coerced.as_deref(), expected, "{given:?}");
        };
        check(
            &[Utf8, Int64, Float64, Null],
            Some(&[Utf8, Float64, Float64, Float64]),
        );
        check(&[Utf8, Int64, Float64], None);
        check(&[Int64, Int64, Float64, Int64], None);
        check(&[Utf8, Utf8, Float64, Int64], None);
        check(&[], None);
        let column: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let args = vec![
            ColumnarValue::Array(column),
            number(2.0),
            number(0.0),
            number(1.0),
        ];
        let error = call(args, 1).unwrap_err().strip_backtrace();
        assert!(error.contains("a name must be a constant text"), "{error}");
    }
}
