//! Remaining useful life from a trend, without a trained model: a line through an indicator, and when it reaches a threshold.

mod line;
mod score;

pub use line::{Line, Rul};
pub use score::{EARLY_SCALE, LATE_SCALE, Phm08Score};
