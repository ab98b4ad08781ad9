//! `UNDROP TABLE table`.

use async_trait::async_trait;
use catalog::Action;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["UNDROP", "TABLE"],
    parse: |parser| {
        let table = grammar::table(parser)?;
        Ok(Statement::Change(Box::new(UndropTable { table })))
    },
};

/// Brings back the table of this name that was dropped last.
#[derive(Debug)]
struct UndropTable {
    table: String,
}

#[async_trait]
impl Change for UndropTable {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Admin, &self.table)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let catalog = context.catalog;
        catalog.undrop_table(context.database, &self.table).await?;
        Ok("table is back".into())
    }
}
