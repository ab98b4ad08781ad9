//! Running one window function every way that a query can run it, for the unit tests of each function.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::type_coercion::functions::fields_with_udf;
use datafusion_expr::{PartitionEvaluator, WindowUDF};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::{CastExpr, col, lit};

/// A function with its constants.
pub(crate) struct WindowCase {
    udwf: WindowUDF,
    constants: Vec<ScalarValue>,
}

/// One call, planned over columns.
struct Planned {
    udwf: WindowUDF,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    fields: Vec<FieldRef>,
    /// What the evaluator is given.
    columns: Vec<ArrayRef>,
    row_count: usize,
}

impl WindowCase {
    pub(crate) fn new(udwf: WindowUDF) -> Self {
        Self::with(udwf, vec![])
    }

    pub(crate) fn with(udwf: WindowUDF, constants: Vec<ScalarValue>) -> Self {
        Self { udwf, constants }
    }

    /// The results over columns: of the whole partition and, if the function can, row by row.
    pub(crate) fn run(&self, columns: &[ArrayRef]) -> Result<ArrayRef> {
        let planned = self.plan(columns)?;
        let whole = planned
            .evaluator()?
            .evaluate_all(&planned.columns, planned.row_count)?;
        let field = planned
            .udwf
            .field(WindowUDFFieldArgs::new(&planned.fields, "result"))?;
        assert_eq!(whole.data_type(), field.data_type(), "the declared type");
        let mut evaluator = planned.evaluator()?;
        if planned.row_count > 0 && evaluator.supports_bounded_execution() {
            let streamed = planned.stream(evaluator.as_mut())?;
            assert_eq!(&streamed, &whole, "{}: row by row", self.udwf.name());
        }
        Ok(whole)
    }

    /// Checks results that are numbers or booleans, to a relative 1e-12; NaN is NULL.
    pub(crate) fn check(&self, columns: &[ArrayRef], expected: &[f64]) {
        let result = cast(&self.run(columns).unwrap(), &DataType::Float64).unwrap();
        let actual: Vec<Option<f64>> = result.as_primitive::<Float64Type>().iter().collect();
        let is_close = |(a, e): (&Option<f64>, &f64)| match a {
            Some(a) => (a - e).abs() <= 1e-12 * e.abs().max(f64::MIN_POSITIVE),
            None => e.is_nan(),
        };
        assert!(
            actual.len() == expected.len() && actual.iter().zip(expected).all(is_close),
            "{} of {columns:?}: got {actual:?}, expected {expected:?}",
            self.udwf.name()
        );
    }

    /// Checks the results over frames, given for every row; to a relative 1e-12, NaN is NULL.
    pub(crate) fn check_frames(
        &self,
        columns: &[ArrayRef],
        frame: impl Fn(usize) -> Range<usize>,
        expected: &[f64],
    ) {
        self.check_frames_to(1e-12, columns, frame, expected);
    }

    /// The same, to a relative tolerance.
    pub(crate) fn check_frames_to(
        &self,
        tolerance: f64,
        columns: &[ArrayRef],
        frame: impl Fn(usize) -> Range<usize>,
        expected: &[f64],
    ) {
        let planned = self.plan(columns).unwrap();
        let mut evaluator = planned.evaluator().unwrap();
        assert!(evaluator.uses_window_frame() && !evaluator.supports_bounded_execution());
        for (row, expected) in expected.iter().enumerate() {
            let result = evaluator.evaluate(&planned.columns, &frame(row)).unwrap();
            let ScalarValue::Float64(actual) = result else {
                panic!("expected a DOUBLE, got {result:?}")
            };
            let is_close = match actual {
                Some(a) => {
                    a == *expected || (a - expected).abs() <= tolerance * expected.abs().max(1e-3)
                }
                None => expected.is_nan(),
            };
            assert!(
                is_close,
                "{} in row {row}: {actual:?} is not {expected}",
                self.udwf.name()
            );
        }
        assert_eq!(planned.row_count, expected.len());
    }

