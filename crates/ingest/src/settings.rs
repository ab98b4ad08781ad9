//! How much a write may hold.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// Limits on the lines of a write. Passing one refuses the line, never the good lines beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Length of a line at most. Higher lets one line take more memory while it is parsed; lower
    /// refuses points with many fields or long texts. Default 1 MiB.
    pub line_bytes_max: ByteSize,
    /// Length of a string field at most. Higher makes text columns, and queries that read them,
    /// costly in memory; lower refuses long log messages. Default 64 KiB.
    pub string_bytes_max: ByteSize,
    /// Length of measurement and tags of a line at most, as written. Every series is kept in
    /// memory, so higher lets few writers take much of it; lower refuses long tag values.
    /// Default 16 KiB.
    pub series_key_bytes_max: ByteSize,
    /// How many refused lines of one write are reported one by one; the others are counted.
    /// Higher makes error responses long; lower makes a broken writer harder to find. Default 100.
    pub line_errors_max: usize,
    /// Rows times field columns of one write at most, NULLs included. It bounds the memory that
    /// rows with ever different fields take: 8 bytes for each cell of a number. Higher risks
    /// memory, lower makes writers of sparse rows split their batches. Default 33 554 432.
    pub cells_max: usize,
    /// How far in the future a timestamp may be; absent is no bound. A bound catches wrong clocks
    /// and wrong precisions, but refuses forecasts. Default absent.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub future_max: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            line_bytes_max: ByteSize::mib(1),
            string_bytes_max: ByteSize::kib(64),
            series_key_bytes_max: ByteSize::kib(16),
            line_errors_max: 100,
            cells_max: 32 << 20,
            future_max: None,
        }
    }
}

/// A size as a number of bytes in memory.
pub(crate) fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}
