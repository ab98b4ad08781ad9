//! `ASOF JOIN`: each row of the left side with the row of the right side whose time is next to it.
//!
//! ```text
//! SELECT … FROM a ASOF JOIN b MATCH_CONDITION (a.time >= b.time) ON a.k = b.k
//! ```
//!
//! | condition                                            | the row of the right side                      |
//! |------------------------------------------------------|------------------------------------------------|
//! | `a.time >= b.time`, `a.time > b.time`                | the last one until then, or before             |
//! | `a.time <= b.time`, `a.time < b.time`                | the first one from then on, or after           |
//! | `nearest(a.time, b.time)`                            | the nearest; the earlier of two as near        |
//! | `… AND a.time - b.time <= INTERVAL '5 minutes'`      | none if it is farther away than that           |
//! | `nearest(a.time, b.time, INTERVAL '5 minutes')`      | likewise                                       |
//!
//! Every row of the left side is there once, as in Snowflake's `ASOF JOIN`; without a match, or with NULL as
//! its time or as a key, the columns of the right side are NULL. `WHERE b.time IS NOT NULL` leaves those out.
//! With `USING (k)` the keys are there once. Which of several right rows of the same keys and time is taken is
//! left open.
//!
//! ```text
//! syntax.rs    makes `a ASOF JOIN b …` a relation in parentheses, the form that a planner of relations sees
//! relation.rs  plans it: conditions to node.rs
//! planning.rs  the node to the operator: exec.rs
//! matching.rs  the work: two sorted inputs are walked through side by side
//! ```
//!
//! Memory: a batch of each side, and the matched rows for a batch of output.

mod condition;
mod exec;
mod matching;
mod node;
mod planning;
mod relation;
mod syntax;
#[cfg(test)]
mod tests;

pub(crate) use planning::physical_plan;
pub(crate) use relation::AsofJoins;
pub(crate) use syntax::nest_asof_joins;
