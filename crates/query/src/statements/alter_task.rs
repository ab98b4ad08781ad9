//! `ALTER TASK name PAUSE | RESUME | RENAME TO name`.
//!
//! What fell due while a task was paused is caught up when it is resumed, as after a time when the server did
//! not run: as many windows as the task lets wait.

use async_trait::async_trait;
use catalog::{Task, TaskStatus};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar, task};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["ALTER", "TASK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Changes a task.
#[derive(Debug)]
struct AlterTask {
    name: String,
    change: What,
}

#[derive(Debug)]
enum What {
    Pause,
    Resume,
    Rename(String),
}

fn parse(parser: &mut Parser<'_>) -> Result<AlterTask> {
    let name = grammar::name(parser)?;
    let change = if grammar::word(parser, "PAUSE") {
        What::Pause
    } else if grammar::word(parser, "RESUME") {
        What::Resume
    } else if grammar::word(parser, "RENAME") {
        grammar::expect(parser, "TO")?;
        What::Rename(grammar::name(parser)?)
    } else {
        return Err(grammar::unexpected(parser, "PAUSE, RESUME or RENAME TO"));
    };
    Ok(AlterTask { name, change })
}

#[async_trait]
impl Change for AlterTask {
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
        let task = task::find(&context, &database, &self.name)?;
        let now = context.clock.now_nanos();
        let change = |task: &mut Task| {
            match &self.change {
                What::Pause => task.status = TaskStatus::Paused,
                What::Resume => task.status = TaskStatus::Active,
                What::Rename(name) => task.name.clone_from(name),
            }
            task.updated_at_nanos = now;
            Ok(())
        };
        context.catalog.change_record(task.id, change).await?;
        let tasks = context.engine.tasks();
        tasks.catalog_changed(&context.catalog.state(), now);
        Ok(match self.change {
            What::Pause => "task paused",
            What::Resume => "task resumed",
            What::Rename(_) => "task renamed",
        }
        .into())
    }
}
