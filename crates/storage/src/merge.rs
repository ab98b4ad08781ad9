//! Merges sorted inputs to one, with every row key once.
//!
//! This is where a *duplicate key across files and buffer* is resolved: field by field the newest
//! value that is not NULL wins. Inputs are given oldest first; each is sorted by the key columns
//! (ascending, NULL first) and holds every key at most once.
//!
//! The merge does no input or output of its own: the caller asks for the [`Step`] to take next and
//! feeds it record batches, so that a query stream and a background job can both drive it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::interleave;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};

/// What a [`KeyMerge`] wants or has.
#[derive(Debug)]
pub enum Step {
    /// Call [`KeyMerge::push`] or [`KeyMerge::finish`] for this input.
    NeedInput(usize),
    /// The next merged rows.
    Output(RecordBatch),
    /// Nothing is left.
    Done,
}

/// A merge in progress.
#[derive(Debug)]
pub struct KeyMerge {
    schema: SchemaRef,
    key_columns: Vec<usize>,
    converter: RowConverter,
    batch_rows: usize,
    inputs: Vec<Input>,
    /// The next key of every input that has one.
    heap: BinaryHeap<Reverse<(OwnedRow, usize)>>,
    /// Inputs to be looked at before anything can be merged.
    waiting: Vec<usize>,
    pending: Pending,
}

#[derive(Debug, Default)]
struct Input {
    current: Option<Cursor>,
    is_finished: bool,
}

#[derive(Debug)]
struct Cursor {
    keys: Rows,
    row: usize,
    /// The batch's place in `Pending::batches`.
    batch: usize,
}

/// Chosen rows that are not output yet.
#[derive(Debug, Default)]
struct Pending {
    batches: Vec<RecordBatch>,
    /// For every row the newest source: batch and row.
    newest: Vec<(usize, usize)>,
    /// For rows with several sources, all of them, oldest first.
    duplicates: HashMap<usize, Vec<(usize, usize)>>,
}

impl KeyMerge {
    /// Merges `inputs` inputs with this schema on these key columns, in batches of `batch_rows`.
    pub fn try_new(
        schema: SchemaRef,
        key_columns: Vec<usize>,
        inputs: usize,
        batch_rows: usize,
    ) -> Result<Self, ArrowError> {
        let field = |&column: &usize| SortField::new(schema.field(column).data_type().clone());
        Ok(Self {
            converter: RowConverter::new(key_columns.iter().map(field).collect())?,
            schema,
            key_columns,
            batch_rows,
            inputs: (0..inputs).map(|_| Input::default()).collect(),
            heap: BinaryHeap::new(),
            waiting: (0..inputs).collect(),
            pending: Pending::default(),
        })
    }

    /// Gives the next batch of an input.
    pub fn push(&mut self, input: usize, batch: RecordBatch) -> Result<(), ArrowError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns: Vec<_> = self
            .key_columns
            .iter()
            .map(|&column| Arc::clone(batch.column(column)))
            .collect();
        let keys = self.converter.convert_columns(&columns)?;
        self.heap.push(Reverse((keys.row(0).owned(), input)));
        let cursor = Cursor {
            keys,
            row: 0,
            batch: self.pending.batches.len(),
        };
        self.pending.batches.push(batch);
        self.inputs[input].current = Some(cursor);
        self.waiting.retain(|&waiting| waiting != input);
        Ok(())
    }

    /// Says that an input has no more batches.
    pub fn finish(&mut self, input: usize) {
        self.inputs[input].is_finished = true;
        self.waiting.retain(|&waiting| waiting != input);
    }

    /// What to do next.
    pub fn step(&mut self) -> Result<Step, ArrowError> {
        loop {
            if let Some(&input) = self.waiting.first() {
                return Ok(Step::NeedInput(input));
            }
            if self.pending.newest.len() >= self.batch_rows {
                return self.output().map(Step::Output);
            }
            let Some(Reverse((key, _))) = self.heap.peek() else {
                return match self.pending.newest.is_empty() {
                    true => Ok(Step::Done),
                    false => self.output().map(Step::Output),
                };
            };
            let key = key.clone();
            self.take_key(&key);
        }
    }

    /// Takes the rows of the smallest key off all inputs that have it. The heap yields them by
    /// input number, which is by age.
    fn take_key(&mut self, key: &OwnedRow) {
        let mut sources = Vec::with_capacity(1);
        while self
            .heap
            .peek()
            .is_some_and(|Reverse((next, _))| next == key)
        {
            let Some(Reverse((_, input))) = self.heap.pop() else {
                break;
            };
            let cursor = self.inputs[input]
                .current
                .as_mut()
                .expect("inputs in the heap have rows");
            sources.push((cursor.batch, cursor.row));
            cursor.row += 1;
            if cursor.row < cursor.keys.num_rows() {
                self.heap
                    .push(Reverse((cursor.keys.row(cursor.row).owned(), input)));
            } else {
                self.inputs[input].current = None;
                if !self.inputs[input].is_finished {
                    self.waiting.push(input);
                }
            }
        }
        let newest = *sources.last().expect("the key came from an input");
        if sources.len() > 1 {
            self.pending
                .duplicates
                .insert(self.pending.newest.len(), sources);
        }
        self.pending.newest.push(newest);
    }

    fn output(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = self.pending.newest.len();
        let columns = (0..self.schema.fields().len()).map(|column| self.pending.column(column));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.forget_output();
        Ok(batch)
    }

    /// Drops batches that no cursor is in any more.
    fn forget_output(&mut self) {
        let old = std::mem::take(&mut self.pending);
        for input in &mut self.inputs {
            if let Some(cursor) = &mut input.current {
                self.pending.batches.push(old.batches[cursor.batch].clone());
                cursor.batch = self.pending.batches.len() - 1;
            }
        }
    }
}

