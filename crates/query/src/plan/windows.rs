//! Windows of every kind, in memory that is counted, by an operator that pauses.
//!
//! DataFusion's operators of windows keep rows, and the results of functions, in memory that no pool knows of: one
//! `string_agg(…) OVER ()` of three million rows took a machine's memory and the server with it. And they compute what they have
//! in one piece, however long that takes: nothing could stop a median of everything up to each row. Here a few thousand rows at
//! most are computed before their results are handed over, fewer where results are large; what is kept is taken from the
//! query's memory; and the thread is given back every few milliseconds, which is when a query that nobody waits for any more ends.
//!
//! ```text
//! DataSourceExec | SortExec, by PARTITION BY and then ORDER BY
//!   exec.rs       cuts rows into parts of equal keys, gives them out again with results beside them
//!   part.rs       the rows of one part that frames may still reach
//!   function.rs   one function: which rows are in the frame of each row, and what the function makes of them
//!   filtered.rs   FILTER (WHERE …), made an argument of its function while the plan is still logical
//! ```
//!
//! Functions and frames are DataFusion's, so results are as well. A part is kept whole only where a function needs its last row
//! before it can tell its first result. Windows over series that are in order anyway are left to [`super::series_windows`], which
//! is faster.

mod exec;
mod filtered;
mod function;
mod part;
mod rule;
#[cfg(test)]
mod tests;
mod turn;

pub(super) use filtered::FiltersAsArguments;
pub(super) use rule::CountedWindows;
