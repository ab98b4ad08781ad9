//! `DROP TASK [IF EXISTS] name`: it runs no more. A run that is under way is stopped.

use async_trait::async_trait;
use catalog::Task;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar, task};
use crate::caller::Need;
use crate::error::{Error, Result};

pub(super) const FORM: Form = Form {
    words: &["DROP", "TASK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Takes a task away.
#[derive(Debug)]
struct DropTask {
    name: String,
    if_exists: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<DropTask> {
    Ok(DropTask {
        if_exists: grammar::if_exists(parser),
        name: grammar::name(parser)?,
    })
}

#[async_trait]
impl Change for DropTask {
    fn need(&self) -> Need<'_> {
        Need::Own
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        match task::find(&context, &database, &self.name) {
            Ok(task) => {
                context.catalog.remove_record::<Task>(task.id).await?;
                context.engine.tasks().forget(task.id);
                Ok("task dropped".into())
            }
            Err(Error::Catalog(catalog::Error::RecordNotFound { .. })) if self.if_exists => {
                Ok("no such task".into())
            }
            Err(error) => Err(error),
        }
    }
}
