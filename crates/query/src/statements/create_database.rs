//! `CREATE DATABASE [IF NOT EXISTS] name [RETENTION '30d']`.

use async_trait::async_trait;
use catalog::{Action, DatabaseName, Retention};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["CREATE", "DATABASE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Creates a database.
#[derive(Debug)]
struct CreateDatabase {
    name: String,
    retention: Retention,
    if_not_exists: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<CreateDatabase> {
    Ok(CreateDatabase {
        if_not_exists: grammar::if_not_exists(parser),
        name: grammar::database(parser)?,
        retention: grammar::retention_clause(parser)?.unwrap_or_default(),
    })
}

#[async_trait]
impl Change for CreateDatabase {
    fn need(&self) -> Need<'_> {
        Need::Database(Action::Admin, &self.name)
    }

    fn needs_database(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let name = DatabaseName::new(&self.name)?;
        match context.catalog.create_database(&name, self.retention).await {
            Err(catalog::Error::DatabaseExists { .. }) if self.if_not_exists => {
                Ok("database exists".into())
            }
            created => Ok(created.map(|_| "database created".into())?),
        }
    }
}
