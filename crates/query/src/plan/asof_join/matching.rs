//! Walks through two inputs that are sorted by keys and time, side by side.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, new_null_array,
};
use arrow::compute::{cast, interleave, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, Rows};
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;

use super::exec::Spec;
use super::node::Direction;

/// What to do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Call `push_left` or `finish_left`.
    NeedLeft,
    /// Call `push_right` or `finish_right`.
    NeedRight,
    Output(RecordBatch),
    Done,
}

/// The join of two sorted inputs.
#[derive(Debug)]
pub(super) struct MatchingRows {
    spec: Arc<Spec>,
    schema: SchemaRef,
    converter: Option<RowConverter>,
    left: Side,
    right: Side,
    /// The last row of the right side that was passed, where it could match.
    passed: Option<Passed>,
    matches: Matches,
}

/// One input.
#[derive(Debug, Default)]
struct Side {
    batch: Option<Batch>,
    /// The row of the batch that is looked at.
    row: usize,
    is_finished: bool,
}

#[derive(Debug)]
struct Batch {
    rows: RecordBatch,
    keys: Option<Rows>,
    times: Int64Array,
    /// Rows with NULL as a key.
    has_null_key: Vec<bool>,
}

/// A row that has been passed.
#[derive(Debug)]
struct Passed {
    key: Vec<u8>,
    time: i64,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// A row of the right side's batch.
    Current(usize),
    /// The only row of this batch.
    Kept(RecordBatch),
}

impl MatchingRows {
    pub(super) fn new(
        spec: Arc<Spec>,
        schema: SchemaRef,
        converter: Option<RowConverter>,
        right_schema: &SchemaRef,
    ) -> Self {
        let matches = Matches::new(right_schema);
        Self {
            spec,
            schema,
            converter,
            left: Side::default(),
            right: Side::default(),
            passed: None,
            matches,
        }
    }

    pub(super) fn push_left(&mut self, rows: RecordBatch) -> Result<()> {
        if rows.num_rows() > 0 {
            let keys = self.spec.on.iter().map(|(left, _)| left);
            let batch = Batch::new(rows, keys, &self.spec.left_time, self.converter.as_ref())?;
            (self.left.batch, self.left.row) = (Some(batch), 0);
        }
        Ok(())
    }

    pub(super) fn finish_left(&mut self) {
        self.left.is_finished = true;
    }

    pub(super) fn push_right(&mut self, rows: RecordBatch) -> Result<()> {
        if rows.num_rows() > 0 {
            let keys = self.spec.on.iter().map(|(_, right)| right);
            let batch = Batch::new(rows, keys, &self.spec.right_time, self.converter.as_ref())?;
            (self.right.batch, self.right.row) = (Some(batch), 0);
        }
        Ok(())
    }

    pub(super) fn finish_right(&mut self) {
        self.right.is_finished = true;
    }

    pub(super) fn step(&mut self) -> Result<Step> {
        let Some(left) = self.left.batch.take() else {
            return Ok(match self.left.is_finished {
                true => Step::Done,
                false => Step::NeedLeft,
            });
        };
        while self.left.row < left.rows.num_rows() {
            if !self.match_row(&left, self.left.row)? {
                self.left.batch = Some(left);
                return Ok(Step::NeedRight);
            }
            self.left.row += 1;
        }
        let current = self.right.batch.as_ref();
        let right = self.matches.take(current.map(|batch| &batch.rows))?;
        let mut columns = left.rows.columns().to_vec();
        columns.extend(self.spec.shown.iter().map(|&at| Arc::clone(&right[at])));
        let joined = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        Ok(Step::Output(joined))
    }

