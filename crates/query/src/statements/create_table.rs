//! `CREATE TABLE [IF NOT EXISTS] table (host TAG, usage DOUBLE, n BIGINT, u BIGINT UNSIGNED, ok BOOLEAN,
//! s STRING) [RETENTION '30d']`.
//!
//! Every table has the column `time`; it may be listed too, as `time TIMESTAMP`.

use async_trait::async_trait;
use catalog::{Action, ColumnKind, Retention, TIME_COLUMN, TableExtension};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::{Error, Result};

pub(super) const FORM: Form = Form {
    words: &["CREATE", "TABLE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Creates a table.
#[derive(Debug)]
struct CreateTable {
    table: String,
    columns: Vec<(String, ColumnKind)>,
    retention: Option<Retention>,
    if_not_exists: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<CreateTable> {
    let if_not_exists = grammar::if_not_exists(parser);
    let table = grammar::table(parser)?;
    if parser.parse_keyword(Keyword::AS) {
        return Err(Error::StatementNotAllowed {
            what: "CREATE TABLE … AS".to_owned(),
        });
    }
    if !parser.consume_token(&Token::LParen) {
        return Err(grammar::unexpected(parser, "( and the columns"));
    }
    let mut columns: Vec<(String, ColumnKind)> = Vec::new();
    loop {
        let name = grammar::column(parser)?;
        if name == TIME_COLUMN && parser.parse_keyword(Keyword::TIMESTAMP) {
            // It is there in any case.
        } else if columns.iter().any(|(other, _)| *other == name) {
            let problem = format!("column '{name}' is listed twice");
            return Err(grammar::syntax(&problem));
        } else {
            columns.push((name, grammar::column_kind(parser)?));
        }
        if parser.consume_token(&Token::RParen) {
            break;
        }
        if !parser.consume_token(&Token::Comma) {
            return Err(grammar::unexpected(parser, ", or )"));
        }
    }
    Ok(CreateTable {
        table,
        columns,
        retention: grammar::retention_clause(parser)?,
        if_not_exists,
    })
}

#[async_trait]
impl Change for CreateTable {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Write, &self.table)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let Self {
            table,
            columns,
            retention,
            if_not_exists,
        } = *self;
        let table = TableExtension { table, columns };
        let catalog = context.catalog;
        let created = catalog.create_table(context.database, &table, retention);
        match created.await {
            Err(catalog::Error::TableExists { .. }) if if_not_exists => Ok("table exists".into()),
            created => Ok(created.map(|_| "table created".into())?),
        }
    }
}
