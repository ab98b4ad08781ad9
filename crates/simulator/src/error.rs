//! What can be wrong with a fleet's configuration. Every cause is invalid input; rendering itself
//! cannot fail.

use crate::fault::{FaultKind, Severity, Signal};

/// The result of a fallible simulator call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A configuration that describes no possible fleet. `fault` counts the `[[fault]]` entries from 1,
/// as a reader does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not TOML, or has unknown, missing or mistyped keys.
    #[error("cannot read the fleet configuration: {source}")]
    Parse {
        /// The parser's own message, with line and column.
        #[from]
        source: toml::de::Error,
    },
    /// A setting is outside its limits.
    #[error("`{setting}` is {value}, but must be between {min} and {max}")]
    OutOfRange {
        /// Name of the setting in the file.
        setting: &'static str,
        /// The value given.
        value: String,
        /// Smallest value allowed.
        min: &'static str,
        /// Largest value allowed.
        max: &'static str,
    },
    /// A fault or a caller names an asset that the fleet does not have.
    #[error("fault {fault}: the fleet has no asset '{asset}', only motor-01 to {last}")]
    UnknownAsset {
        /// Which `[[fault]]` entry.
        fault: usize,
        /// The asset named.
        asset: String,
        /// The last asset of the fleet.
        last: String,
    },
    /// A fault lasts no time, or its times cannot be counted in nanoseconds.
    #[error("fault {fault}: `{setting}` must be longer than zero and shorter than 200 years")]
    Duration {
        /// Which `[[fault]]` entry.
        fault: usize,
        /// Name of the setting in the file.
        setting: &'static str,
    },
    /// A repeated fault would begin again before it has ended.
    #[error("fault {fault}: `repeats` above 1 needs an `every` that is not shorter than `lasts`")]
    Overlap {
        /// Which `[[fault]]` entry.
        fault: usize,
    },
    /// The fleet has more fault occurrences than it may.
    #[error("the fault schedule has more than {max} occurrences; lower `repeats`")]
    TooManyOccurrences {
        /// The limit, [`OCCURRENCES_MAX`](crate::OCCURRENCES_MAX).
        max: usize,
    },
    /// A kind of fault cannot show in that signal.
    #[error("fault {fault}: {kind} does not occur in `{signal}`, use `vibration_g`")]
    SignalMismatch {
        /// Which `[[fault]]` entry.
        fault: usize,
        /// The kind of fault.
        kind: FaultKind,
        /// The signal asked for.
        signal: Signal,
    },
    /// An explicit amount contradicts the severity beside it.
    #[error(
        "fault {fault}: amount {amount} is not {severity} for {kind} of `{signal}`, \
         which is {min} to {max}"
    )]
    AmountMismatch {
        /// Which `[[fault]]` entry.
        fault: usize,
        /// The amount given.
        amount: f64,
        /// The severity given.
        severity: Severity,
        /// The kind of fault.
        kind: FaultKind,
        /// The signal.
        signal: Signal,
        /// Least amount of that severity.
        min: f64,
        /// Largest amount of that severity.
        max: f64,
    },
}
