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
    /// The items of a batch, and their rows; kept for their memory.
    items: Vec<F::Item>,
    rows: Vec<usize>,
}

impl<F: SummaryFunction> SlidingAccumulator<F> {
    pub(crate) fn new(plan: Plan<F>) -> Self {
        Self {
            plan,
            window: Sliding::default(),
            presence: Presence::default(),
            items: vec![],
            rows: vec![],
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
            + self.items.capacity() * size_of::<F::Item>()
            + self.rows.capacity() * size_of::<usize>()
    }
}

impl<F: SummaryFunction> Moving for SlidingAccumulator<F> {
    fn evaluate_frames(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef> {
        let (plan, items, rows) = (&self.plan, &mut self.items, &mut self.rows);
        items.clear();
        rows.clear();
        F::Item::for_each_present(columns, |row, item| {
            if let Some(item) = plan.mapped(item) {
                items.push(item);
                rows.push(frames.first + row);
            }
        })?;
        let is_complete = items.len() == frames.len() && self.presence.is_complete();
        let mut results = Vec::with_capacity(frames.len());
        // The next item, and the row after the last one that is in a frame.
        let (mut next, mut through) = (0, frames.first);
        while let Some(end) = frames.ends.get(results.len()).copied() {
            if is_complete && through == frames.first + results.len() {
                let sliding = frames.sliding(results.len(), self.presence.start());
                self.window.slide(&items[next..next + sliding], |summary| {
                    results.push((plan.read)(summary));
                });
                self.presence.skip(sliding);
                next += sliding;
                through += sliding;
                if sliding > 0 {
                    continue;
                }
            }
            while rows.get(next).is_some_and(|row| *row < end) {
                self.presence.miss(through..rows[next]);
                self.window.push(items[next]);
                through = rows[next] + 1;
                next += 1;
            }
            if through < end {
                self.presence.miss(through..end);
                through = end;
            }
            let start = frames.starts[results.len()];
            self.window.pop(self.presence.move_to(start));
            results.push((plan.read)(&self.window.summary()));
        }
        F::Output::array(results, &plan.result_type)
    }
}
