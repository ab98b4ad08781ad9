//! `trailing_features(x, rows, recent, first) OVER (… ORDER BY …)`: what the rows up to each one say about a signal, or about
//! every field of a record of signals.
//!
//! | `x`                | result: a record of                                                                     |
//! |--------------------|-----------------------------------------------------------------------------------------|
//! | a number           | `last`, `mean`, `spread`, `slope`, `recent`, `moved`                                    |
//! | a record of numbers | for every field `a`: `a`, `a_mean`, `a_spread`, `a_slope`, `a_recent`, `a_moved`       |
//!
//! | rows                                   | result                                                              |
//! |----------------------------------------|---------------------------------------------------------------------|
//! | NULL, NaN, infinity in a window        | left out; the other values keep their places                        |
//! | nothing but these in a window          | NULL                                                                |
//! | a single value                         | `spread` 0, `slope` NULL                                            |
//! | the row itself is missing              | `last` is NULL, the rest is that of the rows before                 |
//!
//! A partition is evaluated at once, whatever the frame is.

use std::sync::Arc;

use analytics::features::{Reach, Trailing, trailing};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Schema};
use datafusion_common::{Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{
    ColumnarValue, Documentation, LimitEffect, PartitionEvaluator, Signature, Volatility,
    WindowUDF, WindowUDFImpl,
};
use datafusion_macros::user_doc;
use datafusion_physical_expr_common::physical_expr::PhysicalExpr;

const NAME: &str = "trailing_features";

/// The constants, after the signal.
const CONSTANTS: [&str; 3] = ["rows", "recent", "first"];

/// Every window is computed anew: more rows than this take too long to be meant.
const ROWS_MAX: i64 = 10_000;

/// What is told of a signal besides its last value.
const FEATURES: [&str; 5] = ["mean", "spread", "slope", "recent", "moved"];

#[user_doc(
    doc_section(label = "Features"),
    description = "What the last rows say about a signal, as a record: `last` (the value itself), `mean`, `spread` (population standard deviation) and `slope` (least squares, per row) of the last `rows` rows, `recent`, the mean of the last `recent` rows, and `moved`, the mean less that of the first `first` rows of the partition, when the machine was new. Of a record of signals, such as `model_outputs` gives, the same for every field: `s_2`, `s_2_mean`, `s_2_spread`, …. Missing values are left out. These are the features that remaining life is learned from: a window says more than a row. The result does not depend on the frame; a partition is held in memory.",
    syntax_example = "trailing_features(x, rows, recent, first) OVER (… ORDER BY …)",
    sql_example = r#"```sql
SELECT time, asset_id, trailing_features(vibration_g, 30, 5, 20) OVER (PARTITION BY asset_id ORDER BY time) AS vibration FROM sensor_data;

SELECT time, asset_id, trailing_features(struct(vibration_g AS g, current_a AS a), 30, 5, 20) OVER (PARTITION BY asset_id ORDER BY time) AS f
FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type, or a record of signals. NULL, NaN and infinities are missing."
    ),
    argument(
        name = "rows",
        description = "A constant: the rows of the window, the present one included, from 1 to 10000."
    ),
    argument(
        name = "recent",
        description = "A constant: the rows of the short window, from 1 to 10000."
    ),
    argument(
        name = "first",
        description = "A constant: the rows at the start of the partition that say what is normal, from 1 to 10000."
    ),
    related_udf(name = "model_outputs"),
    related_udf(name = "ts_features"),
    related_udf(name = "rul_label")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TrailingFeatures {
    signature: Signature,
}

