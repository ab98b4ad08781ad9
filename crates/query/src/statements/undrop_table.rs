//! `UNDROP TABLE table [ID 17] [REPLACE]`.
//!
//! Without an id it is the one of the name that was dropped last; `system.tables` lists all of them. When a writer
//! has made another one of the name meanwhile, `REPLACE` drops that in the same moment.

use async_trait::async_trait;
use catalog::{Action, TableId, Undrop};

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["UNDROP", "TABLE"],
    parse: |parser| {
        let table = grammar::table(parser)?;
        let (id, replaces) = grammar::which_dropped(parser)?;
        let id = id.map(TableId);
        Ok(Statement::Change(Box::new(UndropTable {
            table,
            id,
            replaces,
        })))
    },
};

/// Brings back a dropped table.
#[derive(Debug)]
struct UndropTable {
    table: String,
    id: Option<TableId>,
    replaces: bool,
}

#[async_trait]
impl Change for UndropTable {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Admin, &self.table)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let undrop = Undrop {
            id: self.id,
            replaces_at_nanos: self.replaces.then(|| context.clock.now_nanos()),
        };
        let catalog = context.catalog;
        catalog
            .undrop_table(context.database, &self.table, undrop)
            .await?;
        Ok("table is back".into())
    }
}
