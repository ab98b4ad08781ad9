//! How a file is to be written, and what it turned out to hold.

use std::collections::BTreeMap;

use catalog::LastRowsPart;

use super::Effort;

/// Sizes inside a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Rows of a row group at most. More make dictionaries and the footer cheaper, and what can be
    /// read in parallel coarser.
    pub group_rows_max: usize,
    /// Bytes of a row group at which it ends early: what a writer holds in memory.
    pub group_bytes_max: usize,
    /// Rows by which the coding of a row group is chosen: what a writer holds unencoded.
    pub sample_rows: usize,
    /// Rows of a page at most: what has to be decoded to get at one of them.
    pub page_rows_max: usize,
    /// The same for tags that change less often than another one. Their pages are a few bytes each,
    /// so that their headers and index entries would be most of what they take.
    pub run_page_rows_max: usize,
}

impl Layout {
    /// The same without zeros, which would mean writing nothing for ever.
    pub(super) fn at_least_one(&self) -> Self {
        Self {
            group_rows_max: self.group_rows_max.max(1),
            page_rows_max: self.page_rows_max.max(1),
            run_page_rows_max: self.run_page_rows_max.max(1),
            ..self.clone()
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            group_rows_max: 512 * 1024,
            group_bytes_max: 64 * 1024 * 1024,
            sample_rows: 64 * 1024,
            page_rows_max: 8192,
            run_page_rows_max: 32 * 1024,
        }
    }
}

/// What a file is written with.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// How hard to press.
    pub effort: Effort,
    /// Sizes inside the file.
    pub layout: Layout,
    /// Float columns to store as decimals of so many digits after the point. Writing another value
    /// fails with [`FileError::NotDecimal`](super::FileError::NotDecimal); a file's column has one type.
    pub scales: BTreeMap<String, i8>,
    /// Rows that will come at most, if that is known: a small file affords no large dictionary.
    pub rows_expected: Option<usize>,
    /// Whether the file may get a part with the last row of each series, if that is worth it.
    pub last_rows: bool,
    /// How many columns are encoded at the same time, each on a thread of its own.
    pub threads: usize,
}

impl FileOptions {
    /// Floats stay doubles; sizes are the defaults.
    pub fn new(effort: Effort) -> Self {
        Self {
            effort,
            layout: Layout::default(),
            scales: BTreeMap::new(),
            rows_expected: None,
            last_rows: false,
            threads: 1,
        }
    }
}

/// What a finished file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSummary {
    /// CRC-32C of its bytes.
    pub checksum: u32,
    /// Its size.
    pub size_bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The lowest and the highest time, if there are rows.
    pub times: Option<(i64, i64)>,
    /// Where the last row of each series is.
    pub last_rows: Option<LastRowsPart>,
}
