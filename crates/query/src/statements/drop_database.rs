//! `DROP DATABASE [IF EXISTS] name`.

use async_trait::async_trait;
use catalog::Action;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["DROP", "DATABASE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Takes a database away, to be brought back until it is purged.
#[derive(Debug)]
struct DropDatabase {
    name: String,
    if_exists: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<DropDatabase> {
    Ok(DropDatabase {
        if_exists: grammar::if_exists(parser),
        name: grammar::database(parser)?,
    })
}

#[async_trait]
impl Change for DropDatabase {
    fn need(&self) -> Need<'_> {
        Need::Database(Action::Admin, &self.name)
    }

    fn needs_database(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let now = context.clock.now_nanos();
        match context.catalog.drop_database(&self.name, now).await {
            Err(catalog::Error::DatabaseNotFound { .. }) if self.if_exists => {
                Ok("no such database".into())
            }
            dropped => Ok(dropped.map(|()| "database dropped".into())?),
        }
    }
}
