//! Smoothing: weighted by age, or over a window with every value weighing the same.

mod exponential;
mod ordered;

pub use exponential::{EwmMean, EwmSpread, Fading};
pub use ordered::OrderedWindow;
