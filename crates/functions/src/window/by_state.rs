//! [`by_state`]: window functions over a value and a state, evaluated over a partition at once.

use std::collections::HashMap;
use std::fmt;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Float64Type;
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::PartitionEvaluator;

use super::running::Cell;
use super::{Argument, Arguments};
use crate::values::is_present;

/// The results at all points of a partition, given the values and the numbers of their states.
type Formula<T> = fn(&[(f64, usize)]) -> Vec<Option<T>>;

/// Evaluates `formula` over the points of a partition whose value and state are present, in their order; it gives one result per
/// point. Other rows are NULL. States are numbered from 0 as they come. Memory: 16 bytes per row beside the partition, and
/// the different states.
pub(crate) fn by_state<T: Cell>(
    arguments: &Arguments,
    formula: Formula<T>,
) -> Result<Box<dyn PartitionEvaluator>> {
    let columns = arguments
        .column(Argument::Value)
        .zip(arguments.column(Argument::State));
    let Some((value, state)) = columns else {
        return internal_err!("{}: a form has a value and a state", arguments.function);
    };
    Ok(Box::new(Evaluator {
        value,
        state,
        formula,
    }))
}

struct Evaluator<T> {
    value: usize,
    state: usize,
    formula: Formula<T>,
}

impl<T> fmt::Debug for Evaluator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluator").finish_non_exhaustive()
    }
}

impl<T: Cell> PartitionEvaluator for Evaluator<T> {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let (states, values) = (
            &values[self.state],
            values[self.value].as_primitive::<Float64Type>(),
        );
        let mut numbers: HashMap<ScalarValue, usize> = HashMap::new();
        let mut points = vec![];
        let mut rows = vec![];
        for row in (0..num_rows).filter(|row| is_present(values, *row)) {
            let state = ScalarValue::try_from_array(states, row)?;
            let is_nan = matches!(state, ScalarValue::Float64(Some(x)) if x.is_nan());
            if !state.is_null() && !is_nan {
                let next = numbers.len();
                let number = *numbers.entry(state).or_insert(next);
                points.push((values.value(row), number));
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
