//! `UNDROP DATABASE name [ID 17] [REPLACE]`, as of tables.

use async_trait::async_trait;
use catalog::{Action, DatabaseId, Undrop};

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["UNDROP", "DATABASE"],
    parse: |parser| {
        let name = grammar::database(parser)?;
        let (id, replaces) = grammar::which_dropped(parser)?;
        let id = id.map(DatabaseId);
        Ok(Statement::Change(Box::new(UndropDatabase {
            name,
            id,
            replaces,
        })))
    },
};

/// Brings back a dropped database.
#[derive(Debug)]
struct UndropDatabase {
    name: String,
    id: Option<DatabaseId>,
    replaces: bool,
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
        let undrop = Undrop {
            id: self.id,
            replaces_at_nanos: self.replaces.then(|| context.clock.now_nanos()),
        };
        context.catalog.undrop_database(&self.name, undrop).await?;
        Ok("database is back".into())
    }
}
