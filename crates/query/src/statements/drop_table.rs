//! `DROP TABLE [IF EXISTS] table`.

use async_trait::async_trait;
use catalog::Action;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["DROP", "TABLE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Takes a table away, to be brought back until it is purged.
#[derive(Debug)]
struct DropTable {
    table: String,
    if_exists: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<DropTable> {
    Ok(DropTable {
        if_exists: grammar::if_exists(parser),
        table: grammar::table(parser)?,
    })
}

#[async_trait]
impl Change for DropTable {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Admin, &self.table)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let now = context.clock.now_nanos();
        let dropped = context
            .catalog
            .drop_table(context.database, &self.table, now);
        match dropped.await {
            Err(catalog::Error::TableNotFound { .. }) if self.if_exists => {
                Ok("no such table".into())
            }
            dropped => Ok(dropped.map(|()| "table dropped".into())?),
        }
    }
}
