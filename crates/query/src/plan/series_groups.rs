//! Groups of sorted series, each finished when its last row has been read.
//!
//! Functions of whole stretches of a signal (`ts_features`, `linear_trend`, `median`) have nothing smaller to remember of a group than its
//! rows. Stock aggregation collects them in lists: those that each partition has seen, those that are sent to whoever puts the group
//! together, and those that come of it. Where groups are made of tags and bins of time, and rows come in that order, a group is
//! complete when the next one begins.
//!
//! ```text
//! AggregateExec: mode=FinalPartitioned          SeriesGroupsExec         one result a group
//!   AggregateExec: mode=Partial       becomes     SeriesExchangeExec     series by series
//!     …                                             …
//! ```
//!
//! On one thread any functions are computed so, where rows are in order of their groups as it is: nothing has to be looked up by group.

mod exec;
mod groups;
mod rule;
#[cfg(test)]
mod tests;

pub(super) use exec::SeriesGroupsExec;
pub(super) use rule::SeriesGroups;