pub(super) fn udf() -> WindowUDF {
    WindowUDF::new_from_impl(TrailingFeatures {
        // By hand: what a record may hold cannot be said otherwise.
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

/// The fields of the result for a signal of this type.
fn fields(signal: &DataType) -> Fields {
    let names: Vec<String> = match signal {
        DataType::Struct(signals) => {
            let of = |signal: &FieldRef| {
                let name = signal.name().clone();
                let features = FEATURES.map(|feature| format!("{name}_{feature}"));
                std::iter::once(name).chain(features)
            };
            signals.iter().flat_map(of).collect()
        }
        _ => {
            let names = std::iter::once("last").chain(FEATURES);
            names.map(str::to_owned).collect()
        }
    };
    let field = |name: String| Field::new(name, DataType::Float64, true);
    names.into_iter().map(field).collect()
}

/// The type that a signal is cast to; `None` if it is none.
fn coerced_signal(given: &DataType) -> Option<DataType> {
    let is_number = |given: &DataType| given.is_numeric() || given.is_null();
    match given {
        DataType::Struct(signals) => {
            let are_numbers = signals.iter().all(|field| is_number(field.data_type()));
            let float = |field: &FieldRef| Field::new(field.name(), DataType::Float64, true);
            let floats = || DataType::Struct(signals.iter().map(float).collect());
            (are_numbers && !signals.is_empty()).then(floats)
        }
        number => is_number(number).then_some(DataType::Float64),
    }
}

impl WindowUDFImpl for TrailingFeatures {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let coerced = match arg_types {
            [signal, counts @ ..] if counts.len() == CONSTANTS.len() => {
                let are_counts = counts.iter().all(|given| given.is_integer());
                coerced_signal(signal).filter(|_| are_counts)
            }
            _ => None,
        };
        let Some(signal) = coerced else {
            let given: Vec<String> = arg_types.iter().map(DataType::to_string).collect();
            return plan_err!(
                "{NAME} takes {NAME}(x, rows, recent, first), x a number or a record of numbers and the others whole numbers, not ({})",
                given.join(", ")
            );
        };
        let counts = [const { DataType::Int64 }; CONSTANTS.len()];
        Ok(std::iter::once(signal).chain(counts).collect())
    }

    /// Constants are read once, when an evaluator is made.
    fn expressions(&self, expr_args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        expr_args
            .input_exprs()
            .iter()
            .take(1)
            .map(Arc::clone)
            .collect()
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        let no_columns = RecordBatch::new_empty(Schema::empty().into());
        let mut counts = [0; CONSTANTS.len()];
        for (place, name) in CONSTANTS.iter().enumerate() {
            let given = args.input_exprs().get(place + 1);
            let given = given.and_then(|expr| expr.evaluate(&no_columns).ok());
            counts[place] = match given {
                Some(ColumnarValue::Scalar(ScalarValue::Int64(Some(count @ 1..=ROWS_MAX)))) => {
                    count as usize
                }
                Some(ColumnarValue::Scalar(given)) => {
                    return plan_err!(
                        "{NAME}: argument `{name}` must be a number from 1 to {ROWS_MAX}, not {given}"
                    );
                }
                _ => return plan_err!("{NAME}: argument `{name}` must be a constant"),
            };
        }
        let [rows, recent, first] = counts;
        Ok(Box::new(Evaluator(Reach {
            rows,
            recent,
            first,
        })))
    }

    fn field(&self, field_args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let signal = field_args.input_fields().first();
        let signal = signal.map_or(&DataType::Float64, |field| field.data_type());
        let record = DataType::Struct(fields(signal));
        Ok(Arc::new(Field::new(field_args.name(), record, true)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }

    fn limit_effect(&self, _args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        LimitEffect::None
    }
}

#[derive(Debug)]
struct Evaluator(Reach);

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], _num_rows: usize) -> Result<ArrayRef> {
        let Some(signal) = values.first() else {
            return internal_err!("{NAME}: the signal is missing");
        };
        let fields = fields(signal.data_type());
        let columns = match signal.as_struct_opt() {
            Some(record) => {
                let (_, signals) = record.flatten();
                signals.iter().flat_map(|signal| self.of(signal)).collect()
            }
            None => self.of(signal).collect::<Vec<_>>(),
        };
        Ok(Arc::new(StructArray::try_new(fields, columns, None)?))
    }
}

impl Evaluator {
    /// The columns of one signal.
    fn of(&self, signal: &ArrayRef) -> impl Iterator<Item = ArrayRef> + use<> {
        let signal = signal.as_primitive::<Float64Type>();
        let values: Vec<f64> = match signal.null_count() {
            0 => signal.values().to_vec(),
            _ => signal
                .iter()
                .map(|value| value.unwrap_or(f64::NAN))
                .collect(),
        };
        let Trailing {
            mean,
            spread,
            slope,
            recent,
            moved,
        } = trailing(&values, self.0);
        [values, mean, spread, slope, recent, moved]
            .into_iter()
            .map(column)
    }
}

/// A column in which what is no number is NULL.
fn column(values: Vec<f64>) -> ArrayRef {
    let present = |value: f64| value.is_finite().then_some(value);
    Arc::new(values.into_iter().map(present).collect::<Float64Array>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::testing::{WindowCase, values};

    fn case(counts: [i64; 3]) -> WindowCase {
        WindowCase::with(udf(), counts.map(ScalarValue::from).to_vec())
    }

    fn field(result: &ArrayRef, name: &str) -> Vec<Option<f64>> {
        let record = result.as_struct();
        let column = record
            .column_by_name(name)
            .unwrap_or_else(|| panic!("{name}"));
        column.as_primitive::<Float64Type>().iter().collect()
    }

    #[test]
    fn a_number_gives_the_features_by_their_own_names() {
        let result = case([3, 2, 2]).run(&[values(&[1.0, 3.0, f64::NAN, 8.0])]);
        let result = result.unwrap();
        let check = |name, expected: [Option<f64>; 4]| {
            assert_eq!(field(&result, name), expected, "{name}");
        };
        check("last", [Some(1.0), Some(3.0), None, Some(8.0)]);
        check("mean", [Some(1.0), Some(2.0), Some(2.0), Some(5.5)]);
        check("spread", [Some(0.0), Some(1.0), Some(1.0), Some(2.5)]);
        check("slope", [None, Some(2.0), Some(2.0), Some(2.5)]);
        check("recent", [Some(1.0), Some(2.0), Some(3.0), Some(8.0)]);
        check("moved", [Some(0.0), Some(0.0), Some(0.0), Some(3.5)]);
    }

    #[test]
    fn a_record_gives_the_features_of_every_field() {
        let signals = [("a", values(&[1.0, 3.0])), ("b", values(&[4.0, f64::NAN]))];
        let fields = signals
            .iter()
            .map(|(name, _)| Field::new(*name, DataType::Float64, true));
        let columns = signals
            .iter()
            .map(|(_, column)| Arc::clone(column))
            .collect();
        let record = StructArray::new(fields.collect(), columns, Some(vec![true, true].into()));
        let result = case([30, 5, 20]).run(&[Arc::new(record)]).unwrap();
        let names = result.as_struct().column_names();
        let expected =
            "a a_mean a_spread a_slope a_recent a_moved b b_mean b_spread b_slope b_recent b_moved";
        assert_eq!(names.join(" "), expected);
        assert_eq!(field(&result, "a_mean"), [Some(1.0), Some(2.0)]);
        assert_eq!(field(&result, "b"), [Some(4.0), None]);
        assert_eq!(field(&result, "b_recent"), [Some(4.0), Some(4.0)]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let column = values(&[1.0]);
        for counts in [[0, 5, 20], [30, -1, 20], [30, 5, 10_001]] {
            let said = case(counts).error(&[Arc::clone(&column)]);
            assert!(said.contains("must be a number from 1 to 10000"), "{said}");
        }
        let refuse = |types: &[DataType]| udf().coerce_types(types).unwrap_err().to_string();
        let text = [
            DataType::Utf8,
            DataType::Int64,
            DataType::Int64,
            DataType::Int64,
        ];
        assert!(refuse(&text).contains("x a number or a record of numbers"));
        assert!(refuse(&[DataType::Float64]).contains("(x, rows, recent, first)"));
        let record = DataType::Struct(vec![Field::new("a", DataType::Utf8, true)].into());
        let record = [record, DataType::Int64, DataType::Int64, DataType::Int64];
        assert!(refuse(&record).contains("a record of numbers"));
    }
}
