//! Remaining useful life from a trend, without a trained model: a law through an indicator, and when it reaches a threshold.

mod laws;
mod line;
mod score;

pub use laws::{WienerRul, power_passage, wiener_passage};
pub use line::{Line, Rul};
pub use score::{EARLY_SCALE, LATE_SCALE, Phm08Score};
