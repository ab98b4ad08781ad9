//! `UNDROP DATABASE name`.

use async_trait::async_trait;
use catalog::Action;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["UNDROP", "DATABASE"],
    parse: |parser| {
        let name = grammar::database(parser)?;
        Ok(Statement::Change(Box::new(UndropDatabase { name })))
    },
};

/// Brings back the database of this name that was dropped last.
#[derive(Debug)]
struct UndropDatabase {
    name: String,
}

#[async_trait]
impl Change for UndropDatabase {
    fn need(&self) -> Need<'_> {
        Need::Database(Action::Admin, &self.name)
    }

    fn needs_database(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        context.catalog.undrop_database(&self.name).await?;
        Ok("database is back".into())
    }
}
