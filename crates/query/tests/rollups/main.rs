//! Rollups under a clock that is a parameter: after every step of a random schedule of writes, late rows, deletes,
//! crashes and pauses, a query that may read rollups gives what one of raw rows gives; and when all has been
//! computed, every rollup holds what a computation from raw rows gives.
//!
//! Values are quarters, so that sums do not depend on the order in which they are added.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; clippy knows only functions marked #[test] as tests"
)]

mod schedule;
mod tiers;
mod world;
