//! Ids. Names never become paths or keys on disk; these do. Two kinds of id never share a type.

use std::fmt;

/// Identifies a database for ever; never reused, even after the database is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatabaseId(pub u32);

/// Identifies a table for ever, across all databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// The position of a column in its table. Columns are only ever added, at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u16);

/// Identifies a file within its table partition.
///
/// That of a flushed file follows from what it holds (the first and last WAL sequence number and a
/// checksum of the bytes), so that a flush that is tried again overwrites its own earlier attempt.
/// That of a compacted file follows from the files it was made of and the manifest of the moment, so
/// that no two processes ever write to one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The lowest WAL sequence number among the rows.
    pub first_sequence: u64,
    /// The highest WAL sequence number among the rows.
    pub last_sequence: u64,
    /// Tells files of the same sequence numbers apart.
    pub discriminator: u32,
}

impl fmt::Display for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:016x}-{:016x}-{:08x}",
            self.first_sequence, self.last_sequence, self.discriminator
        )
    }
}
