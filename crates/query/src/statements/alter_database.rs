//! `ALTER DATABASE name SET RETENTION '30d' | FOREVER`.

use async_trait::async_trait;
use catalog::{Action, Retention};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["ALTER", "DATABASE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Sets how long the rows of a database are kept.
#[derive(Debug)]
struct SetDatabaseRetention {
    name: String,
    retention: Retention,
}

fn parse(parser: &mut Parser<'_>) -> Result<SetDatabaseRetention> {
    let name = grammar::database(parser)?;
    grammar::expect(parser, "SET")?;
    grammar::expect(parser, "RETENTION")?;
    let retention = grammar::retention(parser)?;
    Ok(SetDatabaseRetention { name, retention })
}

#[async_trait]
impl Change for SetDatabaseRetention {
    fn need(&self) -> Need<'_> {
        Need::Database(Action::Admin, &self.name)
    }

    fn needs_database(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let Self { name, retention } = *self;
        let set = context.catalog.set_database_retention(&name, retention);
        set.await?;
        Ok("retention set".into())
    }
}
