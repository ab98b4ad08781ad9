//! Running one function every way that a query can run it, for the unit tests of each function.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::datatypes::{DataType, Field, Float64Type};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{
    Accumulator, ColumnarValue, EmitTo, GroupsAccumulator, ScalarFunctionArgs, ScalarUDF,
};

use crate::aggregate::groups::SummaryGroups;
use crate::aggregate::sliding::SlidingAccumulator;
use crate::aggregate::whole::WholeAccumulator;
use crate::aggregate::{FloatAggregate, Floats, Plan};
use crate::collected::Call;
use crate::runs::RunsAccumulator;

/// An aggregate with its options, whose result must not depend on the way it is computed.
pub(crate) struct AggregateCase<F: FloatAggregate> {
    plan: Plan<Floats<F>>,
}

/// One way to compute an aggregate over some values.
type Way<F> = fn(&AggregateCase<F>, &[f64]) -> Result<Option<f64>>;

impl<F: FloatAggregate> AggregateCase<F> {
    pub(crate) fn new(function: F) -> Self {
        Self::with_options(function, vec![])
    }

    pub(crate) fn with_options(function: F, options: Vec<ScalarValue>) -> Self {
        let names = F::OPTIONS.iter().map(|(name, _)| *name);
        let options: Vec<_> = names.zip(options).collect();
        let column_types = [DataType::Float64];
        let call = Call::new(F::NAME, &column_types, &options);
        Self {
            plan: Plan::try_new(&Floats(function), &call, DataType::Float64).unwrap(),
        }
    }

    /// The message of the error that `options` give.
    pub(crate) fn error(function: F, options: Vec<ScalarValue>) -> String {
        function.read(&options).map(|_| ()).unwrap_err().to_string()
    }

    /// Checks the result over `values`, with NULLs strewn in, for whole columns, merged parts, groups and frames.
    pub(crate) fn check(&self, values: &[f64], expected: Option<f64>) {
        let ways: [(&str, Way<F>); 6] = [
            ("whole", Self::whole),
            ("merged", Self::merged),
            ("groups", Self::groups),
            ("merged groups", Self::merged_groups),
            ("converted groups", Self::converted_groups),
            ("sliding", Self::sliding),
        ];
        for (way, compute) in ways {
            match (compute(self, values).unwrap(), expected) {
                (Some(a), Some(e)) => assert!(
                    (a - e).abs() <= 1e-12 * e.abs().max(1.0),
                    "{way} of {values:?}: {a} is not {e}"
                ),
                (a, e) => assert_eq!(a, e, "{way} of {values:?}"),
            }
        }
    }

    fn whole(&self, values: &[f64]) -> Result<Option<f64>> {
        let mut accumulator = WholeAccumulator::new(self.plan.clone());
        accumulator.update_batch(&[column(values)])?;
        Ok(float(accumulator.evaluate()?))
    }

    fn merged(&self, values: &[f64]) -> Result<Option<f64>> {
        let (left, right) = values.split_at(values.len() / 3);
        let mut merged = WholeAccumulator::new(self.plan.clone());
        for part in [right, &[], left] {
            let mut partial = WholeAccumulator::new(self.plan.clone());
            partial.update_batch(&[column(part)])?;
            merged.merge_batch(&one_row(partial.state()?)?)?;
        }
        Ok(float(merged.evaluate()?))
    }

    fn empty_groups(&self) -> RunsAccumulator {
        RunsAccumulator::new(SummaryGroups::new(self.plan.clone()))
    }

    /// The values are group 1 of three; group 0 has others, and filtered rows must not count.
    fn groups(&self, values: &[f64]) -> Result<Option<f64>> {
        let mut groups = self.empty_groups();
        let rows = GroupedRows::around(values);
        groups.update_batch(&[rows.values], &rows.groups, Some(&rows.filter), 3)?;
        second_of_three(&mut groups)
    }

    fn merged_groups(&self, values: &[f64]) -> Result<Option<f64>> {
        let mut partial = self.empty_groups();
        let rows = GroupedRows::around(values);
        partial.update_batch(&[rows.values], &rows.groups, Some(&rows.filter), 3)?;
        let mut merged = self.empty_groups();
        merged.merge_batch(&partial.state(EmitTo::First(1))?, &[0], 1)?;
        merged.merge_batch(&partial.state(EmitTo::All)?, &[1, 2], 3)?;
        second_of_three(&mut merged)
    }

    fn converted_groups(&self, values: &[f64]) -> Result<Option<f64>> {
        let mut merged = self.empty_groups();
        let rows = GroupedRows::around(values);
        let states = merged.convert_to_state(&[rows.values], Some(&rows.filter))?;
        merged.merge_batch(&states, &rows.groups, 3)?;
        second_of_three(&mut merged)
    }

    /// The values are what is left of a frame after others, an outlier among them, have left it.
    fn sliding(&self, values: &[f64]) -> Result<Option<f64>> {
        let mut accumulator = SlidingAccumulator::new(self.plan.clone());
        let before = [1e9, -3.0, f64::NAN, 7.0];
        accumulator.update_batch(&[column(&before)])?;
        accumulator.retract_batch(&[column(&before[..1])])?;
        accumulator.update_batch(&[column(values)])?;
        accumulator.retract_batch(&[column(&before[1..])])?;
        Ok(float(accumulator.evaluate()?))
    }
}

