//! Remaining useful life without a trained model: a law through an indicator, and when it reaches a threshold; or what was left to
//! others that were like it.

mod laws;
mod line;
mod score;
mod similarity;

pub use laws::{WienerRul, power_passage, wiener_passage};
pub use line::{Line, Rul};
pub use score::{EARLY_SCALE, LATE_SCALE, Phm08Score};
pub use similarity::{RunPoint, SimilarRul, Similarity};
