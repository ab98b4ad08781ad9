//! Groups of sorted rows, aggregated ahead of who puts them together.
//!
//! A file is read by several threads, of which each has a part of the series. Where groups come in the order of series, and are put
//! together in it, all of the first part is taken before any of the second: the other threads would wait for the first one.
//!
//! ```text
//! AggregateExec: mode=FinalPartitioned          as planned: a, b, c, … in turn
//!   RepartitionExec: preserve_order=true        as planned
//!     ReadAheadExec                             what has been aggregated meanwhile
//!       RunAggregateExec                        [a … m] and [n … z], both at once
//! ```
//!
//! What is ahead counts as the query's memory. Where that ends nothing is read ahead any more, and the query goes on as it would without.

mod exec;
mod rule;
#[cfg(test)]
mod tests;

pub(super) use rule::ReadAhead;
