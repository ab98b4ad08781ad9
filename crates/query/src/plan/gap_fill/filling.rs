//! Fills gaps: rows sorted by group and time go in, rows for all bins of each group come out.
//!
//! A row is answered as soon as no later row can change it. What is repeated from before waits for
//! nothing; what depends on the next value waits for it, with the rows in between: those of one gap,
//! however many bins are in it. Only a spline waits for the end of its group.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::Result;

use super::exec::Spec;
use super::filler::{Filler, Knot, Slot};
use super::output::Output;
use super::rows::Rows;

/// What to do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Call `push` or `finish`.
    NeedInput,
    Output(RecordBatch),
    Done,
}

/// Gap filling of one sorted input.
#[derive(Debug)]
pub(super) struct Filling {
    spec: Arc<Spec>,
    rows: Rows,
    fillers: Vec<Filler>,
    group: Option<Group>,
    /// The next row to look at, and the next one to answer.
    seen: u64,
    answered: u64,
    is_finished: bool,
    output: Output,
    batch_rows: usize,
}

/// The group that is being filled.
#[derive(Debug)]
struct Group {
    first_row: u64,
    key: Vec<u8>,
    /// The place of the next bin in the grid.
    place: u64,
    /// The time of the last row that was looked at.
    seen_until: Option<i64>,
    /// The first row of the next group, once it is known.
    end: Option<u64>,
}

impl Filling {
    pub(super) fn new(spec: Arc<Spec>, rows: Rows, output: Output, batch_rows: usize) -> Self {
        let fillers = spec.filled.iter();
        let fillers = fillers.map(|filled| Filler::new(filled.fill, filled.gap_max));
        Self {
            fillers: fillers.collect(),
            spec,
            rows,
            group: None,
            seen: 0,
            answered: 0,
            is_finished: false,
            output,
            batch_rows,
        }
    }

    /// Takes rows that follow those before.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows.push(batch)
    }

    /// There are no more rows.
    pub(super) fn finish(&mut self) {
        self.is_finished = true;
    }

    pub(super) fn step(&mut self) -> Result<Step> {
        loop {
            if self.output.len() >= self.batch_rows {
                return Ok(Step::Output(self.flush()?));
            }
            let has_group = self.group.is_some() || self.begin_group();
            if !has_group && self.is_finished {
                return Ok(match self.output.len() {
                    0 => Step::Done,
                    _ => Step::Output(self.flush()?),
                });
            }
            if has_group {
                self.look();
                if self.answer() {
                    self.group = None;
                    continue;
                }
            }
            if self.output.len() < self.batch_rows {
                self.let_go();
                return Ok(Step::NeedInput);
            }
        }
    }

    /// Begins with the next row, if it is there.
    fn begin_group(&mut self) -> bool {
        if self.seen >= self.rows.end() {
            return false;
        }
        let (piece, at) = self.rows.find(self.seen);
        self.group = Some(Group {
            first_row: self.seen,
            key: piece.key(at).to_vec(),
            place: 0,
            seen_until: None,
            end: None,
        });
        self.fillers.iter_mut().for_each(Filler::begin_group);
        true
    }

    /// Shows the fillers what has come of the group.
    fn look(&mut self) {
        let Some(group) = self.group.as_mut().filter(|group| group.end.is_none()) else {
            return;
        };
        'pieces: while self.seen < self.rows.end() {
            let (piece, from) = self.rows.find(self.seen);
            for at in from..piece.row_count() {
                if !piece.has_key(at, &group.key) {
                    group.end = Some(self.seen);
                    break 'pieces;
                }
                let row = self.seen;
                self.seen += 1;
                let Some(time) = piece.time(&self.spec, at) else {
                    continue;
                };
                group.seen_until = Some(time);
                for (filled, filler) in self.fillers.iter_mut().enumerate() {
                    if let Some(value) = piece.value(&self.spec, filled, at) {
                        filler.observe(Knot { time, row, value });
                    }
                }
            }
        }
        if self.is_finished && group.end.is_none() {
            group.end = Some(self.rows.end());
        }
        if group.end.is_some() {
            self.fillers.iter_mut().for_each(Filler::end_group);
        }
    }

    /// Answers what is certain, until the output is full; tells whether that was all of the group.
    fn answer(&mut self) -> bool {
        let horizon = self.horizon();
        let Some(group) = &mut self.group else {
            return true;
        };
        while self.output.len() < self.batch_rows {
            let row = (self.answered < self.seen).then_some(self.answered);
            let time = row.map(|row| self.rows.time(row));
            let bin = self.spec.grid.at(group.place);
            let (time, row) = match (time, bin) {
                (None, None) => return group.end.is_some(),
                // A time that is missing is in no bin and comes last; there is nothing to fill there.
                (Some(None), None) => (None, row),
                (Some(Some(time)), Some(bin)) if bin < time => (Some(bin), None),
                (Some(Some(time)), _) => (Some(time), row),
                (None | Some(None), Some(bin)) => (Some(bin), None),
            };
            if time.is_some_and(|time| horizon.is_none_or(|horizon| time > horizon)) {
                return false;
            }
            if time.is_some() && time == bin {
                group.place += 1;
            }
            let place = row.map(|row| self.rows.find(row));
            let slots = self.fillers.iter_mut().enumerate().map(|(filled, filler)| {
                let given = place.and_then(|(piece, at)| piece.value(&self.spec, filled, at));
                match (row, given, time) {
                    (Some(row), Some(_), _) => Slot::Row(row),
                    (_, _, Some(time)) => filler.at(time),
                    _ => Slot::Null,
                }
            });
            self.output.push(time, group.first_row, row, slots);
            self.answered += u64::from(row.is_some());
        }
        false
    }

    /// The time up to which everything is known; `None` if nothing is.
    fn horizon(&self) -> Option<i64> {
        let group = self.group.as_ref()?;
        if group.end.is_some() {
            return Some(i64::MAX);
        }
        let seen_until = group.seen_until?;
        let known = self
            .fillers
            .iter()
            .map(|filler| filler.known_until(seen_until));
        known.chain([Some(seen_until)]).min().flatten()
    }

    fn flush(&mut self) -> Result<RecordBatch> {
        let batch = self.output.take(&self.rows)?;
        self.let_go();
        Ok(batch)
    }

    /// Lets go of rows that nothing needs any more.
    fn let_go(&mut self) {
        if self.output.len() > 0 {
            return;
        }
        let first = self.group.as_ref().map(|group| group.first_row);
        let repeated = self.fillers.iter().flat_map(Filler::needed_rows);
        // Later ones are held anyway.
        let before = |row: &u64| *row < self.answered;
        let needed: Vec<_> = first.into_iter().chain(repeated).filter(before).collect();
        self.rows.retain(self.answered, needed.into_iter());
    }
}
