//! Settings of query execution.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// Settings of query execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a query may take unless it asks for less. Longer lets heavy reports finish and
    /// forgotten ones use the machine; default 60 s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// The longest time that a query may ask for; default 10 minutes.
    #[serde(with = "humantime_serde")]
    pub timeout_max: Duration,
    /// Memory that all queries together may take for sorting, grouping and joining before they
    /// spill to disk or fail. Default 1 GiB.
    pub memory: ByteSize,
    /// Disk space in `<data-dir>/tmp` that queries may spill to; default 10 GiB.
    pub spill: ByteSize,
    /// Memory for the footers and page indexes of Parquet files; too little reads them again for
    /// every query. Default 128 MiB.
    pub metadata_cache: ByteSize,
    /// Memory for columns of compressed doubles that queries read again and again: they are kept as they
    /// are before they are compressed. 0 keeps none. Default 256 MiB.
    pub hot_pages: ByteSize,
    /// Memory for which rows of a file have which value of a tag, kept of tags that queries ask for again
    /// and again: questions about some values are answered without looking for their rows. 0 keeps none. Default 64 MiB.
    pub tag_rows: ByteSize,
    /// Shapes of statements whose plans are kept, so that the same question with other constants is planned
    /// faster. 0 keeps none. Default 256.
    pub kept_plans: usize,
    /// How long `CREATE MODEL` may take to read its rows and train; default 30 minutes.
    #[serde(with = "humantime_serde")]
    pub training_timeout: Duration,
    /// Memory for trained models that were used lately; too little reads and decodes them again for every
    /// query. Default 128 MiB.
    pub model_cache: ByteSize,
    /// Bytes of one trained model at most; default 64 MiB.
    pub model_bytes_max: ByteSize,
    /// Queries that run at a time; 0 means twice the number of cores. More share the machine
    /// thinner. Default 0.
    pub concurrent: usize,
    /// Queries that may wait for their turn; more are refused at once. Default 64.
    pub queued: usize,
    /// Length of a query text; default 1 MiB.
    pub text_bytes_max: ByteSize,
    /// How deeply a query may nest operators, joins and set operations; a chain such as
    /// `a OR b OR c` counts each. Planning time grows with the square and more, and cannot be
    /// interrupted. Default 500.
    pub depth_max: usize,
    /// How often a query may refer to tables, every use of a common table expression counted in
    /// full. More takes longer to plan, without interruption. Default 1000.
    pub references_max: u64,
    /// How much one call of a function may make, for a batch of rows, beyond what it is given:
    /// `repeat`, `lpad`, `array_repeat`, `range` and the like. Less refuses useful calls; more lets queries
    /// take memory that is not counted. Default 64 MiB.
    pub function_bytes_max: ByteSize,
    /// Rows that a result may have; 0 means any number. A result that has more ends with an error.
    /// Default 0.
    pub result_rows_max: u64,
    /// Bytes that a result may have in memory, before it is encoded; 0 means any number. Default 0.
    pub result_bytes_max: ByteSize,
    /// Whether queries read rollups where those give the same answer as raw rows. A query that begins with
    /// `SET tidemill.use_rollups = false;` (or `true`) has it its own way. Default true.
    pub use_rollups: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            timeout_max: Duration::from_secs(600),
            memory: ByteSize::gib(1),
            spill: ByteSize::gib(10),
            metadata_cache: ByteSize::mib(128),
            hot_pages: ByteSize::mib(256),
            tag_rows: ByteSize::mib(64),
            kept_plans: 256,
            training_timeout: Duration::from_secs(1800),
            model_cache: ByteSize::mib(128),
            model_bytes_max: ByteSize::mib(64),
            concurrent: 0,
            queued: 64,
            text_bytes_max: ByteSize::mib(1),
            depth_max: 500,
            references_max: 1000,
            function_bytes_max: ByteSize::mib(64),
            result_rows_max: 0,
            result_bytes_max: ByteSize(0),
            use_rollups: true,
        }
    }
}
