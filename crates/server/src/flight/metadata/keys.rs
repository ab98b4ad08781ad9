//! Keys: a row is known by its tags and its time; no table refers to another.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::sql::CommandGetPrimaryKeys;
use catalog::{Database, TIME_COLUMN};

use super::{CATALOG, SCHEMA};
use crate::error::Result;
use crate::flight::statements::internal;

/// As FlightSql.proto has them for `CommandGetPrimaryKeys`.
static PRIMARY: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(&[
        ("catalog_name", DataType::Utf8, true),
        ("db_schema_name", DataType::Utf8, true),
        ("table_name", DataType::Utf8, false),
        ("column_name", DataType::Utf8, false),
        ("key_name", DataType::Utf8, true),
        ("key_sequence", DataType::Int32, false),
    ])
});

/// As FlightSql.proto has them for the three commands about foreign keys.
static FOREIGN: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(&[
        ("pk_catalog_name", DataType::Utf8, true),
        ("pk_db_schema_name", DataType::Utf8, true),
        ("pk_table_name", DataType::Utf8, false),
        ("pk_column_name", DataType::Utf8, false),
        ("fk_catalog_name", DataType::Utf8, true),
        ("fk_db_schema_name", DataType::Utf8, true),
        ("fk_table_name", DataType::Utf8, false),
        ("fk_column_name", DataType::Utf8, false),
        ("key_sequence", DataType::Int32, false),
        ("fk_key_name", DataType::Utf8, true),
        ("pk_key_name", DataType::Utf8, true),
        ("update_rule", DataType::UInt8, false),
        ("delete_rule", DataType::UInt8, false),
    ])
});

pub(super) fn primary_schema() -> SchemaRef {
    SchemaRef::clone(&PRIMARY)
}

pub(super) fn foreign_schema() -> SchemaRef {
    SchemaRef::clone(&FOREIGN)
}

/// The row key of a table: its tags, then time.
pub(super) fn primary(
    query: &CommandGetPrimaryKeys,
    database: Option<&Database>,
) -> Result<RecordBatch> {
    let is_here = query.catalog.as_deref().is_none_or(|name| name == CATALOG)
        && query.db_schema.as_deref().is_none_or(|name| name == SCHEMA);
    let table = database
        .filter(|_| is_here)
        .and_then(|database| database.table(&query.table));
    let columns: Vec<&str> = match table {
        Some(table) => table
            .tags()
            .map(|tag| &*tag.name)
            .chain([TIME_COLUMN])
            .collect(),
        None => Vec::new(),
    };
    let all = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; columns.len()])) };
    let sequence = (1..).take(columns.len()).collect::<Vec<i32>>();
    let arrays: Vec<ArrayRef> = vec![
        all(CATALOG),
        all(SCHEMA),
        all(&query.table),
        Arc::new(StringArray::from(columns.clone())),
        new_null_array(&DataType::Utf8, columns.len()),
        Arc::new(Int32Array::from(sequence)),
    ];
    RecordBatch::try_new(primary_schema(), arrays).map_err(internal)
}

fn schema(columns: &[(&str, DataType, bool)]) -> SchemaRef {
    let fields = columns
        .iter()
        .map(|(name, data_type, is_nullable)| Field::new(*name, data_type.clone(), *is_nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
