//! Tables: columns, the files that hold rows, and what has been deleted from them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::{ColumnId, DatabaseId, FileId, TableId};
use crate::predicate::Predicate;
use crate::retention::Retention;

/// The name of the timestamp column of every table.
pub const TIME_COLUMN: &str = "time";

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// 64-bit float.
    Float,
    /// 64-bit signed integer.
    Integer,
    /// 64-bit unsigned integer.
    UInteger,
    /// Boolean.
    Boolean,
    /// UTF-8 text.
    String,
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Part of the row key: names the series.
    Tag,
    /// A value.
    Field(FieldType),
}

impl FieldType {
    /// The word that v1 and v2 error messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Integer => "integer",
            Self::UInteger => "unsigned",
            Self::Boolean => "boolean",
            Self::String => "string",
        }
    }
}

impl ColumnKind {
    /// The words that v3 clients know (`iox::column::type` metadata and error texts).
    pub fn iox_name(self) -> &'static str {
        match self {
            Self::Tag => "iox::column_type::tag",
            Self::Field(FieldType::Float) => "iox::column_type::field::float",
            Self::Field(FieldType::Integer) => "iox::column_type::field::integer",
            Self::Field(FieldType::UInteger) => "iox::column_type::field::uinteger",
            Self::Field(FieldType::Boolean) => "iox::column_type::field::boolean",
            Self::Field(FieldType::String) => "iox::column_type::field::string",
        }
    }
}

/// A tag or field column. `time` is implied and not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Position in the table.
    pub id: ColumnId,
    /// Name as written.
    pub name: Arc<str>,
    /// Tag, or field with its type.
    pub kind: ColumnKind,
}

/// One immutable version of a table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its id.
    pub id: TableId,
    /// Its database.
    pub database: DatabaseId,
    /// Its name: the measurement of line protocol.
    pub name: Arc<str>,
    /// How long its rows are kept, if not as long as its database says.
    pub retention: Option<Retention>,
    /// How its floats are stored.
    pub float_storage: FloatStorage,
    columns: Vec<Column>,
    by_name: HashMap<Arc<str>, ColumnId>,
    files: Vec<Arc<FileRecord>>,
    deletes: Vec<Arc<Delete>>,
}

/// How compacted files store float columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FloatStorage {
    /// As doubles, whatever the values: every reader of the files sees the type that was written.
    #[default]
    Double,
    /// As decimals where that is exact for every value of a file's column: smaller for readings with
    /// few decimal places, but other readers of the files see a decimal type. A negative zero becomes a zero.
    DecimalWhenExact,
}

/// Rows that were deleted: those of records up to `through` that match. Files made later than the
/// delete, or rewritten since, are not concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// The number of the manifest that holds it; later deletes have higher ones.
    pub id: u64,
    /// The last WAL record whose rows it concerns.
    pub through: u64,
    /// Which rows; mentions tags and time alone.
    pub predicate: Predicate,
}

impl Table {
    pub(crate) fn new(id: TableId, database: DatabaseId, name: &str) -> Self {
        Self {
            id,
            database,
            name: name.into(),
            retention: None,
            float_storage: FloatStorage::default(),
            columns: Vec::new(),
            by_name: HashMap::new(),
            files: Vec::new(),
            deletes: Vec::new(),
        }
    }

