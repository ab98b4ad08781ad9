//! [`whole`] and [`whole_with_missing`]: window functions that look ahead, evaluated over a partition at once.

use std::fmt;

use arrow::array::ArrayRef;
use datafusion_common::Result;
use datafusion_expr::PartitionEvaluator;

use super::Arguments;
use super::inputs::Inputs;
use super::running::Cell;

/// The results at all points of a partition.
type Formula<T, V> = Box<dyn Fn(&[(V, i64)]) -> Vec<Option<T>> + Send>;

/// Evaluates `formula` over the points of a partition whose value and time are present, in the order of time; it gives
/// one result per point. Other rows are NULL. Memory: 16 bytes per row beside the partition itself.
pub(crate) fn whole<T: Cell>(
    arguments: &Arguments,
    formula: impl Fn(&[(f64, i64)]) -> Vec<Option<T>> + Send + 'static,
) -> Box<dyn PartitionEvaluator> {
    Box::new(Evaluator::<T, f64> {
        inputs: Inputs::new(arguments),
        formula: Box::new(formula),
        read: |value| value,
    })
}

/// As [`whole`], with the points whose value is missing among them.
pub(crate) fn whole_with_missing<T: Cell>(
    arguments: &Arguments,
    formula: impl Fn(&[(Option<f64>, i64)]) -> Vec<Option<T>> + Send + 'static,
) -> Box<dyn PartitionEvaluator> {
    Box::new(Evaluator::<T, Option<f64>> {
        inputs: Inputs::new(arguments),
        formula: Box::new(formula),
        read: Some,
    })
}

struct Evaluator<T, V> {
    inputs: Inputs,
    formula: Formula<T, V>,
    /// What the formula gets to see of a value; `None` leaves the point out.
    read: fn(Option<f64>) -> Option<V>,
}

impl<T, V> fmt::Debug for Evaluator<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Evaluator");
        fields.field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

impl<T: Cell, V: 'static> PartitionEvaluator for Evaluator<T, V> {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let columns = self.inputs.columns(values)?;
        let mut points = vec![];
        let mut rows = vec![];
        for row in 0..num_rows {
            if let Some(point) = self.inputs.point(&columns, row)?
                && let Some(value) = (self.read)(point.value)
            {
                points.push((value, point.time));
                rows.push(row);
            }
        }
        let mut cells = vec![None; num_rows];
        for (row, cell) in rows.into_iter().zip((self.formula)(&points)) {
            cells[row] = cell;
        }
        Ok(T::column(cells))
    }
}
