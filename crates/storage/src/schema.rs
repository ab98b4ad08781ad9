//! A table as an Arrow schema: `time`, then tags and fields in the order they came to be.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use catalog::{Column, ColumnKind, FieldType, TIME_COLUMN, Table};

/// The metadata key by which clients tell tags, fields and the timestamp apart.
pub const COLUMN_TYPE_KEY: &str = "iox::column::type";

/// The Arrow schema of a table. Tags are dictionaries of text; every column but `time` may be NULL.
pub fn arrow_schema(table: &Table) -> SchemaRef {
    let columns = table.tags().chain(table.fields()).map(arrow_field);
    Arc::new(Schema::new(
        [time_field()]
            .into_iter()
            .chain(columns)
            .collect::<Vec<_>>(),
    ))
}

fn time_field() -> Field {
    let kind = HashMap::from([(
        COLUMN_TYPE_KEY.to_owned(),
        "iox::column_type::timestamp".to_owned(),
    )]);
    Field::new(TIME_COLUMN, time_type(), false).with_metadata(kind)
}

fn arrow_field(column: &Column) -> Field {
    let kind = HashMap::from([(
        COLUMN_TYPE_KEY.to_owned(),
        column.kind.iox_name().to_owned(),
    )]);
    Field::new(&*column.name, arrow_type(column.kind), true).with_metadata(kind)
}

/// The type of the time column.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, None)
}

/// The Arrow type of a column.
pub fn arrow_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Tag => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        ColumnKind::Field(FieldType::Float) => DataType::Float64,
        ColumnKind::Field(FieldType::Integer) => DataType::Int64,
        ColumnKind::Field(FieldType::UInteger) => DataType::UInt64,
        ColumnKind::Field(FieldType::Boolean) => DataType::Boolean,
        ColumnKind::Field(FieldType::String) => DataType::Utf8,
    }
}
