//! Merges sorted inputs to one, with every row key once.
//!
//! This is where a *duplicate key across files and buffer* is resolved: field by field the newest
//! value that is not NULL wins. Inputs are given oldest first; each is sorted by the key columns
//! (ascending, NULL first) and holds every key at most once.
//!
//! The merge does no input or output of its own: the caller asks for the [`Step`] to take next and
//! feeds it record batches, so that a query stream and a background job can both drive it.
//!
//! Sorted rows come series by series, and the merge works by runs of rows, not by rows:
//!
//! ```text
//! batch ─▶ runs of equal tags (key.rs) ─▶ the inputs that have the next series
//!            one: all its rows up to the next input's series, at once
//!            several: by time, each as many rows at once as come before the others' next
//!          ─▶ pieces of batches (pending.rs) ─▶ one slice, or columns copied by piece (gather.rs)
//! ```
//!
//! In memory are the batches that inputs are in and those that rows of the next output come from.

mod gather;
mod key;
mod pending;

use std::cmp::Ordering;

use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use key::gallop;
pub(crate) use key::{KeyColumns, Runs};
use pending::{Pending, Place};

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
    key: KeyColumns,
    inputs: Vec<Input>,
    /// Inputs to be looked at before anything can be merged.
    waiting: Vec<usize>,
    /// The inputs that have the series being merged, oldest first.
    group: Vec<usize>,
    /// All other inputs that have rows. The one with the next series is last; of several with the
    /// same series, the oldest.
    queue: Vec<usize>,
    pending: Pending,
}

#[derive(Debug, Default)]
struct Input {
    current: Option<Cursor>,
    is_finished: bool,
}

#[derive(Debug)]
struct Cursor {
    /// The batch's place in [`Pending`].
    batch: usize,
    times: ScalarBuffer<i64>,
    runs: Runs,
    /// The run that `row` is in.
    run: usize,
    row: usize,
}

impl KeyMerge {
    /// Merges `inputs` inputs with this schema on these key columns, in batches of at most
    /// `batch_rows` rows.
    ///
    /// The key columns are tags (`Utf8`, `Utf8View` or dictionaries of text with `Int32` codes) in
    /// sort order and then the time (a timestamp or `Int64`); anything else is an error.
    pub fn try_new(
        schema: SchemaRef,
        key_columns: Vec<usize>,
        inputs: usize,
        batch_rows: usize,
    ) -> Result<Self, ArrowError> {
        Ok(Self {
            key: KeyColumns::try_new(&schema, key_columns)?,
            schema,
            inputs: (0..inputs).map(|_| Input::default()).collect(),
            waiting: (0..inputs).collect(),
            group: Vec::new(),
            queue: Vec::new(),
            pending: Pending::new(batch_rows),
        })
    }

    /// Gives the next batch of an input that [`KeyMerge::step`] asked for.
    pub fn push(&mut self, input: usize, batch: RecordBatch) -> Result<(), ArrowError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let types = self.schema.fields().iter().map(|field| field.data_type());
        if !types.eq(batch.columns().iter().map(|column| column.data_type())) {
            let problem = "a batch has other columns than the merge it was given to";
            return Err(ArrowError::SchemaError(problem.to_owned()));
        }
        if self.inputs[input].current.is_some() {
            let problem = "a merge was given a batch before it asked for one";
            return Err(ArrowError::InvalidArgumentError(problem.to_owned()));
        }
        self.inputs[input].current = Some(Cursor {
            times: self.key.times(&batch)?,
            runs: self.key.runs(&batch)?,
            batch: self.pending.hold(batch),
            run: 0,
            row: 0,
        });
        self.enqueue(input);
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
            if self.pending.is_full() {
                return self.output().map(Step::Output);
            }
            if self.group.is_empty() {
                self.group_next_series();
            }
            match self.group[..] {
                [] if self.pending.is_empty() => return Ok(Step::Done),
                [] => return self.output().map(Step::Output),
                [alone] => self.take_alone(alone),
                _ => self.take_by_time(),
            }
        }
    }

    fn output(&mut self) -> Result<RecordBatch, ArrowError> {
        let batch = self.pending.output(&self.schema, &self.key)?;
        let cursors = self.inputs.iter_mut();
        let cursors = cursors.filter_map(|input| Some(&mut input.current.as_mut()?.batch));
        self.pending.forget_output(cursors);
        Ok(batch)
    }

    /// Puts an input to its place in the queue.
    fn enqueue(&mut self, input: usize) {
        let cursor = self.inputs[input].cursor();
        let comes_later = |&queued: &usize| {
            let order = self.inputs[queued].cursor().key().cmp(cursor.key());
            order.then(queued.cmp(&input)) == Ordering::Greater
        };
        let place = self.queue.partition_point(comes_later);
        self.queue.insert(place, input);
    }

    /// Takes the inputs that have the next series off the queue.
    fn group_next_series(&mut self) {
        while let Some(&next) = self.queue.last() {
            if let Some(&first) = self.group.first()
                && self.inputs[first].cursor().key() != self.inputs[next].cursor().key()
            {
                break;
            }
            self.queue.pop();
            self.group.push(next);
        }
    }

    /// Takes rows of the one input in the group: all that come before the next series of the
    /// others, or as many as there is room for.
    fn take_alone(&mut self, input: usize) {
        let next = self.queue.last().map(|&next| self.inputs[next].cursor());
        let cursor = self.inputs[input].cursor();
        let runs = cursor.runs.len() - cursor.run;
        let runs = match next {
            None => runs,
            Some(next) => gallop(runs, |run| cursor.runs.key(cursor.run + run) < next.key()),
        };
        let end = cursor.runs.end(cursor.run + runs - 1);
        let rows = self.pending.room_for(end - cursor.row);
        let from = cursor.place();
        self.pending.take(from, rows);

        let cursor = self.inputs[input].cursor_mut();
        let stop = from.row + rows;
        while cursor.row < stop {
            let run_end = cursor.runs.end(cursor.run);
            let place = cursor.place();
            cursor.row = run_end.min(stop);
            self.pending.end_series(place, cursor.row - place.row);
            if cursor.row == run_end {
                cursor.run += 1;
            }
        }
        if stop == end {
            self.group.clear();
            self.leave_run(input);
        }
    }

    /// Takes rows of the inputs in the group by their times, until one of them has no more of the
    /// series or there is no more room.
    fn take_by_time(&mut self) {
        let heads = self.group.iter().map(|&input| self.inputs[input].cursor());
        let mut heads: Vec<Head<'_>> = heads.map(Cursor::head).collect();
        let first = heads[0].place;
        let before = self.pending.rows();
        take_by_time(&mut heads, &mut self.pending);
        self.pending.end_series(first, self.pending.rows() - before);

        let rows: Vec<usize> = heads.iter().map(|head| head.place.row).collect();
        let mut ended = Vec::new();
        for (&input, row) in self.group.iter().zip(rows) {
            let cursor = self.inputs[input].cursor_mut();
            cursor.row = row;
            if row == cursor.runs.end(cursor.run) {
                cursor.run += 1;
                ended.push(input);
            }
        }
        self.group.retain(|input| !ended.contains(input));
        for input in ended {
            self.leave_run(input);
        }
        if !self.waiting.is_empty() {
            // The series may go on in the next batch of those.
            for input in std::mem::take(&mut self.group) {
                self.enqueue(input);
            }
        }
    }

    /// Goes on with an input whose cursor is past its run, and which is in no group.
    fn leave_run(&mut self, input: usize) {
        let cursor = self.inputs[input].cursor();
        if cursor.run < cursor.runs.len() {
            return self.enqueue(input);
        }
        self.inputs[input].current = None;
        if !self.inputs[input].is_finished {
            self.waiting.push(input);
        }
    }
}

