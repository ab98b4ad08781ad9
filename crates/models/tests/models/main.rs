//! What the models promise, by their public interface.

mod boosting;
mod data;
mod edges;
mod exchange;
mod forest;
mod golden;
mod order;
mod recipes;
