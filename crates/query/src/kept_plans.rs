//! Plans kept by the shape of their statements, for questions that are asked again and again with other constants, as
//! dashboards ask them: planning takes half of what a question about one series costs.
//!
//! ```text
//! shape.rs    a statement without the constants that its conditions compare columns with
//! open.rs     the optimized plan of a shape, with places for them
//! ```
//!
//! A shape that is asked for the second time is planned with its places open, once; after that only conditions are
//! simplified, with the constants in them and the tables as they are now. A plan is kept if it becomes, with the constants it was
//! made for, the very plan that the statement has without this; and not where it hangs on what tables hold or
//! constants say: rollups, last rows, models, functions such as `random()`. Whatever does not fit any more, a table with another
//! column for one, is planned in full.

mod open;
mod shape;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use parking_lot::Mutex;

use crate::lately_used::LatelyUsed;
use open::OpenPlan;
pub(crate) use shape::Shape;

/// After as many uses of the cache a shape without a plan is looked at again: the rollup for which it has none may be gone.
const UNFIT_USES: u64 = 1_000;

/// The plans of an engine that were used lately.
#[derive(Debug)]
pub(crate) struct KeptPlans(Mutex<Entries>);

#[derive(Debug)]
struct Entries {
    /// Each is as large as any other.
    by_shape: LatelyUsed<String, State>,
    stats: Stats,
}

#[derive(Debug, Clone)]
enum State {
    SeenOnce,
    Kept(Arc<OpenPlan>),
    /// It has none to be kept, as of so many uses of the cache.
    Unfit(u64),
}

/// Figures of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Shapes with a plan.
    pub(crate) entries: usize,
    /// Statements planned from one.
    pub(crate) hits: u64,
    /// Those that were planned in full, though they have a shape.
    pub(crate) misses: u64,
}

impl KeptPlans {
    /// Keeps that many shapes at most, with plans or without.
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Entries {
            by_shape: LatelyUsed::new(most as u64),
            stats: Stats::default(),
        }))
    }

    pub(crate) fn stats(&self) -> Stats {
        let entries = self.0.lock();
        let is_kept = |state: &&State| matches!(state, State::Kept(_));
        Stats {
            entries: entries.by_shape.values().filter(is_kept).count(),
            ..entries.stats
        }
    }

    /// Whether there may be any.
    pub(crate) fn is_on(&self) -> bool {
        self.0.lock().by_shape.most() > 0
    }

    /// The optimized plan of a statement of this shape, if one is kept that fits.
    pub(crate) async fn plan(&self, session: &SessionState, shape: &Shape) -> Option<LogicalPlan> {
        let open = self.kept(shape)?;
        // What does not fit is planned in full, which says what is wrong if anything is.
        let plan = open.close(session, shape.constants()).await.ok().flatten();
        let mut entries = self.0.lock();
        match &plan {
            Some(_) => entries.stats.hits += 1,
            None => {
                entries.by_shape.remove(shape.text());
            }
        }
        plan
    }

    /// Learns the plan of a shape from a statement that was planned in full.
    pub(crate) async fn learn(&self, session: &SessionState, shape: Shape, plan: &LogicalPlan) {
        if !self.is_to_be_learnt(shape.text()) {
            return;
        }
        let text = shape.text().to_owned();
        let open = open_plan(session, shape, plan).await;
        let mut entries = self.0.lock();
        let state = match open {
            Ok(Some(open)) => State::Kept(Arc::new(open)),
            // The statement itself was planned; what cannot be planned with a place in it is not kept.
            Ok(None) | Err(_) => State::Unfit(entries.by_shape.uses()),
        };
        entries.keep(text, state);
    }

    fn kept(&self, shape: &Shape) -> Option<Arc<OpenPlan>> {
        let mut entries = self.0.lock();
        match entries.find(shape.text()) {
            Some(State::Kept(open)) => Some(open),
            _ => None,
        }
    }

    /// Whether a shape was seen before and nothing is known of its plan, or not lately.
    fn is_to_be_learnt(&self, text: &str) -> bool {
        let mut entries = self.0.lock();
        entries.stats.misses += 1;
        match entries.find(text) {
            Some(State::SeenOnce) => true,
            Some(State::Unfit(since)) => entries.by_shape.uses() - since > UNFIT_USES,
            Some(State::Kept(_)) => false,
            None => {
                entries.keep(text.to_owned(), State::SeenOnce);
                false
            }
        }
    }
}

/// The open plan of a shape, if it becomes `expected` with its constants.
async fn open_plan(
    session: &SessionState,
    shape: Shape,
    expected: &LogicalPlan,
) -> Result<Option<OpenPlan>> {
    let (statement, constants) = shape.into_parts();
    let Some(open) = OpenPlan::new(session, statement, &constants).await? else {
        return Ok(None);
    };
    let closed = open.close(session, &constants).await?;
    let is_same = closed.is_some_and(|closed| {
        let [closed, expected] = [&closed, expected].map(|plan| plan.display_indent_schema());
        closed.to_string() == expected.to_string()
    });
    Ok(is_same.then_some(open))
}

impl Entries {
    fn find(&mut self, text: &str) -> Option<State> {
        self.by_shape.get(text).cloned()
    }

    fn keep(&mut self, text: String, state: State) {
        self.by_shape.insert(text, state, 1);
    }
}
