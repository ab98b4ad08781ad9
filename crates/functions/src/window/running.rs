//! [`running`]: window functions that need only what came before, evaluated as the rows stream by.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use analytics::Running;
use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::PartitionEvaluator;

use super::Arguments;
use super::inputs::{Columns, Inputs};
use crate::collected::output::floats;
use crate::collected::{Output, Record, Struct};
use crate::series::StreamingEvaluator;

/// A type of result.
pub(crate) trait Cell: Copy + Debug + Send + 'static {
    /// One result.
    fn scalar(cell: Option<Self>) -> ScalarValue;

    /// The results of all rows.
    fn column(cells: Vec<Option<Self>>) -> ArrayRef;
}

impl Cell for f64 {
    fn scalar(cell: Option<Self>) -> ScalarValue {
        ScalarValue::Float64(cell)
    }

    fn column(cells: Vec<Option<Self>>) -> ArrayRef {
        floats(&cells, |value| Some(*value))
    }
}

impl Cell for i64 {
    fn scalar(cell: Option<Self>) -> ScalarValue {
        ScalarValue::Int64(cell)
    }

    fn column(cells: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(Int64Array::from(cells))
    }
}

impl Cell for bool {
    fn scalar(cell: Option<Self>) -> ScalarValue {
        ScalarValue::Boolean(cell)
    }

    fn column(cells: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(BooleanArray::from(cells))
    }
}

impl Cell for &'static str {
    fn scalar(cell: Option<Self>) -> ScalarValue {
        ScalarValue::from(cell)
    }

    fn column(cells: Vec<Option<Self>>) -> ArrayRef {
        Arc::new(StringArray::from(cells))
    }
}

impl<R: Record + Copy> Cell for Struct<R> {
    fn scalar(cell: Option<Self>) -> ScalarValue {
        let column = Self::column(vec![cell]);
        ScalarValue::try_from_array(&column, 0).expect("a column of one row has it")
    }

    fn column(cells: Vec<Option<Self>>) -> ArrayRef {
        // Records of window functions have no fields whose type depends on the arguments.
        let data_type = <Self as Output>::data_type(&[]);
        Self::array(cells, &data_type).expect("a record has the types that it declares")
    }
}

/// Evaluates `running` over the rows of a partition. Memory: its own.
pub(crate) fn running<R: Running<Output: Cell>>(
    arguments: &Arguments,
    running: R,
) -> Box<dyn PartitionEvaluator> {
    Box::new(StreamingEvaluator::new(Evaluator {
        inputs: Inputs::new(arguments),
        running,
    }))
}

#[derive(Debug)]
struct Evaluator<R> {
    inputs: Inputs,
    running: R,
}

impl<R: Running<Output: Cell>> Evaluator<R> {
    fn step(&mut self, columns: &Columns, row: usize) -> Result<Option<R::Output>> {
        let point = self.inputs.point(columns, row)?;
        Ok(point.and_then(|point| match point.value {
            Some(value) => self.running.push(value, point.time),
            None => self.running.missing(point.time),
        }))
    }
}

impl<R: Running<Output: Cell>> PartitionEvaluator for Evaluator<R> {
    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let columns = self.inputs.columns(values)?;
        if let Some(values) = columns.complete_values() {
            let mut cells = Vec::with_capacity(num_rows);
            self.running.extend(values, &mut cells);
            return Ok(R::Output::column(cells));
        }
        let cells = (0..num_rows).map(|row| self.step(&columns, row));
        Ok(R::Output::column(cells.collect::<Result<_>>()?))
    }

    /// Called once for each row, in order; `values` may begin after rows that are done with.
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let columns = self.inputs.columns(values)?;
        Ok(R::Output::scalar(self.step(&columns, range.start)?))
    }
}
