//! Running an aggregate every way that a query can run it, through the planner's own expressions.
//!
//! Works for any aggregate whose result does not depend on the order of rows.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, UInt64Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::type_coercion::functions::fields_with_udf;
use datafusion_expr::{Accumulator, AggregateUDF, EmitTo, GroupsAccumulator};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion_physical_expr::expressions::{CastExpr, col, lit};

use crate::testing::one_row;

/// A function with its options.
pub(crate) struct Case {
    udaf: Arc<AggregateUDF>,
    options: Vec<ScalarValue>,
    /// How much the ways may differ.
    tolerance: f64,
}

/// One call, planned over columns.
struct Planned {
    aggregate: AggregateFunctionExpr,
    /// The columns of the call, cast, with the options behind them.
    columns: Vec<ArrayRef>,
    schema: SchemaRef,
}

type Way = fn(&Planned) -> Result<ScalarValue>;

impl Case {
    pub(crate) fn new(udaf: AggregateUDF) -> Self {
        Self::with(udaf, vec![])
    }

    pub(crate) fn with(udaf: AggregateUDF, options: Vec<ScalarValue>) -> Self {
        let udaf = Arc::new(udaf);
        Self {
            udaf,
            options,
            tolerance: 0.0,
        }
    }

    /// Lets the ways differ by rounding: for sums, which depend on the order of rows by that much.
    pub(crate) fn approximately(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// The result over columns, which is checked to be the same in all ways.
    pub(crate) fn run(&self, columns: &[ArrayRef]) -> ScalarValue {
        let planned = self.plan(columns).unwrap();
        let whole = planned.whole().unwrap();
        assert_eq!(
            &whole.data_type(),
            planned.aggregate.field().data_type(),
            "{}: the declared type",
            self.udaf.name()
        );
        let ways: [(&str, Way); 5] = [
            ("merged", Planned::merged),
            ("groups", Planned::groups),
            ("merged groups", Planned::merged_groups),
            ("converted groups", Planned::converted_groups),
            ("moving frame", Planned::moving),
        ];
        for (name, way) in ways {
            let result = way(&planned).unwrap();
            let context = format!("{}: {name} of {columns:?}", self.udaf.name());
            if self.tolerance == 0.0 {
                assert_eq!(result, whole, "{context}");
                continue;
            }
            let (result, whole) = (numbers(&result), numbers(&whole));
            assert_eq!(result.len(), whole.len(), "{context}");
            for (result, whole) in result.into_iter().zip(whole) {
                assert_close(result, whole, self.tolerance, &context);
            }
        }
        whole
    }

    /// The message of the error that the call gives.
    pub(crate) fn error(&self, columns: &[ArrayRef]) -> String {
        let result = self.plan(columns).and_then(|planned| planned.whole());
        result.unwrap_err().strip_backtrace()
    }

    /// The message of the error that the call gives with DISTINCT.
    pub(crate) fn distinct_error(&self, columns: &[ArrayRef]) -> String {
        let planned = self.plan(columns).unwrap();
        let args = planned.aggregate.expressions();
        let distinct = AggregateExprBuilder::new(Arc::clone(&self.udaf), args)
            .schema(planned.schema)
            .alias("result")
            .distinct()
            .build();
        let error = distinct.unwrap().create_accumulator().unwrap_err();
        error.strip_backtrace()
    }

    /// Checks a result that is a number, to a relative tolerance; `None` is NULL.
    pub(crate) fn check(&self, columns: &[ArrayRef], expected: Option<f64>, tolerance: f64) {
        let result = float(&self.run(columns));
        let name = self.udaf.name();
        assert_close(
            result,
            expected,
            tolerance,
            &format!("{name} of {columns:?}"),
        );
    }

    /// Checks the fields of a result that is a struct of numbers; `None` is a NULL struct.
    pub(crate) fn check_fields(
        &self,
        columns: &[ArrayRef],
        expected: Option<&[(&str, f64)]>,
        tolerance: f64,
    ) {
        let result = self.run(columns).to_array().unwrap();
        let result = result.as_struct();
        let Some(expected) = expected else {
            assert!(
                result.is_null(0),
                "{}: {result:?} is NULL",
                self.udaf.name()
            );
            return;
        };
        assert!(
            result.is_valid(0),
            "{} of {columns:?} is NULL",
            self.udaf.name()
        );
        for (field, expected) in expected {
            let column = result.column_by_name(field).unwrap();
            let actual = float(&ScalarValue::try_from_array(column, 0).unwrap());
            let expected = Some(*expected).filter(|x| !x.is_nan());
            assert_close(
                actual,
                expected,
                tolerance,
                &format!("{}.{field}", self.udaf.name()),
            );
        }
    }

    /// Checks one field of all records of a result that is a list of structs; `None` is a NULL list.
    pub(crate) fn check_list(
        &self,
        columns: &[ArrayRef],
        field: &str,
        expected: Option<&[f64]>,
        tolerance: f64,
    ) {
        let result = self.run(columns).to_array().unwrap();
        let lists = result.as_list::<i32>();
        let name = self.udaf.name();
        let Some(expected) = expected else {
            assert!(lists.is_null(0), "{name}: {lists:?} is NULL");
            return;
        };
        let records = lists.value(0);
        let column = records.as_struct().column_by_name(field).unwrap();
        let column = cast(column, &DataType::Float64).unwrap();
        let actual: Vec<Option<f64>> = column.as_primitive::<Float64Type>().iter().collect();
        assert_eq!(actual.len(), expected.len(), "{name}: {actual:?}");
        for (index, (actual, expected)) in actual.into_iter().zip(expected).enumerate() {
            let expected = Some(*expected).filter(|x| !x.is_nan());
            assert_close(
                actual,
                expected,
                tolerance,
                &format!("{name}[{index}].{field}"),
            );
        }
    }

    fn plan(&self, columns: &[ArrayRef]) -> Result<Planned> {
        let names: Vec<String> = (0..columns.len()).map(|i| format!("c{i}")).collect();
        let named = names.iter().zip(columns);
        let batch = RecordBatch::try_from_iter_with_nullable(
            named.map(|(name, column)| (name, Arc::clone(column), true)),
        )?;
        let schema = batch.schema();
        let mut args = names
            .iter()
            .map(|name| col(name, &schema))
            .collect::<Result<Vec<_>>>()?;
        args.extend(self.options.iter().map(|value| lit(value.clone())));
        let fields = args
            .iter()
            .map(|arg| arg.return_field(&schema))
            .collect::<Result<Vec<_>>>()?;
        let coerced = fields_with_udf(&fields, self.udaf.as_ref())?;
        let args: Vec<Arc<dyn PhysicalExpr>> = args
            .into_iter()
            .zip(coerced)
            .map(|(arg, field)| -> Arc<dyn PhysicalExpr> {
                Arc::new(CastExpr::new(arg, field.data_type().clone(), None))
            })
            .collect();
        let columns = args
            .iter()
            .map(|arg| arg.evaluate(&batch)?.into_array(batch.num_rows()))
            .collect::<Result<Vec<_>>>()?;
        let aggregate = AggregateExprBuilder::new(Arc::clone(&self.udaf), args)
            .schema(Arc::clone(&schema))
            .alias("result")
            .build()?;
        Ok(Planned {
            aggregate,
            columns,
            schema,
        })
    }
}

impl Planned {
    fn row_count(&self) -> usize {
        self.columns[0].len()
    }