    /// The message of the error that the call gives.
    pub(crate) fn error(&self, columns: &[ArrayRef]) -> String {
        self.run(columns).unwrap_err().strip_backtrace()
    }

    fn plan(&self, columns: &[ArrayRef]) -> Result<Planned> {
        let names: Vec<String> = (0..columns.len()).map(|i| format!("c{i}")).collect();
        let named = names.iter().zip(columns);
        let batch = RecordBatch::try_from_iter_with_nullable(
            named.map(|(name, column)| (name, Arc::clone(column), true)),
        )?;
        let schema = batch.schema();
        let columns = names.iter().map(|name| col(name, &schema));
        let constants = self.constants.iter().map(|value| Ok(lit(value.clone())));
        let args = columns.chain(constants).collect::<Result<Vec<_>>>()?;
        let fields = args
            .iter()
            .map(|arg| arg.return_field(&schema))
            .collect::<Result<Vec<_>>>()?;
        let fields = fields_with_udf(&fields, &self.udwf)?;
        let exprs: Vec<Arc<dyn PhysicalExpr>> = args
            .into_iter()
            .zip(&fields)
            .map(|(arg, field)| -> Arc<dyn PhysicalExpr> {
                Arc::new(CastExpr::new(arg, field.data_type().clone(), None))
            })
            .collect();
        let inputs = self.udwf.expressions(ExpressionArgs::new(&exprs, &fields));
        let columns = inputs
            .iter()
            .map(|expr| expr.evaluate(&batch)?.into_array(batch.num_rows()))
            .collect::<Result<Vec<_>>>()?;
        Ok(Planned {
            udwf: self.udwf.clone(),
            exprs,
            fields,
            columns,
            row_count: batch.num_rows(),
        })
    }
}

impl Planned {
    fn evaluator(&self) -> Result<Box<dyn PartitionEvaluator>> {
        let args = PartitionEvaluatorArgs::new(&self.exprs, &self.fields, false, false);
        self.udwf.partition_evaluator_factory(args)
    }

    /// Batches of three rows, of which those that are done with are pruned before the next comes.
    fn stream(&self, evaluator: &mut dyn PartitionEvaluator) -> Result<ArrayRef> {
        assert!(evaluator.is_causal());
        let mut results = vec![];
        for row in 0..self.row_count {
            let start = row / 3 * 3;
            let length = (self.row_count - start).min(3);
            let batch = self
                .columns
                .iter()
                .map(|column| column.slice(start, length));
            let batch: Vec<ArrayRef> = batch.collect();
            let range = evaluator.get_range(row - start, length)?;
            results.push(evaluator.evaluate(&batch, &range)?);
        }
        ScalarValue::iter_to_array(results)
    }
}

/// A column of floats in which NaN, infinity and NULL take turns where a value is missing (NaN).
pub(crate) fn values(values: &[f64]) -> ArrayRef {
    let mut missing = [None, Some(f64::NAN), Some(f64::NEG_INFINITY)]
        .into_iter()
        .cycle();
    let slot = |value: &f64| {
        if value.is_nan() {
            missing.next().flatten()
        } else {
            Some(*value)
        }
    };
    Arc::new(values.iter().map(slot).collect::<Float64Array>())
}

/// A column of timestamps, in seconds; a negative one is NULL.
pub(crate) fn seconds(seconds: &[f64]) -> ArrayRef {
    let nanos = |second: &f64| (*second >= 0.0).then_some((second * 1e9) as i64);
    Arc::new(
        seconds
            .iter()
            .map(nanos)
            .collect::<TimestampNanosecondArray>(),
    )
}

/// An interval of so many milliseconds.
pub(crate) fn millis(millis: i64) -> ScalarValue {
    ScalarValue::new_interval_mdn(0, 0, millis * 1_000_000)
}
