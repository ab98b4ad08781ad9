//! `ALTER TABLE table …`:
//!
//! - `SET RETENTION '30d' | FOREVER | DEFAULT`
//! - `SET FLOATS 'double' | 'decimal'`

use async_trait::async_trait;
use catalog::{FloatStorage, TableOptions};
use datafusion::sql::sqlparser::parser::Parser;

use super::grammar::{expect, syntax, word};
use super::{Change, Context, Done, Form, Statement, grammar};
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["ALTER", "TABLE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Sets options of a table.
#[derive(Debug)]
struct SetTableOptions {
    table: String,
    options: TableOptions,
    done: Done,
}

fn parse(parser: &mut Parser<'_>) -> Result<SetTableOptions> {
    let table = grammar::table(parser)?;
    expect(parser, "SET")?;
    if word(parser, "FLOATS") {
        return Ok(SetTableOptions {
            table,
            options: TableOptions {
                float_storage: Some(float_storage(parser)?),
                ..TableOptions::default()
            },
            done: "float storage set",
        });
    }
    expect(parser, "RETENTION")?;
    let retention = match word(parser, "DEFAULT") {
        true => None,
        false => Some(grammar::retention(parser)?),
    };
    Ok(SetTableOptions {
        table,
        options: TableOptions {
            retention: Some(retention),
            ..TableOptions::default()
        },
        done: "retention set",
    })
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
        Ok(done)
    }
}
