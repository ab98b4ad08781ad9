//! [`PickedGroups`] and [`Picked`]: the best rows as accumulators, with and without GROUP BY.
//!
//! A partial result is a row like those that came in, so that merging is updating.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, StructArray};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{Accumulator, EmitTo};

use super::best::{Best, passed};
use super::plan::Plan;
use crate::runs::{GroupStates, Groups};

/// What is made of the picked rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Output {
    /// A struct of `value`, `time`, `other_1`, …
    Row,
    /// The value alone.
    Value,
}

impl Output {
    /// The type of the result for columns of `types`.
    pub(crate) fn data_type(self, types: &[DataType]) -> DataType {
        match self {
            Self::Row => DataType::Struct(fields(types)),
            Self::Value => types[0].clone(),
        }
    }

    /// The result from the picked rows' columns.
    pub(crate) fn of(self, mut columns: Vec<ArrayRef>) -> ArrayRef {
        match self {
            Self::Value => columns.swap_remove(0),
            Self::Row => {
                let types: Vec<DataType> = columns
                    .iter()
                    .map(|column| column.data_type().clone())
                    .collect();
                Arc::new(StructArray::new(fields(&types), columns, None))
            }
        }
    }
}

/// The fields of a picked row, with the names that InfluxDB gives them.
fn fields(types: &[DataType]) -> Fields {
    let name = |column| match column {
        0 => "value".to_owned(),
        1 => "time".to_owned(),
        other => format!("other_{}", other - 1),
    };
    let fields = types.iter().enumerate();
    fields
        .map(|(column, data_type)| Field::new(name(column), data_type.clone(), true))
        .collect()
}

/// GROUP BY: the best row of each group.
#[derive(Debug)]
pub(crate) struct PickedGroups {
    best: Best,
    output: Output,
}

impl PickedGroups {
    pub(crate) fn try_new(plan: Plan, output: Output) -> Result<Self> {
        Ok(Self {
            best: Best::try_new(plan)?,
            output,
        })
    }
}

impl GroupStates for PickedGroups {
    fn update(
        &mut self,
        values: &[ArrayRef],
        groups: Groups,
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        self.best.update(values, groups, filter, group_count)
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize], group_count: usize) -> Result<()> {
        self.best
            .update(states, Groups::of(groups), None, group_count)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.output.of(self.best.take(emit_to)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.best.take(emit_to)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut values = values.to_vec();
        if let Some(filter) = filter {
            // A row without a value is not considered when states are merged.
            let dropped = BooleanArray::new(!&passed(filter), None);
            values[0] = nullif(&values[0], &dropped)?;
        }
        Ok(values)
    }

    fn size(&self) -> usize {
        self.best.size()
    }
}

/// No GROUP BY: the best row of all, as a single group.
#[derive(Debug)]
pub(crate) struct Picked {
    best: Best,
    output: Output,
    zeros: Vec<usize>,
}

impl Picked {
    pub(crate) fn try_new(plan: Plan, output: Output) -> Result<Self> {
        let mut picked = Self {
            best: Best::try_new(plan)?,
            output,
            zeros: vec![],
        };
        picked.clear()?;
        Ok(picked)
    }

    /// Makes the single group, without a row.
    fn clear(&mut self) -> Result<()> {
        let nothing = self
            .best
            .plan()
            .types()
            .iter()
            .map(arrow::array::new_empty_array);
        let nothing: Vec<ArrayRef> = nothing.collect();
        self.best.update(&nothing, Groups::of(&[]), None, 1)
    }

    /// The picked row, which stays.
    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        let columns = self.best.take(EmitTo::All)?;
        self.best.update(&columns, Groups::of(&[0]), None, 1)?;
        Ok(columns)
    }
}

impl Accumulator for Picked {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let row_count = values[0].len();
        if self.zeros.len() < row_count {
            self.zeros.resize(row_count, 0);
        }
        let groups = Groups::of(&self.zeros[..row_count]);
        self.best.update(values, groups, None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let columns = self.columns()?;
        ScalarValue::try_from_array(&self.output.of(columns), 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = self.columns()?;
        columns
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn size(&self) -> usize {
        self.best.size() + self.zeros.capacity() * size_of::<usize>()
    }
}
