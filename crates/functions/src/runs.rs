//! [`RunsAccumulator`]: aggregates with GROUP BY over runs of rows of one group.
//!
//! What is sorted by its groups comes in runs of thousands of rows. An operator that knows them says so once for all functions of a
//! query ([`RunsAccumulator::update_runs`]); otherwise each function finds them, which must cost less than reading the values.

use std::fmt::Debug;
use std::ops::Range;

use arrow::array::{ArrayRef, BooleanArray};
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};

/// Rows that are looked at one by one before it seems to be a long run.
const SHORT: usize = 8;

/// Rows that are compared at once.
const BLOCK: usize = 32;

/// The group of every row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Groups<'a> {
    pub(crate) of_rows: &'a [usize],
    /// The rows of every run, where they are known.
    runs: Option<&'a [Range<usize>]>,
}

impl<'a> Groups<'a> {
    /// Groups of whose runs nothing is known.
    pub(crate) fn of(of_rows: &'a [usize]) -> Self {
        Self {
            of_rows,
            runs: None,
        }
    }

    /// The groups and the rows of each run, in order.
    pub(crate) fn runs(self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let known = self.runs.unwrap_or_default().iter();
        let known = known.map(move |rows| (self.of_rows[rows.start], rows.clone()));
        let unknown = match self.runs {
            Some(_) => &[][..],
            None => self.of_rows,
        };
        known.chain(runs(unknown))
    }
}

/// The states of all groups, updated by whole columns: a [`GroupsAccumulator`], whose methods these are, that looks at runs.
pub(crate) trait GroupStates: Debug + Send + 'static {
    fn update(
        &mut self,
        values: &[ArrayRef],
        groups: Groups,
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()>;

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize], group_count: usize) -> Result<()>;

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef>;

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>>;

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>>;

    fn size(&self) -> usize;
}

/// What aggregates of this crate give DataFusion for GROUP BY.
#[derive(Debug)]
pub struct RunsAccumulator(Box<dyn GroupStates>);

impl RunsAccumulator {
    pub(crate) fn new(states: impl GroupStates) -> Self {
        Self(Box::new(states))
    }

    /// As [`update_batch`](GroupsAccumulator::update_batch), of which the rows of each run are known: all rows, in order.
    ///
    /// # Errors
    /// Those of the function.
    pub fn update_runs(
        &mut self,
        values: &[ArrayRef],
        group_of_row: &[usize],
        runs: &[Range<usize>],
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        let groups = Groups {
            of_rows: group_of_row,
            runs: Some(runs),
        };
        self.0.update(values, groups, filter, group_count)
    }
}

impl GroupsAccumulator for RunsAccumulator {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let groups = Groups::of(group_indices);
        self.0.update(values, groups, opt_filter, total_num_groups)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.merge(values, group_indices, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(values, opt_filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// The groups and the rows of each run, in order.
fn runs(groups: &[usize]) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = &groups[start..];
        let group = *rest.first()?;
        let rows = start..start + length(rest, group);
        start = rows.end;
        Some((group, rows))
    })
}

/// How many of the first rows are of this group.
fn length(groups: &[usize], group: usize) -> usize {
    let by_one = |from: usize| {
        let rows = groups[from..].iter();
        from + rows.take_while(|other| **other == group).count()
    };
    let beginning = &groups[..groups.len().min(SHORT)];
    if beginning.iter().any(|other| *other != group) {
        return by_one(0);
    }
    let blocks = groups.chunks_exact(BLOCK);
    // Without a way out of the inner loop, so that it is a few instructions for many rows.
    let is_whole =
        |block: &&[usize]| (block.iter()).fold(true, |all, other| all & (*other == group));
    by_one(BLOCK * blocks.take_while(is_whole).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[usize]) {
        let groups = lengths.iter().enumerate();
        // Groups come back: only neighbours are of one run.
        let groups: Vec<usize> = groups
            .flat_map(|(group, length)| vec![group % 3; *length])
            .collect();
        let mut start = 0;
        let expected = lengths.iter().enumerate().map(|(group, length)| {
            start += length;
            (group % 3, start - length..start)
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(runs(&groups).collect::<Vec<_>>(), expected);
        let known: Vec<Range<usize>> = expected.iter().map(|(_, rows)| rows.clone()).collect();
        let known = Groups {
            of_rows: &groups,
            runs: Some(&known),
        };
        assert_eq!(known.runs().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn runs_of_any_length() {
        check(&[]);
        check(&[1]);
        check(&[1, 1, 2, 1]);
        check(&[7, 8, 9, 31, 32, 33]);
        check(&[64, 1, 65, 40, 3000, 8]);
    }
}