impl Pending {
    fn column(&self, column: usize) -> Result<ArrayRef, ArrowError> {
        let arrays: Vec<&dyn Array> = self
            .batches
            .iter()
            .map(|batch| &**batch.column(column))
            .collect();
        let is_valid = |&(batch, row): &(usize, usize)| arrays[batch].is_valid(row);
        let mut chosen = self.newest.clone();
        for (&row, sources) in &self.duplicates {
            if let Some(newest_present) = sources.iter().rev().find(|source| is_valid(source)) {
                chosen[row] = *newest_present;
            }
        }
        interleave(&arrays, &chosen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use proptest::prelude::*;

    use super::*;

    type Key = (Option<String>, i64);
    type Fields = (Option<i64>, Option<i64>);

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("time", DataType::Int64, false),
            Field::new("tag", DataType::Utf8, true),
            Field::new("a", DataType::Int64, true),
            Field::new("b", DataType::Int64, true),
        ]))
    }

    fn batch(rows: &[(Key, Fields)]) -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| Some(row.0.1)).collect::<Int64Array>()),
            Arc::new(
                rows.iter()
                    .map(|row| row.0.0.as_deref())
                    .collect::<StringArray>(),
            ),
            Arc::new(rows.iter().map(|row| row.1.0).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.1.1).collect::<Int64Array>()),
        ];
        RecordBatch::try_new(schema(), columns).unwrap()
    }

    fn rows(batch: &RecordBatch) -> Vec<(Key, Fields)> {
        let int = |column: usize, row: usize| {
            let array = batch.column(column).as_primitive::<Int64Type>();
            array.is_valid(row).then(|| array.value(row))
        };
        let tags = batch.column(1).as_string::<i32>();
        let tag = |row| tags.is_valid(row).then(|| tags.value(row).to_owned());
        (0..batch.num_rows())
            .map(|row| ((tag(row), int(0, row).unwrap()), (int(2, row), int(3, row))))
            .collect()
    }

    fn merged(
        inputs: &[BTreeMap<Key, Fields>],
        split: usize,
        batch_rows: usize,
    ) -> Vec<(Key, Fields)> {
        let mut feeds: Vec<_> = inputs
            .iter()
            .map(|input| {
                let rows: Vec<_> = input.clone().into_iter().collect();
                rows.chunks(split)
                    .map(batch)
                    .collect::<Vec<_>>()
                    .into_iter()
            })
            .collect();
        let mut merge = KeyMerge::try_new(schema(), vec![1, 0], inputs.len(), batch_rows).unwrap();
        let mut out = Vec::new();
        loop {
            match merge.step().unwrap() {
                Step::NeedInput(input) => match feeds[input].next() {
                    Some(batch) => merge.push(input, batch).unwrap(),
                    None => merge.finish(input),
                },
                Step::Output(batch) => out.extend(rows(&batch)),
                Step::Done => return out,
            }
        }
    }

    fn naive(inputs: &[BTreeMap<Key, Fields>]) -> Vec<(Key, Fields)> {
        let mut all: BTreeMap<Key, Fields> = BTreeMap::new();
        for input in inputs {
            for (key, (a, b)) in input {
                let fields = all.entry(key.clone()).or_default();
                *fields = (a.or(fields.0), b.or(fields.1));
            }
        }
        all.into_iter().collect()
    }

    proptest! {
        #[test]
        fn the_newest_value_that_is_not_null_wins(
            inputs in prop::collection::vec(
                prop::collection::btree_map(
                    (prop::option::of("[ab]{0,2}"), -3i64..3),
                    (prop::option::of(0i64..9), prop::option::of(0i64..9)),
                    0..12,
                ),
                1..5,
            ),
            split in 1usize..5,
            batch_rows in 1usize..9,
        ) {
            prop_assert_eq!(merged(&inputs, split, batch_rows), naive(&inputs));
        }
    }
}
