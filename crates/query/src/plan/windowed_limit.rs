//! `ORDER BY time … LIMIT n` that reads a window of times, not all of them.
//!
//! The newest or oldest rows, or bins of time, are asked for by every other dashboard. Files are sorted by
//! series, so a stock plan reads all rows to find them. Here the plan gets a condition that leaves only a
//! window at the end of the times where the order begins, long enough to expect the rows asked for. What
//! it gives is the answer if it is as many rows as the limit says; otherwise the plan is made and run once
//! more with a window many times as long, and at last with none.
//!
//! An edge of a window is always one of a bin, so that no bin is seen in part.

mod bins;
mod exec;
mod node;
mod rule;
#[cfg(test)]
mod tests;
mod windows;

pub(super) use exec::physical_plan;
pub(super) use rule::WindowedLimits;
