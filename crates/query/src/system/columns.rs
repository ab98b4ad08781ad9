//! `system.columns`.

use std::sync::Arc;

use catalog::{ColumnKind, FieldType, TIME_COLUMN, Table};

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "columns",
    columns: &[
        ("database_name", Type::Text),
        ("table_name", Type::Text),
        ("column_name", Type::Text),
        // From 1, in the order of `SELECT *`.
        ("ordinal", Type::Integer),
        // `time`, `tag` or `field`.
        ("column_kind", Type::Text),
        // As in `CREATE TABLE`.
        ("column_type", Type::Text),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let mut tables: Vec<(Arc<str>, Arc<Table>)> = Vec::new();
    for database in state.databases() {
        let name = &database.name;
        let sees = |table: &&Arc<Table>| view.caller.sees_table(name, &table.name);
        let named = |table| (Arc::clone(name), Arc::clone(table));
        tables.extend(database.tables().filter(sees).map(named));
    }
    let of_table = |(database, table): (Arc<str>, Arc<Table>)| {
        let time = (TIME_COLUMN, "time", "TIMESTAMP");
        let tags = table.tags().map(|tag| (&*tag.name, "tag", "STRING"));
        let fields = table.fields();
        let fields = fields.map(|field| (&*field.name, "field", type_name(field.kind)));
        let columns = std::iter::once(time).chain(tags).chain(fields);
        let row = |(position, (name, kind, type_name)): (i64, (&str, &str, &str))| {
            vec![
                Value::text(&*database),
                Value::text(&*table.name),
                Value::text(name),
                Value::Integer(position),
                Value::text(kind),
                Value::text(type_name),
            ]
        };
        (1..).zip(columns).map(row).collect::<Vec<_>>()
    };
    Box::new(tables.into_iter().flat_map(of_table))
}

/// The type's name in `CREATE TABLE`.
fn type_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Tag | ColumnKind::Field(FieldType::String) => "STRING",
        ColumnKind::Field(FieldType::Float) => "DOUBLE",
        ColumnKind::Field(FieldType::Integer) => "BIGINT",
        ColumnKind::Field(FieldType::UInteger) => "BIGINT UNSIGNED",
        ColumnKind::Field(FieldType::Boolean) => "BOOLEAN",
    }
}