    /// Finds the match of a row of the left side; `false` if more of the right side is needed first.
    fn match_row(&mut self, left: &Batch, row: usize) -> Result<bool> {
        if left.has_null_key[row] || left.times.is_null(row) {
            self.matches.push_none();
            return Ok(true);
        }
        let (key, time) = (left.key(row), left.times.value(row));
        if !self.pass_rows(key, time)? {
            return Ok(false);
        }
        let before = self.passed.as_ref();
        let before = before.filter(|passed| passed.key == key && self.is_near(passed.time, time));
        let after = self.right.batch.as_ref().and_then(|batch| {
            let found = batch.times.value(self.right.row);
            let is_match = batch.key(self.right.row) == key && self.is_near(found, time);
            is_match.then_some(found)
        });
        let takes_before = match (self.spec.direction, before, after) {
            (Direction::Backward, before, _) => before.is_some(),
            (Direction::Forward, _, _) | (Direction::Nearest, None, _) => false,
            (Direction::Nearest, Some(before), after) => {
                after.is_none_or(|after| before.time.abs_diff(time) <= after.abs_diff(time))
            }
        };
        let takes_after = !takes_before && self.spec.direction != Direction::Backward;
        match before.filter(|_| takes_before) {
            Some(passed) => self.matches.push(&passed.place),
            None if takes_after && after.is_some() => {
                self.matches.push(&Place::Current(self.right.row));
            }
            None => self.matches.push_none(),
        }
        Ok(true)
    }

    fn is_near(&self, a: i64, b: i64) -> bool {
        a.abs_diff(b) <= self.spec.tolerance
    }

    /// Goes on in the right side to the first row that lies after this key and time; `false` if that
    /// is not known yet.
    fn pass_rows(&mut self, key: &[u8], time: i64) -> Result<bool> {
        // Rows at this very time are passed unless they are those that come after, or do not match.
        let passes_equal = match self.spec.direction {
            Direction::Backward => !self.spec.is_strict,
            Direction::Forward => self.spec.is_strict,
            Direction::Nearest => true,
        };
        loop {
            let Some(batch) = &self.right.batch else {
                return Ok(self.right.is_finished);
            };
            while self.right.row < batch.rows.num_rows() {
                let row = self.right.row;
                let is_missing = batch.has_null_key[row] || batch.times.is_null(row);
                let order = batch.key(row).cmp(key);
                let order = order.then_with(|| batch.times.value(row).cmp(&time));
                let passes = match order {
                    _ if is_missing => true,
                    Ordering::Less => true,
                    Ordering::Equal => passes_equal,
                    Ordering::Greater => false,
                };
                if !passes {
                    return Ok(true);
                }
                if !is_missing && batch.key(row) == key {
                    self.passed = Some(Passed {
                        key: key.to_vec(),
                        time: batch.times.value(row),
                        place: Place::Current(row),
                    });
                }
                self.right.row += 1;
            }
            self.leave_right_batch()?;
        }
    }

    /// Keeps what is needed of the right side's batch, all of which has been passed.
    fn leave_right_batch(&mut self) -> Result<()> {
        let Some(batch) = self.right.batch.take() else {
            return Ok(());
        };
        self.matches.keep(&batch.rows)?;
        if let Some(passed) = &mut self.passed
            && let Place::Current(row) = passed.place
        {
            passed.place = Place::Kept(rows_at(&batch.rows, &[row])?);
        }
        Ok(())
    }
}

impl Batch {
    fn new<'a>(
        rows: RecordBatch,
        keys: impl Iterator<Item = &'a Arc<dyn PhysicalExpr>>,
        time: &Arc<dyn PhysicalExpr>,
        converter: Option<&RowConverter>,
    ) -> Result<Self> {
        let row_count = rows.num_rows();
        let keys = keys.map(|key| key.evaluate(&rows)?.into_array(row_count));
        let keys: Vec<ArrayRef> = keys.collect::<Result<_>>()?;
        let has_null = |row| keys.iter().any(|key| key.is_null(row));
        let has_null_key = (0..row_count).map(has_null).collect();
        let times = time.evaluate(&rows)?.into_array(row_count)?;
        let times = cast(&times, &DataType::Int64)?;
        let keys = converter.map(|converter| converter.convert_columns(&keys));
        Ok(Self {
            keys: keys.transpose()?,
            times: times.as_primitive().clone(),
            has_null_key,
            rows,
        })
    }

    fn key(&self, row: usize) -> &[u8] {
        self.keys.as_ref().map_or(&[], |keys| keys.row(row).data())
    }
}

