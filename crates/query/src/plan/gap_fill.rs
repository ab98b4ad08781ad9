//! Gap filling: a row for every bin of time that a query asks for, and values for those without data.
//!
//! `date_bin_gapfill` in `GROUP BY` bins as `date_bin` does. Each group then has a row for every bin from
//! the one of the first time that the conditions below let through to that of the last:
//!
//! | what                                   | result                                                     |
//! |----------------------------------------|------------------------------------------------------------|
//! | no lower or no upper bound on the time | an error that says which                                   |
//! | a group without any row                | no rows: it is not known to be there                       |
//! | an aggregate in a bin without data     | NULL, also `count`                                         |
//! | `locf(x)`, `interpolate(x)`, …         | filled, as are NULLs in bins with data                     |
//! | a third argument, the longest gap      | repeated values reach so far; curves are drawn over no more |
//! | a time that is NULL                    | a row of its own that nothing is filled in                 |
//!
//! ```text
//! functions.rs   names in SQL, which stand for …
//! rule.rs        … what this puts into the plan: node.rs; the bounds: bounds.rs
//! planning.rs    the node to the operator: exec.rs; the bins: grid.rs
//! filling.rs     the work, row by row: what is held rows.rs, what fills filler.rs, what comes out output.rs
//! ```
//!
//! Memory: the rows from the last value of the filled column that is behind the others to its next one,
//! and a batch of output. A spline needs the rows of a whole group.

mod bounds;
mod exec;
mod filler;
mod filling;
mod functions;
mod grid;
mod node;
mod output;
mod planning;
mod rows;
mod rule;
#[cfg(test)]
mod tests;

pub(crate) use functions::all as functions;
pub(crate) use planning::physical_plan;
pub(crate) use rule::GapFilling;
