//! Reads rollups in place of raw rows, where that gives the same answer.
//!
//! ```text
//! Aggregate: date_bin(1 hour, time), asset; avg(v)          Projection: sum(s0) / sum(s1) AS avg(v)
//!   Filter: time >= 10:00:30 AND asset = 'a'       ──▶        Aggregate: g0, g1; sum(s0), sum(s1)
//!     TableScan: motor                                          Union
//!                                                                 Projection: date_bin(…) AS g0, v_sum AS s0 …
//!                                                                   Filter: windows that are as the raw rows are
//!                                                                     TableScan: rollup motor_1m
//!                                                                 Aggregate: date_bin(…), asset; sum(v), count(v)
//!                                                                   Union: rows of all other times
//!                                                                     TableScan: motor …
//! ```
//!
//! | of the query | must be |
//! |---|---|
//! | groups | made of tags of the rollup, and of `date_bin` or `date_trunc` of whole windows |
//! | filters | comparisons of `time` with constants, and anything about those tags |
//! | aggregates | `count`, `sum`, `avg`, `min`, `max`, `first_value` and `last_value` by time, `selector_first`, `selector_last`, `percentile_agg` of one field that the rollup keeps so; `count(*)`; `min` and `max` of `time` |
//!
//! Rows of windows that a range of times cuts, that have not ended, or that have changed since they were
//! computed, are read raw: [`RollupView`](crate::rollups::RollupView) says which those are, as of the very snapshot of
//! the raw table that the query reads.

mod question;
mod relation;
mod rewrite;
mod rule;
mod states;
mod times;

pub(super) use rule::RollupScans;
