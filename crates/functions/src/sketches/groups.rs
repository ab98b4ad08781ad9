//! [`Sketches`], [`OneSketch`] and [`FrameSketch`]: sketches as accumulators, with and without GROUP BY and over
//! moving frames.
//!
//! A partial result is a stored sketch like those that `_merge` takes, so that there is one form of state.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray};
use datafusion_common::cast::as_binary_array;
use datafusion_common::{Result, ScalarValue, internal_err, not_impl_err};
use datafusion_expr::{Accumulator, EmitTo};

use super::kind::{Kind, error};
use crate::runs::{GroupStates, Groups};

/// What the rows of an aggregate are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// Values to add to a sketch.
    Values,
    /// Stored sketches to merge.
    Sketches,
}

/// The sketches of all groups, side by side; none where there was no value yet.
#[derive(Debug)]
pub(crate) struct Sketches<K: Kind> {
    name: String,
    source: Source,
    /// What the sketch of a group starts as.
    empty: K::Sketch,
    sketches: Vec<Option<K::Sketch>>,
    heap_bytes: usize,
}

impl<K: Kind> Sketches<K> {
    pub(crate) fn new(name: &str, source: Source, empty: K::Sketch) -> Self {
        Self {
            name: name.to_owned(),
            source,
            empty,
            sketches: vec![],
            heap_bytes: 0,
        }
    }

    fn add_values(
        &mut self,
        column: &ArrayRef,
        groups: Groups,
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let Self {
            empty,
            sketches,
            heap_bytes,
            ..
        } = self;
        K::for_each_run(column, groups, filter, |group, items| {
            let sketch = &mut sketches[group];
            let before = sketch.as_ref().map_or(0, K::heap_bytes);
            let sketch = sketch.get_or_insert_with(|| empty.clone());
            K::extend(sketch, items);
            *heap_bytes = *heap_bytes + K::heap_bytes(sketch) - before;
        })
    }

    fn add_sketches(
        &mut self,
        column: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let refused = |refusal| error(&self.name, &refusal);
        for ((bytes, group), row) in as_binary_array(column)?.iter().zip(groups).zip(0..) {
            let is_kept = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            let Some(bytes) = bytes.filter(|_| is_kept) else {
                continue;
            };
            let other = K::decode(bytes).map_err(refused)?;
            let sketch = &mut self.sketches[*group];
            let before = sketch.as_ref().map_or(0, K::heap_bytes);
            let sketch = match sketch {
                Some(sketch) => {
                    K::merge(sketch, &other).map_err(refused)?;
                    sketch
                }
                None => sketch.insert(other),
            };
            self.heap_bytes = self.heap_bytes + K::heap_bytes(sketch) - before;
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> BinaryArray {
        let mut sketches = emit_to.take_needed(&mut self.sketches);
        self.heap_bytes -= sketches.iter().flatten().map(K::heap_bytes).sum::<usize>();
        sketches
            .iter_mut()
            .map(|sketch| sketch.as_mut().map(K::encode))
            .collect()
    }
}

impl<K: Kind> GroupStates for Sketches<K> {
    fn update(
        &mut self,
        values: &[ArrayRef],
        groups: Groups,
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        self.sketches.resize(group_count, None);
        match self.source {
            Source::Values => self.add_values(&values[0], groups, filter),
            Source::Sketches => self.add_sketches(&values[0], groups.of_rows, filter),
        }
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize], group_count: usize) -> Result<()> {
        self.sketches.resize(group_count, None);
        self.add_sketches(&states[0], groups, None)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(self.take(emit_to)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.take(emit_to))])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        // Every row is a group of its own.
        let mut rows = Self::new(&self.name, self.source, self.empty.clone());
        let indices: Vec<usize> = (0..values[0].len()).collect();
        rows.update(values, Groups::of(&indices), filter, indices.len())?;
        rows.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self.sketches.capacity() * size_of::<Option<K::Sketch>>()
            + self.heap_bytes
    }
}

/// The sketch of a moving frame, made anew of the frame's rows for each row: what is in a sketch cannot be taken out.
#[derive(Debug)]
pub(crate) struct FrameSketch<K: Kind> {
    sketches: Sketches<K>,
    /// Runs of rows of the frame, the oldest first.
    rows: VecDeque<ArrayRef>,
}

impl<K: Kind> FrameSketch<K> {
    pub(crate) fn new(sketches: Sketches<K>) -> Self {
        Self {
            sketches,
            rows: VecDeque::new(),
        }
    }
}

impl<K: Kind> Accumulator for FrameSketch<K> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if !values[0].is_empty() {
            self.rows.push_back(Arc::clone(&values[0]));
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut leaving = values[0].len();
        while leaving > 0 {
            let Some(oldest) = self.rows.pop_front() else {
                return internal_err!("{}: more rows leave a frame than came", self.sketches.name);
            };
            if oldest.len() > leaving {
                self.rows
                    .push_front(oldest.slice(leaving, oldest.len() - leaving));
            }
            leaving = leaving.saturating_sub(oldest.len());
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        not_impl_err!("{}: frames have no partial results", self.sketches.name)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let Sketches {
            name,
            source,
            empty,
            ..
        } = &self.sketches;
        let mut sketch = OneSketch::new(Sketches::<K>::new(name, *source, empty.clone()));
        for rows in &self.rows {
            sketch.update_batch(std::slice::from_ref(rows))?;
        }
        sketch.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        let rows = self.rows.iter().map(|rows| rows.get_array_memory_size());
        self.sketches.size() + rows.sum::<usize>()
    }
}

/// A single sketch.
#[derive(Debug)]
pub(crate) struct OneSketch<K: Kind>(Sketches<K>);

impl<K: Kind> OneSketch<K> {
    pub(crate) fn new(mut sketches: Sketches<K>) -> Self {
        sketches.sketches = vec![None];
        Self(sketches)
    }

    /// The stored form of the sketch, which stays.
    fn stored(&mut self) -> Result<ScalarValue> {
        let Some(sketch) = self.0.sketches.first_mut() else {
            return internal_err!("{}: the group is gone", self.0.name);
        };
        Ok(ScalarValue::Binary(sketch.as_mut().map(K::encode)))
    }
}

impl<K: Kind> Accumulator for OneSketch<K> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.0.update(values, Groups::of(&groups), None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states[0].len()];
        self.0.merge(states, &groups, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.stored()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.stored()?])
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