fn rows_at(batch: &RecordBatch, rows: &[usize]) -> Result<RecordBatch> {
    let rows = rows.iter().map(|&row| u32::try_from(row));
    let rows: UInt32Array = rows
        .map(|row| Some(row.expect("a batch has fewer rows")))
        .collect();
    Ok(take_record_batch(batch, &rows)?)
}

/// The matches of the rows of a batch of the left side. It holds matched rows, not the batches they
/// were in.
#[derive(Debug)]
struct Matches {
    /// A row of NULLs, then matched rows.
    pieces: Vec<RecordBatch>,
    /// For each row of the left side, a piece and a row of it.
    places: Vec<(usize, usize)>,
    /// The matched rows of the right side's batch; the piece after those there are will have them.
    current: Vec<usize>,
    /// Where a kept row is among the pieces.
    kept: Option<usize>,
}

impl Matches {
    fn new(schema: &SchemaRef) -> Self {
        let fields = schema.fields().iter();
        let fields = fields.map(|field| field.as_ref().clone().with_nullable(true));
        let nullable = Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
        let nulls = nullable.fields().iter();
        let nulls = nulls
            .map(|field| new_null_array(field.data_type(), 1))
            .collect();
        let nulls = match nullable.fields().is_empty() {
            true => RecordBatch::new_empty(nullable),
            false => RecordBatch::try_new(nullable, nulls).expect("the columns are of this schema"),
        };
        Self {
            pieces: vec![nulls],
            places: Vec::new(),
            current: Vec::new(),
            kept: None,
        }
    }

    fn push_none(&mut self) {
        self.places.push((0, 0));
    }

    fn push(&mut self, place: &Place) {
        match place {
            Place::Current(row) => {
                if self.current.last() != Some(row) {
                    self.current.push(*row);
                }
                let place = (CURRENT, self.current.len() - 1);
                self.places.push(place);
            }
            Place::Kept(batch) => {
                let piece = *self.kept.get_or_insert_with(|| {
                    self.pieces.push(batch.clone());
                    self.pieces.len() - 1
                });
                self.places.push((piece, 0));
            }
        }
    }

    /// Copies the matched rows of a batch that is left.
    fn keep(&mut self, batch: &RecordBatch) -> Result<()> {
        // A row kept from an earlier batch may be another one from now on.
        self.kept = None;
        if self.current.is_empty() {
            return Ok(());
        }
        let piece = self.pieces.len();
        self.pieces.push(rows_at(batch, &self.current)?);
        self.current.clear();
        for place in &mut self.places {
            if place.0 == CURRENT {
                place.0 = piece;
            }
        }
        Ok(())
    }

    /// The columns of the right side for all rows so far; it begins anew.
    fn take(&mut self, current: Option<&RecordBatch>) -> Result<Vec<ArrayRef>> {
        if let Some(current) = current {
            self.keep(current)?;
        }
        let columns = (0..self.pieces[0].num_columns()).map(|at| {
            let sources = self.pieces.iter().map(|piece| piece.column(at).as_ref());
            let sources: Vec<&dyn Array> = sources.collect();
            Ok(interleave(&sources, &self.places)?)
        });
        let columns = columns.collect::<Result<_>>()?;
        self.pieces.truncate(1);
        self.places.clear();
        self.kept = None;
        Ok(columns)
    }
}

/// Stands for the piece that the right side's batch becomes.
const CURRENT: usize = usize::MAX;
