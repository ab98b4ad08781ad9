//! `GetTables`: tables and views, with their columns if the caller asks for them.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::sql::CommandGetTables;
use query::TableListing;

use super::{CATALOG, TABLE, VIEW};
use crate::error::Result;
use crate::flight::results;
use crate::flight::statements::internal;

/// The tables that a query asks for.
pub(super) fn list(mut query: CommandGetTables, tables: &[TableListing]) -> Result<RecordBatch> {
    // Tools ask for what JDBC calls a table.
    for table_type in &mut query.table_types {
        if table_type == "TABLE" {
            *table_type = TABLE.to_owned();
        }
    }
    let with_columns = query.include_schema;
    let mut builder = query.into_builder();
    for table in tables {
        let columns = match with_columns {
            true => described(table),
            false => Schema::empty(),
        };
        let table_type = match table.is_view {
            true => VIEW,
            false => TABLE,
        };
        builder
            .append(CATALOG, &table.schema, &table.name, table_type, &columns)
            .map_err(internal)?;
    }
    builder.build().map_err(internal)
}

/// The columns as results have them, with what Flight SQL says of columns in their metadata.
fn described(table: &TableListing) -> Schema {
    let sent = results::sent_schema(&table.columns);
    let describe = |field: &Field| {
        let mut metadata: HashMap<_, _> = field.metadata().clone();
        let of_type = of_type(field.data_type());
        let entries = [
            ("CATALOG_NAME", CATALOG.to_owned()),
            ("SCHEMA_NAME", table.schema.clone()),
            ("TABLE_NAME", table.name.clone()),
            ("TYPE_NAME", of_type.name.to_owned()),
            ("PRECISION", of_type.precision.to_string()),
            ("SCALE", of_type.scale.to_string()),
            ("IS_AUTO_INCREMENT", "0".to_owned()),
            ("IS_CASE_SENSITIVE", "1".to_owned()),
            ("IS_READ_ONLY", "0".to_owned()),
            ("IS_SEARCHABLE", "1".to_owned()),
        ];
        let entries = entries.map(|(key, value)| (format!("ARROW:FLIGHT:SQL:{key}"), value));
        metadata.extend(entries);
        field.clone().with_metadata(metadata)
    };
    let fields = sent.fields().iter().map(|field| describe(field));
    Schema::new(fields.collect::<Vec<_>>())
}

/// A type in the words of SQL.
struct SqlType {
    name: &'static str,
    /// Digits, or characters.
    precision: i32,
    scale: i32,
}

fn of_type(data_type: &DataType) -> SqlType {
    let (name, precision, scale) = match data_type {
        DataType::Boolean => ("BOOLEAN", 1, 0),
        DataType::Int8 => ("TINYINT", 3, 0),
        DataType::Int16 => ("SMALLINT", 5, 0),
        DataType::Int32 => ("INTEGER", 10, 0),
        DataType::Int64 => ("BIGINT", 19, 0),
        DataType::UInt8 => ("TINYINT UNSIGNED", 3, 0),
        DataType::UInt16 => ("SMALLINT UNSIGNED", 5, 0),
        DataType::UInt32 => ("INTEGER UNSIGNED", 10, 0),
        DataType::UInt64 => ("BIGINT UNSIGNED", 20, 0),
        DataType::Float32 => ("REAL", 24, 0),
        DataType::Float64 => ("DOUBLE", 53, 0),
        DataType::Timestamp(..) => ("TIMESTAMP", 29, 9),
        DataType::Binary => ("VARBINARY", i32::MAX, 0),
        _ => ("VARCHAR", i32::MAX, 0),
    };
    SqlType {
        name,
        precision,
        scale,
    }
}
