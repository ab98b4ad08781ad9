//! Tables: columns, and the files that hold rows.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::{ColumnId, DatabaseId, FileId, TableId};

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
    columns: Vec<Column>,
    by_name: HashMap<Arc<str>, ColumnId>,
    files: Vec<Arc<FileRecord>>,
}

impl Table {
    pub(crate) fn new(id: TableId, database: DatabaseId, name: &str) -> Self {
        let (columns, by_name, files) = Default::default();
        Self {
            id,
            database,
            name: name.into(),
            columns,
            by_name,
            files,
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

    pub(crate) fn add_file(&mut self, file: FileRecord) {
        self.files.push(Arc::new(file));
        self.files
            .sort_by_key(|file| (file.id, file.partition_start));
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
}

impl FileRecord {
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