struct GroupedRows {
    values: ArrayRef,
    groups: Vec<usize>,
    filter: BooleanArray,
}

impl GroupedRows {
    /// Between any two of `values`, a row of group 0 and a row that the filter drops.
    fn around(values: &[f64]) -> Self {
        let row = |value: &f64| {
            [
                (Some(*value), 1, Some(true)),
                (Some(1e6), 0, Some(true)),
                (None, 1, Some(true)),
                (Some(-1e6), 1, Some(false)),
                (Some(1e7), 1, None),
            ]
        };
        let rows: Vec<_> = values.iter().flat_map(row).collect();
        Self {
            values: Arc::new(rows.iter().map(|row| row.0).collect::<Float64Array>()),
            groups: rows.iter().map(|row| row.1).collect(),
            filter: rows.iter().map(|row| row.2).collect(),
        }
    }
}

fn second_of_three(groups: &mut dyn GroupsAccumulator) -> Result<Option<f64>> {
    let result = groups.evaluate(EmitTo::First(2))?;
    let second = float(ScalarValue::try_from_array(&result, 1)?);
    let third = ScalarValue::try_from_array(&groups.evaluate(EmitTo::All)?, 0)?;
    assert_eq!(float(third), None, "a group without rows");
    Ok(second)
}

/// A column of `values` with a NULL before and after each.
pub(crate) fn column(values: &[f64]) -> ArrayRef {
    let slots = values.iter().flat_map(|value| [None, Some(*value), None]);
    Arc::new(slots.collect::<Float64Array>())
}

/// The state of one accumulator as columns of one row.
pub(crate) fn one_row(state: Vec<ScalarValue>) -> Result<Vec<ArrayRef>> {
    state.iter().map(|value| value.to_array()).collect()
}

fn float(value: ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float64(value) => value,
        other => panic!("expected a DOUBLE, got {other:?}"),
    }
}

/// Calls a scalar function over columns (`Err`) and constants (`Ok`) of `row_count` rows.
fn call(
    udf: &ScalarUDF,
    args: Vec<Result<ScalarValue, ArrayRef>>,
    row_count: usize,
) -> Result<ColumnarValue> {
    let args: Vec<ColumnarValue> = args
        .into_iter()
        .map(|arg| arg.map_or_else(ColumnarValue::Array, ColumnarValue::Scalar))
        .collect();
    let types: Vec<DataType> = args.iter().map(ColumnarValue::data_type).collect();
    let field = |data_type: &DataType| Arc::new(Field::new("argument", data_type.clone(), true));
    udf.invoke_with_args(ScalarFunctionArgs {
        arg_fields: types.iter().map(field).collect(),
        return_field: field(&udf.return_type(&types)?),
        args,
        number_rows: row_count,
        config_options: Arc::new(ConfigOptions::default()),
    })
}

/// Calls a scalar function with one row of floats, as constants and as columns, and returns the result as text.
///
/// # Panics
/// When constants and columns give different results.
pub(crate) fn call_row(udf: ScalarUDF, args: &[Option<f64>]) -> Result<ScalarValue> {
    let constants = args
        .iter()
        .map(|arg| Ok(ScalarValue::Float64(*arg)))
        .collect();
    let constant = match call(&udf, constants, 1)? {
        ColumnarValue::Scalar(value) => value,
        ColumnarValue::Array(array) => panic!("constants gave a column: {array:?}"),
    };
    // Three rows, of which the middle one is a row of NULLs.
    let column =
        |arg: &Option<f64>| Arc::new(Float64Array::from(vec![*arg, None, *arg])) as ArrayRef;
    let columns = args.iter().map(|arg| Err(column(arg))).collect();
    let array = call(&udf, columns, 3)?.into_array(3)?;
    assert_eq!(
        ScalarValue::try_from_array(&array, 0)?,
        constant,
        "columns and constants"
    );
    assert_eq!(
        ScalarValue::try_from_array(&array, 2)?,
        constant,
        "columns and constants"
    );
    assert!(array.is_null(1), "NULL gives NULL");
    if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
        assert!(floats.iter().flatten().all(f64::is_finite), "never NaN");
    }
    Ok(constant)
}

/// Checks one row of floats against the expected number, to 1e-12.
pub(crate) fn check_row(udf: ScalarUDF, args: &[Option<f64>], expected: Option<f64>) {
    let name = udf.name().to_owned();
    match (float(call_row(udf, args).unwrap()), expected) {
        (Some(a), Some(e)) => {
            assert!(
                (a - e).abs() <= 1e-12 * e.abs().max(1.0),
                "{name}({args:?}): {a} is not {e}"
            );
        }
        (a, e) => assert_eq!(a, e, "{name}({args:?})"),
    }
}

/// The message of the error of one row of constants.
pub(crate) fn error_of(udf: ScalarUDF, args: &[Option<f64>]) -> String {
    let constants = args
        .iter()
        .map(|arg| Ok(ScalarValue::Float64(*arg)))
        .collect();
    call(&udf, constants, 1)
        .map(|_| ())
        .unwrap_err()
        .to_string()
}
