//! The rows of one part of a window's input, as long as a frame may have them.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use datafusion::common::{Result, ScalarValue, internal_err};

use super::function::{Function, InPart, Results, Seen, Stop};
use super::turn::Turn;

/// So many rows at most get results from one function before the others get to them.
const ROWS_AT_ONCE: usize = 8192;

/// Neighbouring rows of a part, of the columns that functions read.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) key: Vec<ScalarValue>,
    pub(super) columns: Vec<ArrayRef>,
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

/// A part under way.
#[derive(Debug)]
pub(super) struct Part {
    key: Vec<ScalarValue>,
    columns: Vec<ArrayRef>,
    rows: usize,
    bytes: usize,
    /// Rows that are not among those of `columns` yet: where functions see a part as a whole, until it is whole.
    later: Vec<Run>,
    functions: Vec<InPart>,
    streams: bool,
    is_end: bool,
}

impl Part {
    pub(super) fn begin(run: Run, functions: &[Function], streams: bool) -> Result<Self> {
        let functions = functions.iter().map(|function| function.begin(streams));
        Ok(Self {
            key: run.key,
            columns: run.columns,
            rows: run.rows,
            bytes: run.bytes,
            later: vec![],
            functions: functions.collect::<Result<_>>()?,
            streams,
            is_end: false,
        })
    }

    pub(super) fn has(&self, run: &Run) -> bool {
        self.key == run.key
    }

    pub(super) fn add(&mut self, run: Run) -> Result<()> {
        self.bytes += run.bytes;
        self.later.push(run);
        match self.streams {
            true => self.join(),
            false => Ok(()),
        }
    }

    /// No more rows come.
    pub(super) fn end(&mut self) -> Result<()> {
        self.is_end = true;
        self.join()
    }

    pub(super) fn is_end(&self) -> bool {
        self.is_end
    }

    fn join(&mut self) -> Result<()> {
        if self.later.is_empty() {
            return Ok(());
        }
        for (place, column) in self.columns.iter_mut().enumerate() {
            let later = self.later.iter().map(|run| &*run.columns[place]);
            // Rows that no frame has any more have left columns without rows.
            let first = Some(&**column).filter(|column| !column.is_empty());
            let all: Vec<&dyn Array> = first.into_iter().chain(later).collect();
            *column = match all[..] {
                [one] => one.slice(0, one.len()),
                _ => concat(&all)?,
            };
        }
        self.rows += self.later.drain(..).map(|run| run.rows).sum::<usize>();
        Ok(())
    }

    /// Has every function add results of the next rows: as many as there can be now, if they are few.
    pub(super) fn advance(
        &mut self,
        functions: &[Function],
        results: &mut [Results],
        turn: &mut Turn,
    ) -> Result<Stop> {
        if !self.streams && !self.is_end {
            return Ok(Stop::NeedsRows);
        }
        let seen = Seen {
            columns: &self.columns,
            rows: self.rows,
            is_end: self.is_end,
        };
        let done = |functions: &[InPart]| functions.iter().map(InPart::done).min();
        let before = done(&self.functions).unwrap_or(self.rows);
        let mut until = self.rows.min(before + ROWS_AT_ONCE);
        for ((in_part, function), results) in self.functions.iter_mut().zip(functions).zip(results)
        {
            if in_part.done() >= until {
                continue;
            }
            match in_part.advance(function, seen, until, results, turn)? {
                Stop::TurnIsOver => return Ok(Stop::TurnIsOver),
                Stop::Full => until = in_part.done(),
                Stop::Reached | Stop::NeedsRows => {}
            }
        }
        let after = done(&self.functions).unwrap_or(self.rows);
        if after < self.rows && after == before && self.is_end {
            return internal_err!("a function of a window tells no result of its last rows");
        }
        if self.streams {
            self.prune();
        }
        Ok(match after == before {
            true => Stop::NeedsRows,
            false => Stop::Reached,
        })
    }

    fn prune(&mut self) {
        let needed = self.functions.iter().map(InPart::needs_from).min();
        let gone = needed.unwrap_or(0);
        if gone == 0 {
            return;
        }
        let left = self.rows - gone;
        for column in &mut self.columns {
            *column = column.slice(gone, left);
        }
        self.bytes = self.bytes / self.rows * left;
        self.rows = left;
        for function in &mut self.functions {
            function.prune(gone);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let functions = self.functions.iter().map(InPart::bytes);
        self.bytes + functions.sum::<usize>()
    }
}