    /// The rows at `indices`; `None` is a row of NULLs.
    fn rows(&self, indices: &[Option<usize>]) -> Result<Vec<ArrayRef>> {
        let indices = indices.iter().map(|index| index.map(|index| index as u64));
        let indices = indices.collect::<UInt64Array>();
        let column = |column: &ArrayRef| Ok(take(column, &indices, None)?);
        self.columns.iter().map(column).collect()
    }

    fn whole(&self) -> Result<ScalarValue> {
        let mut accumulator = self.aggregate.create_accumulator()?;
        accumulator.update_batch(&self.columns)?;
        self.assert_declared(accumulator.as_mut())?;
        accumulator.evaluate()
    }

    fn assert_declared(&self, accumulator: &mut dyn Accumulator) -> Result<()> {
        let fields = self.aggregate.state_fields()?;
        let declared: Vec<&DataType> = fields.iter().map(|field| field.data_type()).collect();
        let state = accumulator.state()?;
        let actual: Vec<DataType> = state.iter().map(ScalarValue::data_type).collect();
        assert_eq!(
            actual.iter().collect::<Vec<_>>(),
            declared,
            "the declared state"
        );
        Ok(())
    }

    /// Backwards, in three parts, one of them empty, with NULLs strewn in.
    fn merged(&self) -> Result<ScalarValue> {
        let rows: Vec<Option<usize>> = (0..self.row_count())
            .rev()
            .flat_map(|row| [Some(row), None])
            .collect();
        let (left, right) = rows.split_at(rows.len() / 3);
        let mut merged = self.aggregate.create_accumulator()?;
        for part in [right, &[], left] {
            let mut partial = self.aggregate.create_accumulator()?;
            partial.update_batch(&self.rows(part)?)?;
            merged.merge_batch(&one_row(partial.state()?)?)?;
        }
        merged.evaluate()
    }

