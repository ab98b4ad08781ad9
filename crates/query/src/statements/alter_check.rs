//! `ALTER CHECK name PAUSE | RESUME | RENAME TO name`, `DROP CHECK [IF EXISTS] name`.

use async_trait::async_trait;
use catalog::{Check, TaskStatus};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar, task};
use crate::caller::Need;
use crate::error::{Error, Result};

pub(super) const FORM: Form = Form {
    words: &["ALTER", "CHECK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

pub(super) const DROP: Form = Form {
    words: &["DROP", "CHECK"],
    parse: |parser| {
        Ok(Statement::Change(Box::new(DropCheck {
            if_exists: grammar::if_exists(parser),
            name: grammar::name(parser)?,
        })))
    },
};

/// Changes a check.
#[derive(Debug)]
struct AlterCheck {
    name: String,
    change: What,
}

#[derive(Debug)]
enum What {
    Pause,
    Resume,
    Rename(String),
}

fn parse(parser: &mut Parser<'_>) -> Result<AlterCheck> {
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
    Ok(AlterCheck { name, change })
}

#[async_trait]
impl Change for AlterCheck {
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
        let check = task::find_check(&context, &database, &self.name)?;
        let now = context.clock.now_nanos();
        let change = |check: &mut Check| {
            match &self.change {
                What::Pause => check.task.status = TaskStatus::Paused,
                What::Resume => check.task.status = TaskStatus::Active,
                What::Rename(name) => check.task.name.clone_from(name),
            }
            check.task.updated_at_nanos = now;
            Ok(())
        };
        let id = check.task.id;
        context.catalog.change_record(id, change).await?;
        let tasks = context.engine.tasks();
        tasks.catalog_changed(&context.catalog.state(), now);
        Ok(match self.change {
            What::Pause => "check paused",
            What::Resume => "check resumed",
            What::Rename(_) => "check renamed",
        }
        .into())
    }
}

/// Takes a check away.
#[derive(Debug)]
struct DropCheck {
    name: String,
    if_exists: bool,
}

#[async_trait]
impl Change for DropCheck {
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
        match task::find_check(&context, &database, &self.name) {
            Ok(check) => {
                let id = check.task.id;
                context.catalog.remove_record::<Check>(id).await?;
                context.engine.tasks().forget(id);
                context.engine.checks().forget(id);
                Ok("check dropped".into())
            }
            Err(Error::Catalog(catalog::Error::RecordNotFound { .. })) if self.if_exists => {
                Ok("no such check".into())
            }
            Err(error) => Err(error),
        }
    }
}