impl Input {
    fn cursor(&self) -> &Cursor {
        let current = self.current.as_ref();
        current.expect("inputs in the queue and in the group have rows")
    }

    fn cursor_mut(&mut self) -> &mut Cursor {
        let current = self.current.as_mut();
        current.expect("inputs in the queue and in the group have rows")
    }
}

impl Cursor {
    fn key(&self) -> &[u8] {
        self.runs.key(self.run)
    }

    fn place(&self) -> Place {
        let (batch, row) = (self.batch, self.row);
        Place { batch, row }
    }

    fn head(&self) -> Head<'_> {
        Head {
            place: self.place(),
            times: &self.times[self.row..self.runs.end(self.run)],
        }
    }
}

/// What one input has left of a series.
#[derive(Debug)]
struct Head<'a> {
    place: Place,
    times: &'a [i64],
}

/// Which heads come first, and up to where.
#[derive(Debug, PartialEq)]
struct Next {
    time: i64,
    /// How many heads have this time, and the first of them.
    count: usize,
    first: usize,
    /// The earliest time of the others.
    after: Option<i64>,
}

impl Next {
    fn of(heads: &[Head<'_>]) -> Self {
        let mut next = Self {
            time: heads[0].times[0],
            count: 1,
            first: 0,
            after: None,
        };
        for (i, head) in heads.iter().enumerate().skip(1) {
            let time = head.times[0];
            match time.cmp(&next.time) {
                Ordering::Equal => next.count += 1,
                Ordering::Greater => next.after = Some(next.after.map_or(time, |a| a.min(time))),
                Ordering::Less => {
                    let after = Some(next.time);
                    (next.time, next.count, next.first, next.after) = (time, 1, i, after);
                }
            }
        }
        next
    }
}

fn take_by_time(heads: &mut [Head<'_>], pending: &mut Pending) {
    let mut places = Vec::new();
    while heads.iter().all(|head| !head.times.is_empty()) && !pending.is_full() {
        let next = Next::of(heads);
        let leader = &heads[next.first];
        let rows = match next.after {
            None => leader.times.len(),
            Some(after) => gallop(leader.times.len(), |row| leader.times[row] < after),
        };
        if next.count == 1 {
            let rows = pending.room_for(rows);
            pending.take(leader.place, rows);
            heads[next.first].advance(rows);
            continue;
        }
        let leading = leader.times;
        let is_leading = |head: &&mut Head<'_>| head.times[0] == next.time;
        let rows = heads
            .iter()
            .filter(|head| head.times[0] == next.time)
            .fold(rows.min(pending.room()), |rows, head| {
                equal_rows(&leading[..rows], head.times)
            });
        places.clear();
        for head in heads.iter_mut().filter(is_leading) {
            places.push(head.place);
            head.advance(rows);
        }
        pending.take_duplicates(&places, rows);
    }
}

/// How many rows from the start two inputs have the same times.
fn equal_rows(a: &[i64], b: &[i64]) -> usize {
    let differ = a.iter().zip(b).position(|(a, b)| a != b);
    differ.unwrap_or(a.len().min(b.len()))
}

impl Head<'_> {
    fn advance(&mut self, rows: usize) {
        self.place.row += rows;
        self.times = &self.times[rows..];
    }
}

#[cfg(test)]
mod tests;
