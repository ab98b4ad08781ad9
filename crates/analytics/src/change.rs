//! How a series changes: differences and rates from point to point, counters, and integrals over time.
//!
//! | file         | over                                             | definition                                |
//! |--------------|--------------------------------------------------|-------------------------------------------|
//! | `difference` | each point and the one before it                 | InfluxQL's `DIFFERENCE`, `DERIVATIVE`, `ELAPSED` |
//! | `central`    | each point and its two neighbours                | `numpy.gradient`                          |
//! | `counter`    | a stretch of a counter that restarts at zero     | Prometheus' `increase`, without extrapolation |
//! | `integral`   | a stretch of a signal, or all of it up to a point | trapezoids or steps                       |
//!
//! A counter or an integral over a stretch of points is a [`Stretch`]: stretches that follow one another join, so that
//! whole series, their parts and moving windows ([`SlidingStretch`]) are all computed from the same few lines.

mod central;
mod counter;
mod difference;
mod integral;
mod stretch;

pub use central::central_derivative;
pub use counter::Counter;
pub use difference::{Derivative, Difference, Elapsed, Negative};
pub use integral::{CumulativeIntegral, Energy, StepIntegral, TrapezoidIntegral};
#[cfg(test)]
pub(crate) use stretch::promises;
pub use stretch::{SlidingStretch, Stretch};
