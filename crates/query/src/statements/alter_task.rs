//! `ALTER TASK | CHECK name PAUSE | RESUME | RENAME TO name`, `DROP TASK | CHECK [IF EXISTS] name`.
//!
//! What fell due while one was paused is caught up when it is resumed, as after a time when the server did
//! not run: as many windows as it lets wait. A run that is under way when it is dropped is stopped. Rules and
//! silences that name a check name it still when it is renamed; what it did before stays under its old name.

use async_trait::async_trait;
use catalog::{Check, Database, RecordId, Task, TaskStatus};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar, task};
use crate::caller::Need;
use crate::error::{Error, Result};

pub(super) const FORMS: [Form; 4] = [
    Form {
        words: &["ALTER", "TASK"],
        parse: |parser| alter(parser, Noun::Task),
    },
    Form {
        words: &["ALTER", "CHECK"],
        parse: |parser| alter(parser, Noun::Check),
    },
    Form {
        words: &["DROP", "TASK"],
        parse: |parser| drop_one(parser, Noun::Task),
    },
    Form {
        words: &["DROP", "CHECK"],
        parse: |parser| drop_one(parser, Noun::Check),
    },
];

/// What runs by itself.
#[derive(Debug, Clone, Copy)]
enum Noun {
    Task,
    Check,
}

impl Noun {
    /// The one of a name that the caller may change.
    fn find(self, context: &Context<'_>, database: &Database, name: &str) -> Result<RecordId> {
        match self {
            Self::Task => task::find(context, database, name).map(|task| task.id),
            Self::Check => task::find_check(context, database, name).map(|check| check.task.id),
        }
    }
}

/// Changes a task or a check, or takes it away.
#[derive(Debug)]
struct Alter {
    noun: Noun,
    name: String,
    change: What,
}

#[derive(Debug)]
enum What {
    Pause,
    Resume,
    Rename(String),
    Drop { if_exists: bool },
}

fn alter(parser: &mut Parser<'_>, noun: Noun) -> Result<Statement> {
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
    Ok(Statement::Change(Box::new(Alter { noun, name, change })))
}

fn drop_one(parser: &mut Parser<'_>, noun: Noun) -> Result<Statement> {
    let if_exists = grammar::if_exists(parser);
    let name = grammar::name(parser)?;
    let change = What::Drop { if_exists };
    Ok(Statement::Change(Box::new(Alter { noun, name, change })))
}

#[async_trait]
impl Change for Alter {
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
        let id = match (
            self.noun.find(&context, &database, &self.name),
            &self.change,
        ) {
            (Err(error), What::Drop { if_exists: true }) if is_missing(&error) => {
                return Ok(match self.noun {
                    Noun::Task => "no such task",
                    Noun::Check => "no such check",
                }
                .into());
            }
            (found, _) => found?,
        };
        if let What::Drop { .. } = self.change {
            return self.drop_record(&context, id).await;
        }
        let now = context.clock.now_nanos();
        let alter = |task: &mut Task| {
            self.alter(task);
            task.updated_at_nanos = now;
        };
        match (self.noun, &self.change) {
            (Noun::Check, What::Rename(name)) => {
                context.catalog.rename_check(id, name, now).await?;
            }
            (Noun::Task, _) => {
                let change = |task: &mut Task| {
                    alter(task);
                    Ok(())
                };
                context.catalog.change_record(id, change).await?;
            }
            (Noun::Check, _) => {
                let change = |check: &mut Check| {
                    alter(&mut check.task);
                    Ok(())
                };
                context.catalog.change_record(id, change).await?;
            }
        }
        let tasks = context.engine.tasks();
        tasks.catalog_changed(&context.catalog.state(), now);
        Ok(self.done().into())
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::Catalog(catalog::Error::RecordNotFound { .. }))
}

impl Alter {
    fn alter(&self, task: &mut Task) {
        match &self.change {
            What::Pause => task.status = TaskStatus::Paused,
            What::Resume => task.status = TaskStatus::Active,
            What::Rename(name) => task.name.clone_from(name),
            What::Drop { .. } => {}
        }
    }

    async fn drop_record(&self, context: &Context<'_>, id: RecordId) -> Result<Done> {
        match self.noun {
            Noun::Task => context.catalog.remove_record::<Task>(id).await?,
            Noun::Check => context.catalog.remove_record::<Check>(id).await?,
        }
        context.engine.tasks().forget(id);
        context.engine.checks().forget(id);
        Ok(self.done().into())
    }

    fn done(&self) -> &'static str {
        match (self.noun, &self.change) {
            (Noun::Task, What::Pause) => "task paused",
            (Noun::Task, What::Resume) => "task resumed",
            (Noun::Task, What::Rename(_)) => "task renamed",
            (Noun::Task, What::Drop { .. }) => "task dropped",
            (Noun::Check, What::Pause) => "check paused",
            (Noun::Check, What::Resume) => "check resumed",
            (Noun::Check, What::Rename(_)) => "check renamed",
            (Noun::Check, What::Drop { .. }) => "check dropped",
        }
    }
}
