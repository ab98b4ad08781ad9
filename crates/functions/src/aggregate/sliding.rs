//! Moving window frames, in constant amortised time per row.

use analytics::Sliding;
use arrow::array::ArrayRef;
use datafusion_common::{Result, ScalarValue, not_impl_err};
use datafusion_expr::Accumulator;

use super::{Item, Plan, SummaryFunction, state_scalars};
use crate::collected::Output;
use crate::series::{Frames, Moving, Presence};

/// Accumulates the rows of a frame whose both ends move forward. One state and one item per row in the frame.
///
/// Rows leave in the order in which they came, which is how frames move; so only *how many* present items leave matters.
#[derive(Debug)]
pub(crate) struct SlidingAccumulator<F: SummaryFunction> {
    plan: Plan<F>,
    window: Sliding<F::State, F::Item>,
    presence: Presence,
    /// The items of a batch and their rows; kept for its memory.
    items: Vec<(usize, F::Item)>,
}

impl<F: SummaryFunction> SlidingAccumulator<F> {
    pub(crate) fn new(plan: Plan<F>) -> Self {
        Self {
            plan,
            window: Sliding::default(),
            presence: Presence::default(),
            items: vec![],
        }
    }
}

impl<F: SummaryFunction> Accumulator for SlidingAccumulator<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let window = &mut self.window;
        self.plan
            .for_each_block(values, |block| window.extend(block))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let count = match &self.plan.mapping {
            None => F::Item::present_count(values)?,
            Some(_) => {
                let mut count = 0;
                self.plan
                    .for_each_block(values, |block| count += block.len())?;
                count
            }
        };
        self.window.pop(count);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.plan.scalar(&self.window.summary())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(state_scalars(&self.window.summary()))
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        // A merged state could never leave the frame again; windows are not computed in parts.
        not_impl_err!("moving frames cannot be merged")
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self.window.heap_bytes()
            + self.presence.heap_bytes()
            + self.items.capacity() * size_of::<(usize, F::Item)>()
    }
}

impl<F: SummaryFunction> Moving for SlidingAccumulator<F> {
    fn evaluate_frames(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef> {
        let complete = match (&self.plan.mapping, self.presence.is_complete()) {
            (None, true) => F::Item::complete(columns)?,
            _ => None,
        };
        let results = match complete {
            Some(items) => self.slide(items, frames),
            None => self.step(columns, frames)?,
        };
        F::Output::array(results, &self.plan.result_type)
    }
}

impl<F: SummaryFunction> SlidingAccumulator<F> {
    /// The results where no row lacks its item.
    fn slide(&mut self, items: &[F::Item], frames: &Frames) -> Vec<Option<F::Output>> {
        let read = &self.plan.read;
        let mut results = Vec::with_capacity(frames.len());
        // How many of the items are in a frame.
        let mut taken = 0;
        while let Some(end) = frames.ends.get(results.len()) {
            if taken == results.len() {
                let sliding = frames.sliding(taken, self.presence.start());
                let (window, items) = (&mut self.window, &items[taken..taken + sliding]);
                window.slide(items, |summaries| read.many(summaries, &mut results));
                self.presence.skip(sliding);
                taken += sliding;
                if sliding > 0 {
                    continue;
                }
            }
            let end = end - frames.first;
            for item in &items[taken.min(end)..end] {
                self.window.push(*item);
            }
            taken = taken.max(end);
            let start = frames.starts[results.len()];
            self.window.pop(self.presence.move_to(start));
            results.push(read.one(&self.window.summary()));
        }
        results
    }

    /// The results where some do.
    fn step(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<Vec<Option<F::Output>>> {
        let (plan, items) = (&self.plan, &mut self.items);
        items.clear();
        F::Item::for_each_present(columns, |row, item| {
            items.extend(plan.mapped(item).map(|item| (frames.first + row, item)));
        })?;
        let mut items = items.iter().peekable();
        let mut through = frames.first;
        let mut results = Vec::with_capacity(frames.len());
        for (start, end) in frames.starts.iter().zip(&frames.ends) {
            while let Some((row, item)) = items.next_if(|(row, _)| row < end) {
                self.presence.miss(through..*row);
                self.window.push(*item);
                through = row + 1;
            }
            if through < *end {
                self.presence.miss(through..*end);
                through = *end;
            }
            self.window.pop(self.presence.move_to(*start));
            results.push(plan.read.one(&self.window.summary()));
        }
        Ok(results)
    }
}