    /// All tags and fields, by id.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.by_name
            .get(name)
            .map(|id| &self.columns[usize::from(id.0)])
    }

    /// The tags, by id.
    pub fn tags(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|column| column.kind == ColumnKind::Tag)
    }

    /// The fields, by id.
    pub fn fields(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|column| column.kind != ColumnKind::Tag)
    }

    /// The live files, oldest first.
    pub fn files(&self) -> &[Arc<FileRecord>] {
        &self.files
    }

    pub(crate) fn add_column(&mut self, name: &str, kind: ColumnKind) {
        let id =
            ColumnId(u16::try_from(self.columns.len()).expect("the column limit is below 65536"));
        let name: Arc<str> = name.into();
        self.by_name.insert(Arc::clone(&name), id);
        self.columns.push(Column { id, name, kind });
    }

    /// The deletes that some live file still needs to be read with, oldest first.
    pub fn deletes(&self) -> &[Arc<Delete>] {
        &self.deletes
    }

    /// The deletes that reading this file has to apply.
    pub fn deletes_of(&self, file: &FileRecord) -> impl Iterator<Item = &Arc<Delete>> {
        self.deletes
            .iter()
            .filter(move |delete| delete.concerns(file))
    }

    pub(crate) fn add_file(&mut self, file: FileRecord) {
        let order = |file: &FileRecord| (file.id, file.partition_start);
        let at = self
            .files
            .partition_point(|other| order(other) <= order(&file));
        self.files.insert(at, Arc::new(file));
    }

    /// Takes files out; `Err` names the first one that is not there.
    pub(crate) fn remove_files(&mut self, keys: &[FileKey]) -> Result<(), FileKey> {
        for key in keys {
            let at = self.files.iter().position(|file| file.key() == *key);
            self.files.remove(at.ok_or(*key)?);
        }
        self.forget_applied_deletes();
        Ok(())
    }

    pub(crate) fn add_delete(&mut self, delete: Delete) {
        self.deletes.push(Arc::new(delete));
        self.forget_applied_deletes();
    }

    /// A delete that concerns no live file can concern none that comes: those have later rows.
    fn forget_applied_deletes(&mut self) {
        let files = &self.files;
        self.deletes
            .retain(|delete| files.iter().any(|file| delete.concerns(file)));
    }
}

impl Delete {
    /// Whether the file may hold rows that it deletes.
    pub fn concerns(&self, file: &FileRecord) -> bool {
        let range = self.predicate.time_range();
        file.id.last_sequence <= self.through
            && file.deletes_through < self.id
            && *range.start() <= file.time_max
            && file.time_min <= *range.end()
    }
}

/// A live Parquet file: sorted by tags then time, no key twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// Its id, unique within table and partition.
    pub id: FileId,
    /// The database of its table.
    pub database: DatabaseId,
    /// Its table.
    pub table: TableId,
    /// Start of the partition's time window, ns.
    pub partition_start: i64,
    /// Length of that window, ns.
    pub partition_nanos: i64,
    /// How often its rows have been compacted: 0 for a flushed file.
    pub level: u8,
    /// CRC-32C of the whole file.
    pub checksum: u32,
    /// The newest delete that was applied to its rows when it was made; 0 if none.
    pub deletes_through: u64,
    /// Size of the file.
    pub size_bytes: u64,
    /// Number of rows.
    pub rows: u64,
    /// Earliest time, ns.
    pub time_min: i64,
    /// Latest time, ns.
    pub time_max: i64,
    /// Whether no key in it is in an older file: then no row of this one replaces another, and reading
    /// both needs no deduplication.
    pub keys_are_new: bool,
    /// Where in it the last row of each of its series is; files of few rows have no such part.
    pub last_rows: Option<LastRowsPart>,
}

/// The part of a file that has the last row of each of the file's series once more: a Parquet file of
/// its own between the row groups and the footer, where other readers do not look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRowsPart {
    /// Where it starts in the file.
    pub start: u64,
    /// Its size.
    pub size_bytes: u64,
    /// CRC-32C of its bytes.
    pub checksum: u32,
    /// Its rows: the number of series in the file.
    pub rows: u64,
}

/// What names a file within its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileKey {
    /// Start of the partition's time window, ns.
    pub partition_start: i64,
    /// The file's id.
    pub id: FileId,
}

/// The usual length of a partition, and that of files of releases that knew no other: one day.
pub const DAY_NANOS: i64 = 86_400_000_000_000;

impl FileRecord {
    /// Its name within the table.
    pub fn key(&self) -> FileKey {
        FileKey {
            partition_start: self.partition_start,
            id: self.id,
        }
    }

    /// End of the partition's time window, ns, exclusive.
    pub fn partition_end(&self) -> i64 {
        self.partition_start.saturating_add(self.partition_nanos)
    }

    /// Where the file is, below the root of the object store.
    pub fn path(&self) -> String {
        let Self {
            database,
            table,
            partition_start,
            id,
            ..
        } = self;
        format!("data/{database}/{table}/{partition_start}/{id}.parquet")
    }
}
