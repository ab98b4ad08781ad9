//! Compaction: many small or overlapping files become few large ones that do not overlap.
//!
//! ```text
//! level 0   ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪ ▪   flushed files of a day
//!           └────────┬──────────┘     `fan_in` neighbours of one level
//! level 1            ■       ■   ▪    one file of the next level
//!                    └───────┴───┘    the day is over and quiet
//! level 2                █            one file
//!           └─ with the files of seven other days, when all of them are small ─▶ one file of 8 days
//! ```
//!
//! [`plan`] decides what to do next for a table; [`rewrite`] does it. Both are pure but for reading and
//! writing files: what makes a result visible is one commit, in which it takes the place of what it was
//! made of.
//!
//! Invariants:
//!
//! - *Inputs are neighbours in age* among the files whose windows overlap. The result then has a place
//!   in the order of age: where its inputs were. Files that overlap none of them in window may lie in
//!   between; they cannot hold the same keys.
//! - *A result is never larger than what may be rewritten.* A file that is large enough is left alone,
//!   so that write amplification grows with the logarithm of a window's rows.

pub(crate) mod plan;
pub(crate) mod rewrite;

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Settings of compaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// As many neighbouring files of one level become one of the next; default 12. More writes less
    /// and leaves queries more files to read.
    pub fan_in: usize,
    /// Files are merged up to this size together; default 512 MiB. Larger ones make fewer files and
    /// longer rewrites when something in them is deleted.
    pub file_bytes_max: ByteSize,
    /// Windows of time whose files are smaller than this together are put into one that is eight times
    /// as long; default 16 MiB. It keeps years of a quiet table in a handful of files.
    pub window_bytes_min: ByteSize,
    /// The files of a window that is over are merged when none has come for this long; default 15 min.
    /// Longer spares rewrites when late rows dribble in.
    #[serde(with = "humantime_serde")]
    pub settle_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fan_in: 12,
            file_bytes_max: ByteSize::mib(512),
            window_bytes_min: ByteSize::mib(16),
            settle_age: Duration::from_secs(15 * 60),
        }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<()> {
        if self.fan_in < 2 {
            let (name, problem) = ("compaction.fan_in", "must be at least 2");
            return Err(Error::InvalidSetting { name, problem });
        }
        Ok(())
    }
}
