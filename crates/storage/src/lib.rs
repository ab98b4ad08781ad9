//! Rows in, immutable snapshots out.
//!
//! ```text
//! WriteBatch ─▶ WAL (fsync) ─▶ buffer ─▶ acknowledged
//!                                │ flush: sort, deduplicate, Parquet, one manifest commit
//!                                ▼
//!                             files ──┐
//!                             buffer ─┴─▶ TableSnapshot ─▶ ScanUnits (what to read, what to merge)
//! ```
//!
//! Start at [`Engine`]. The crate knows nothing of line protocol, SQL or HTTP.

mod background;
pub mod backup;
mod batch;
mod buffer;
mod compaction;
mod engine;
mod error;
mod file_check;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod io;
mod last_rows;
mod merge;
mod object_stores;
mod parquet_file;
mod progress;
mod row_filter;
mod rows;
mod schema;
mod series;
mod snapshot;
mod spill;
#[cfg(test)]
mod testing;
pub mod verify;
mod wal;

pub use batch::{TableBatch, WriteBatch};
pub use buffer::{BufferedRows, FoundRows, PassingSeries, SeriesCondition};
pub use engine::{
    Changes, DirectoryLock, Durability, Engine, Following, MaintenanceSettings, Settings, Stats,
    Wanted, Work, Written,
};
pub use error::{Error, Result};
pub use file_check::{check_file, check_object};
pub use last_rows::LastRowsCost;
pub use merge::{KeyMerge, Step};
pub use object_stores::cached::ReadCacheStats;
pub use progress::{Progress, Watch};
pub use row_filter::RowFilter;
pub use schema::{COLUMN_TYPE_KEY, arrow_schema, arrow_type};
pub use series::{SeriesKey, key_columns};
pub use snapshot::{FileRows, ScanUnit, TableSnapshot};

/// Files of sorted rows.
pub mod files {
    pub use crate::parquet_file::{
        Effort, FileColumns, FileError, FileOptions, FileSummary, FileWriter, Layout,
        common_scales, encode, exact_scale, exact_scales,
    };
}

/// Settings of the in-memory buffer.
pub mod buffer_settings {
    pub use crate::buffer::Settings;
}

/// Settings of compaction.
pub mod compaction_settings {
    pub use crate::compaction::Settings;
}

/// Settings of the last row of every series.
pub mod last_rows_settings {
    pub use crate::last_rows::Settings;
}

/// The object store that files and manifests live in.
pub mod object_store_settings {
    pub use object_store::ObjectStore;

    pub use crate::object_stores::{
        Error, Kind, S3Settings, Secret, Settings, open, open_to_read, probe,
    };
}

/// Settings and figures of the write-ahead log.
pub mod wal_settings {
    pub use crate::wal::{Health, Recovery, ReplayReport, Settings, WalStats};
}