    /// Every row once in group 1 of three and once in group 0, and a third time where the filter drops it.
    fn grouped(&self) -> Result<(Vec<ArrayRef>, Vec<usize>, BooleanArray)> {
        let rows = (0..self.row_count()).rev();
        let slots: Vec<(Option<usize>, usize, Option<bool>)> = rows
            .flat_map(|row| {
                [
                    (Some(row), 1, Some(true)),
                    (Some(row), 0, Some(true)),
                    (None, 1, Some(true)),
                    (Some(row), 1, Some(false)),
                    (Some(row), 1, None),
                    (Some(row), 0, Some(true)),
                ]
            })
            .collect();
        let indices: Vec<Option<usize>> = slots.iter().map(|slot| slot.0).collect();
        let groups = slots.iter().map(|slot| slot.1).collect();
        let filter = slots.iter().map(|slot| slot.2).collect();
        Ok((self.rows(&indices)?, groups, filter))
    }

    fn groups(&self) -> Result<ScalarValue> {
        let (rows, groups, filter) = self.grouped()?;
        let mut accumulator = self.groups_accumulator()?;
        accumulator.update_batch(&rows, &groups, Some(&filter), 3)?;
        second_of_three(accumulator.as_mut())
    }

    fn merged_groups(&self) -> Result<ScalarValue> {
        let (rows, groups, filter) = self.grouped()?;
        let mut partial = self.groups_accumulator()?;
        partial.update_batch(&rows, &groups, Some(&filter), 3)?;
        let mut merged = self.groups_accumulator()?;
        merged.merge_batch(&partial.state(EmitTo::First(1))?, &[0], 1)?;
        merged.merge_batch(&partial.state(EmitTo::All)?, &[1, 2], 3)?;
        second_of_three(merged.as_mut())
    }

    fn converted_groups(&self) -> Result<ScalarValue> {
        let (rows, groups, filter) = self.grouped()?;
        let mut merged = self.groups_accumulator()?;
        let states = merged.convert_to_state(&rows, Some(&filter))?;
        merged.merge_batch(&states, &groups, 3)?;
        second_of_three(merged.as_mut())
    }

    /// What is left of a frame after rows that came before have left it.
    fn moving(&self) -> Result<ScalarValue> {
        let mut accumulator = self.aggregate.create_sliding_accumulator()?;
        let rows: Vec<Option<usize>> = (0..self.row_count()).map(Some).collect();
        let before: Vec<Option<usize>> = rows.iter().rev().copied().chain([None]).collect();
        let (first, second) = before.split_at(before.len() / 2);
        accumulator.update_batch(&self.rows(&before)?)?;
        accumulator.retract_batch(&self.rows(first)?)?;
        accumulator.update_batch(&self.rows(&rows)?)?;
        accumulator.evaluate()?;
        accumulator.retract_batch(&self.rows(second)?)?;
        accumulator.evaluate()
    }

    fn groups_accumulator(&self) -> Result<Box<dyn GroupsAccumulator>> {
        assert!(self.aggregate.groups_accumulator_supported());
        self.aggregate.create_groups_accumulator()
    }
}

fn second_of_three(groups: &mut dyn GroupsAccumulator) -> Result<ScalarValue> {
    assert!(groups.size() > 0);
    let result = groups.evaluate(EmitTo::First(2))?;
    let third = groups.evaluate(EmitTo::All)?;
    assert_eq!(third.len(), 1, "the groups that were not emitted");
    ScalarValue::try_from_array(&result, 1)
}

/// A column of floats.
pub(crate) fn values(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

/// A column of integers, which may be times or groups.
pub(crate) fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// The columns of a signal: its values, and times 0, 1, 2, ….
pub(crate) fn signal(samples: &[f64]) -> [ArrayRef; 2] {
    [values(samples), integers(0..samples.len() as i64)]
}

/// The numbers of a result that is one, or a struct of them.
fn numbers(value: &ScalarValue) -> Vec<Option<f64>> {
    let ScalarValue::Struct(fields) = value else {
        return vec![float(value)];
    };
    let number = |column: &ArrayRef| {
        let column = cast(column, &DataType::Float64).unwrap();
        column.as_primitive::<Float64Type>().iter().next().flatten()
    };
    fields.columns().iter().map(number).collect()
}

/// A result that is a number; true is 1 and false is 0.
pub(crate) fn float(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float64(value) => *value,
        ScalarValue::Int64(value) => value.map(|value| value as f64),
        ScalarValue::Boolean(value) => value.map(|value| f64::from(u8::from(value))),
        other => panic!("expected a number, got {other:?}"),
    }
}

/// Asserts that two numbers are equal to a relative tolerance.
pub(crate) fn assert_close(
    actual: Option<f64>,
    expected: Option<f64>,
    tolerance: f64,
    context: &str,
) {
    match (actual, expected) {
        (Some(a), Some(e)) => assert!(
            (a - e).abs() <= tolerance * e.abs().max(f64::MIN_POSITIVE),
            "{context}: {a} is not {e}"
        ),
        (a, e) => assert_eq!(a, e, "{context}"),
    }
}
