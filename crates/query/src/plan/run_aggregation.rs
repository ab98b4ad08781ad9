//! Aggregates neighbouring rows of one group before any of them is hashed.
//!
//! A table's rows are read by series and, within a series, by time. Where a query groups by tags and by
//! bins of time, or by one of the two, the rows of a group therefore come in long runs: six minutes' worth
//! of samples of a host before the next host or the next bin begins. Stock aggregation hashes the group of
//! every row all the same, and with tags, which are dictionaries, it first encodes it as bytes.
//!
//! ```text
//! AggregateExec: mode=FinalPartitioned          as planned
//!   RepartitionExec: Hash                       as planned
//!     RunAggregateExec                          one state a group, or a run
//!       …                                       what AggregateExec: mode=Partial had below it
//! ```
//!
//! Where one thread does the work there is one aggregate, which gives results, and so does the operator in its place; of rows that are in
//! order of their groups each is finished when it has been read (`series_groups`).
//!
//! All runs of a group come to one state, and a group is looked up once a run: files that are read one after the other have the same
//! series in them. Where memory ends, the states that there are go on, and it begins anew; an only step becomes two for it. Where order is to be kept, or states are
//! lists of rows, every run is a state.
//!
//! Where there are tags among the keys, groups are found by numbers (`tag_groups`), also of single rows: those in memory are of another
//! series each. Otherwise, or where hardly any two rows are of one group, what comes is handed to the stock operator that this one
//! replaced.

mod exec;
mod functions;
mod reduce;
mod rule;
mod runs;
mod tag_groups;
#[cfg(test)]
mod tests;

pub(super) use exec::RunAggregateExec;
pub(super) use functions::{Batch, Functions};
pub(super) use rule::{RunAggregation, keeps_rows};
pub(super) use runs::{changes, ranges};
