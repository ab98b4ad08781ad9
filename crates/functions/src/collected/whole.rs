//! The rows of one group: no GROUP BY, and window frames.

use arrow::array::ArrayRef;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Accumulator;

use super::{CollectedFunction, Follower, Output, Plan, Row, lists};

/// The rows of a group, or of a window frame whose rows leave in the order in which they came.
#[derive(Debug)]
pub(super) struct Rows<F: CollectedFunction> {
    plan: Plan<F>,
    rows: Vec<F::Row>,
    /// Rows at the front of `rows` that have left the frame.
    gone: usize,
    /// A copy to sort when the order of arrival matters for those that leave.
    scratch: Option<Vec<F::Row>>,
    /// What keeps up with the rows while they come in their order.
    follower: Option<Box<dyn Follower<F::Row, F::Output>>>,
    /// How many rows the follower has taken.
    followed: usize,
}

impl<F: CollectedFunction> Rows<F> {
    /// Rows that only come.
    pub(super) fn new(
        plan: Plan<F>,
        follower: Option<Box<dyn Follower<F::Row, F::Output>>>,
    ) -> Self {
        Self {
            plan,
            rows: vec![],
            gone: 0,
            scratch: None,
            follower,
            followed: 0,
        }
    }

    /// Rows that come and go.
    pub(super) fn moving(plan: Plan<F>) -> Self {
        Self {
            scratch: Some(vec![]),
            ..Self::new(plan, None)
        }
    }

    /// Has the follower catch up with the rows; there is none any more once a row is out of order.
    fn follow(&mut self) -> Option<&dyn Follower<F::Row, F::Output>> {
        let follower = self.follower.as_mut()?;
        let unseen = &self.rows[self.followed.saturating_sub(1)..];
        if !unseen.is_sorted_by(|a, b| a.order(b).is_le()) {
            self.follower = None;
            return None;
        }
        self.rows[self.followed..]
            .iter()
            .for_each(|row| follower.push(row));
        self.followed = self.rows.len();
        self.follower.as_deref()
    }

    fn present(&self) -> &[F::Row] {
        &self.rows[self.gone..]
    }
}

impl<F: CollectedFunction> Accumulator for Rows<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        F::Row::for_each_present(&values[..F::Row::width(values.len())], |_, row| {
            self.rows.push(row)
        })?;
        Plan::<F>::check_count(self.rows.len() - self.gone)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut count = 0;
        F::Row::for_each_present(&values[..F::Row::width(values.len())], |_, _| count += 1)?;
        self.gone = (self.gone + count).min(self.rows.len());
        // Moving what is left costs as much as has left before: constant time per row.
        if self.gone * 2 > self.rows.len() {
            self.rows.drain(..self.gone);
            self.gone = 0;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        self.scratch.is_some()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        lists::for_each(states, |_, row| {
            self.rows.push(row);
            Plan::<F>::check_count(self.rows.len() - self.gone)
        })
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if let Some(follower) = self.follow() {
            let result = follower.result();
            return F::Output::scalar(result, &self.plan.result_type);
        }
        let result = match &mut self.scratch {
            None => self.plan.evaluate(&mut self.rows[self.gone..])?,
            Some(scratch) => {
                scratch.clear();
                scratch.extend_from_slice(&self.rows[self.gone..]);
                self.plan.evaluate(scratch)?
            }
        };
        F::Output::scalar(result, &self.plan.result_type)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = lists::columns(std::iter::once(self.present()), &self.plan.column_types)?;
        let scalar = |column: &ArrayRef| ScalarValue::try_from_array(column, 0);
        columns.iter().map(scalar).collect()
    }

    fn size(&self) -> usize {
        let scratch = self.scratch.as_ref().map_or(0, Vec::capacity);
        size_of_val(self) + (self.rows.capacity() + scratch) * size_of::<F::Row>()
    }
}
