//! How much a catalog may hold.

use serde::{Deserialize, Serialize};

/// Limits on names in the catalog. Reaching one is an error for the writer, never a slow death.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Databases at most. Higher costs memory for each; default 100.
    pub databases: usize,
    /// Tables at most, over all databases. Higher costs memory and longer commits; default 10 000.
    pub tables: usize,
    /// Columns of one table at most, tags, fields and time together. Wide tables cost memory in
    /// every buffer chunk and Parquet footer; default 1000.
    pub columns_per_table: usize,
    /// Organizations, users, tokens, labels and the like at most, all together. Higher costs memory,
    /// longer commits and longer refusals of unknown tokens; default 10 000.
    pub records: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            databases: 100,
            tables: 10_000,
            columns_per_table: 1000,
            records: 10_000,
        }
    }
}
