//! What the models promise, by their public interface.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; clippy knows only functions marked #[test] as tests"
)]

mod boosting;
mod data;
mod edges;
mod exchange;
mod forest;
mod golden;
mod order;
mod recipes;
