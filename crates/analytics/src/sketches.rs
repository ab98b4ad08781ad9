//! Sketches: small summaries of many values that are stored, merged later and asked for quantiles or distinct counts.
//!
//! | sketch             | answers                     | error                                         | depends on the order of merging |
//! |--------------------|-----------------------------|-----------------------------------------------|---------------------------------|
//! | [`DdSketch`]       | quantiles, ranks            | relative error of the value, chosen           | no, to the byte                 |
//! | [`PercentileAgg`]  | the same                    | none up to 256 values, then a `DdSketch`'s    | no, to the byte                 |
//! | [`TDigest`]        | the same                    | small in rank, smallest in the tails          | within its error                |
//! | [`HyperLogLog`]    | how many distinct values    | 1.04/√m standard error with m = 2^precision   | no, to the byte                 |
//!
//! Stored sketches begin with a letter for the kind and a version. Reading one never panics and never allocates more
//! than its length justifies, whatever the bytes are.

mod codec;
mod dd;
mod hll;
mod numbering;
mod percentile;
mod tdigest;
#[cfg(test)]
mod tests;
mod xxhash;

pub use dd::DdSketch;
pub use hll::HyperLogLog;
pub use percentile::PercentileAgg;
pub use tdigest::TDigest;
pub use xxhash::xxh64;

/// Why a sketch was not read, not made or not merged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SketchError {
    /// The bytes are those of something else.
    #[error("these bytes are no {expected}")]
    Kind {
        /// The sketch that was asked for.
        expected: &'static str,
    },
    /// The bytes were written by a newer version.
    #[error("this {kind} has version {found}, newer than the versions that are known")]
    Version {
        /// The sketch that was asked for.
        kind: &'static str,
        /// The version that was found.
        found: u8,
    },
    /// The bytes contradict themselves or end too early.
    #[error("this {kind} is damaged: {reason}")]
    Damaged {
        /// The sketch that was asked for.
        kind: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A parameter is outside what the sketch can do.
    #[error("argument `{name}` must be between {min} and {max}, not {value}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// Its smallest value.
        min: f64,
        /// Its largest value.
        max: f64,
        /// The value that was given.
        value: f64,
    },
    /// Two sketches of different parameters.
    #[error("sketches of different {parameter} ({left} and {right}) cannot be merged")]
    Mismatch {
        /// The parameter.
        parameter: &'static str,
        /// Its value in one sketch.
        left: f64,
        /// Its value in the other.
        right: f64,
    },
}

/// A sketch of finite numbers that knows their quantiles.
pub trait QuantileSketch: Clone + std::fmt::Debug + Sized + Send + Sync + 'static {
    /// What it is called in SQL.
    const NAME: &'static str;

    /// The parameter that says how exact it is: name and default.
    const PARAMETER: (&'static str, f64);

    /// An empty sketch.
    ///
    /// # Errors
    /// When the parameter is out of range.
    fn with_parameter(parameter: f64) -> Result<Self, SketchError>;

    /// Adds one finite value.
    fn push(&mut self, value: f64);

    /// Adds finite values, as if one after the other.
    fn extend(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.push(*value));
    }

    /// Adds everything that `other` has seen.
    ///
    /// # Errors
    /// When the parameters differ.
    fn merge(&mut self, other: &Self) -> Result<(), SketchError>;

    /// How many values were added.
    fn count(&self) -> u64;

    /// The value below which the share `q` (0 to 1) of the values are; `None` when there are none.
    fn quantile(&self, q: f64) -> Option<f64>;

    /// The share (0 to 1) of the values that are at or below `value`; `None` when there are none.
    fn rank(&self, value: f64) -> Option<f64>;

    /// The sketch as bytes to store.
    fn encode(&mut self) -> Vec<u8>;

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When they are not those of such a sketch.
    fn decode(bytes: &[u8]) -> Result<Self, SketchError>;

    /// Heap memory in use, in bytes.
    fn heap_bytes(&self) -> usize;
}

/// Checks a parameter against its limits.
fn check_parameter(name: &'static str, value: f64, min: f64, max: f64) -> Result<f64, SketchError> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(SketchError::Parameter {
            name,
            min,
            max,
            value,
        })
    }
}
