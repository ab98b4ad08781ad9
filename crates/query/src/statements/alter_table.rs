//! `ALTER TABLE table …`:
//!
//! - `SET RETENTION '30d' | FOREVER | DEFAULT`
//! - `SET FLOATS 'double' | 'decimal'`
//! - `ADD [COLUMN] [IF NOT EXISTS] name TAG | DOUBLE | …`; columns are only ever added

use async_trait::async_trait;
use catalog::{Action, ColumnKind, FloatStorage, TableExtension, TableOptions};
use datafusion::sql::sqlparser::parser::Parser;

use super::grammar::{expect, syntax, unexpected, word};
use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["ALTER", "TABLE"],
    parse: |parser| Ok(Statement::Change(parse(parser)?)),
};

/// Sets options of a table.
#[derive(Debug)]
struct SetTableOptions {
    table: String,
    options: TableOptions,
    done: &'static str,
}

/// Adds a column to a table.
#[derive(Debug)]
struct AddColumn {
    table: String,
    column: String,
    kind: ColumnKind,
    if_not_exists: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<Box<dyn Change>> {
    let table = grammar::table(parser)?;
    if word(parser, "ADD") {
        word(parser, "COLUMN");
        return Ok(Box::new(AddColumn {
            table,
            if_not_exists: grammar::if_not_exists(parser),
            column: grammar::column(parser)?,
            kind: grammar::column_kind(parser)?,
        }));
    }
    if !word(parser, "SET") {
        return Err(unexpected(parser, "SET or ADD COLUMN"));
    }
    if word(parser, "FLOATS") {
        return Ok(Box::new(SetTableOptions {
            table,
            options: TableOptions {
                float_storage: Some(float_storage(parser)?),
                ..TableOptions::default()
            },
            done: "float storage set",
        }));
    }
    expect(parser, "RETENTION")?;
    let retention = match word(parser, "DEFAULT") {
        true => None,
        false => Some(grammar::retention(parser)?),
    };
    Ok(Box::new(SetTableOptions {
        table,
        options: TableOptions {
            retention: Some(retention),
            ..TableOptions::default()
        },
        done: "retention set",
    }))
}

fn float_storage(parser: &mut Parser<'_>) -> Result<FloatStorage> {
    match grammar::text(parser)?.to_ascii_lowercase().as_str() {
        "double" => Ok(FloatStorage::Double),
        "decimal" => Ok(FloatStorage::DecimalWhenExact),
        _ => Err(syntax("FLOATS is 'double' or 'decimal'")),
    }
}

#[async_trait]
impl Change for SetTableOptions {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Admin, &self.table)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let Self {
            table,
            options,
            done,
        } = *self;
        let catalog = context.catalog;
        catalog
            .set_table_options(context.database, &table, options)
            .await?;
        Ok(done.into())
    }
}

#[async_trait]
impl Change for AddColumn {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Admin, &self.table)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let Self {
            table,
            column,
            kind,
            if_not_exists,
        } = *self;
        let extension = TableExtension {
            table,
            columns: vec![(column, kind)],
        };
        let added = context.catalog.add_columns(context.database, &extension);
        match added.await {
            Err(catalog::Error::ColumnExists { kind: found, .. })
                if if_not_exists && found == kind =>
            {
                Ok("column exists".into())
            }
            added => Ok(added.map(|()| "column added".into())?),
        }
    }
}
