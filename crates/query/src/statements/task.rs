//! What statements about tasks, and about checks, have in common.

use std::sync::Arc;

use catalog::{Action, Check, Database, RecordKind, Task, TaskOptions, TaskStatus, TaskTrigger};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Context, grammar};
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::tasks;

/// Whether a caller may change a task, and see what it does: it is theirs, or they administer its database.
pub fn is_theirs(task: &Task, database: &str, caller: &Caller) -> bool {
    let is_owner = task.owner.is_some() && task.owner == caller.identity;
    is_owner || caller.may(Action::Admin, database, None)
}

/// The database that a statement is about: the one that it names, or that of the request.
pub(super) fn database(context: &Context<'_>, named: Option<&str>) -> Result<Arc<Database>> {
    let name = named.unwrap_or(context.database);
    let state = context.catalog.state();
    let missing = || Error::DatabaseNotFound {
        name: name.to_owned(),
    };
    state.database(name).map(Arc::clone).ok_or_else(missing)
}

/// A task that the caller may change.
pub(super) fn find(context: &Context<'_>, database: &Database, name: &str) -> Result<Arc<Task>> {
    let state = context.catalog.state();
    let task = state.task_named(database.id, name);
    let is_theirs = |task: &&Arc<Task>| is_theirs(task, &database.name, context.caller);
    task.filter(is_theirs).map(Arc::clone).ok_or_else(|| {
        let (kind, name) = (RecordKind::Task, name.to_owned());
        catalog::Error::RecordNotFound { kind, name }.into()
    })
}

/// As many windows may wait for a task, if it says how many.
const CATCH_UP_MAX: u32 = 10_000;

/// When and how something runs by itself: what stands between its name and `AS`.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) trigger: TaskTrigger,
    options: TaskOptions,
    /// Whether the statement says how many windows may wait.
    pub(super) has_catch_up: bool,
    /// Whether the statement says after how many failures it is disabled.
    pub(super) has_disable_after: bool,
    status: TaskStatus,
    description: String,
}

impl Frame {
    pub(super) fn new(trigger: TaskTrigger) -> Self {
        Self {
            trigger,
            options: TaskOptions::default(),
            has_catch_up: false,
            has_disable_after: false,
            status: TaskStatus::Active,
            description: String::new(),
        }
    }

    /// Takes everything up to `AS`, and that too.
    pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Self> {
        let Some(trigger) = trigger(parser)? else {
            return Err(grammar::unexpected(parser, "EVERY, CRON or ON WRITE TO"));
        };
        let mut frame = Self::new(trigger);
        while !parser.parse_keyword(Keyword::AS) {
            if !option(parser, &mut frame)? {
                return Err(grammar::unexpected(parser, "an option or AS"));
            }
        }
        frame.check()?;
        Ok(frame)
    }

    /// Takes a trigger or an option, if one comes next.
    pub(super) fn part(&mut self, parser: &mut Parser<'_>) -> Result<bool> {
        let Some(found) = trigger(parser)? else {
            return option(parser, self);
        };
        self.trigger = found;
        Ok(true)
    }

    /// Fails unless it can run at such times.
    pub(super) fn check(&self) -> Result<()> {
        tasks::trigger(&self.trigger)?;
        Ok(())
    }

    /// Puts it into a record. Whoever writes the statement is the owner: it runs with their rights.
    pub(super) fn fill(&self, task: &mut Task, caller: &Caller) {
        task.description.clone_from(&self.description);
        task.trigger.clone_from(&self.trigger);
        task.options.clone_from(&self.options);
        task.status.clone_from(&self.status);
        task.owner = caller.identity;
        task.owner_name = caller.token.as_deref().unwrap_or_default().to_owned();
    }
}

/// A trigger, if one comes next.
fn trigger(parser: &mut Parser<'_>) -> Result<Option<TaskTrigger>> {
    let offset = None;
    if grammar::word(parser, "EVERY") {
        let length = grammar::window(parser, "days, or CRON")?;
        return Ok(Some(TaskTrigger::Every { length, offset }));
    }
    if grammar::word(parser, "CRON") {
        let pattern = grammar::text(parser)?;
        let zone = match grammar::word(parser, "TIMEZONE") {
            true => Some(grammar::text(parser)?),
            false => None,
        };
        return Ok(Some(TaskTrigger::Cron {
            pattern,
            zone,
            offset,
        }));
    }
    if grammar::word(parser, "ON") {
        grammar::expect(parser, "WRITE")?;
        grammar::expect(parser, "TO")?;
        let table = grammar::table(parser)?;
        // The number is looked up when the statement runs.
        return Ok(Some(TaskTrigger::Write { table, after: 0 }));
    }
    Ok(None)
}

/// Takes an option, if one comes next.
fn option(parser: &mut Parser<'_>, create: &mut Frame) -> Result<bool> {
    let options = &mut create.options;
    if grammar::word(parser, "OFFSET") {
        let text = grammar::text(parser)?;
        match &mut create.trigger {
            TaskTrigger::Every { offset, .. } | TaskTrigger::Cron { offset, .. } => {
                *offset = Some(text);
            }
            _ => return Err(grammar::syntax("OFFSET is for schedules")),
        }
    } else if grammar::word(parser, "CATCH") {
        grammar::expect(parser, "UP")?;
        create.has_catch_up = true;
        if grammar::word(parser, "ALL") {
            options.catch_up = u32::MAX;
            return Ok(true);
        }
        options.catch_up = grammar::number(parser)?;
        if !(1..=CATCH_UP_MAX).contains(&options.catch_up) {
            let problem = format!("CATCH UP takes a number from 1 to {CATCH_UP_MAX}");
            return Err(grammar::syntax(&problem));
        }
    } else if grammar::word(parser, "OVERLAP") {
        options.skips_overlap = grammar::word(parser, "SKIP");
        if !options.skips_overlap && !grammar::word(parser, "QUEUE") {
            return Err(grammar::unexpected(parser, "QUEUE or SKIP"));
        }
    } else if grammar::word(parser, "RETRIES") {
        options.retries = grammar::number(parser)?;
    } else if grammar::word(parser, "TIMEOUT") {
        let nanos = automation::length(&grammar::text(parser)?)?;
        options.timeout_nanos = Some(nanos.unsigned_abs());
    } else if grammar::word(parser, "DISABLE") {
        create.has_disable_after = true;
        options.disable_after = match grammar::word(parser, "NEVER") {
            true => 0,
            false => {
                grammar::expect(parser, "AFTER")?;
                grammar::number(parser)?
            }
        };
    } else if grammar::word(parser, "PAUSED") {
        create.status = TaskStatus::Paused;
    } else if grammar::word(parser, "COMMENT") {
        create.description = grammar::text(parser)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// A check that the caller may change.
pub(super) fn find_check(
    context: &Context<'_>,
    database: &Database,
    name: &str,
) -> Result<Arc<Check>> {
    let state = context.catalog.state();
    let check = state.check_named(database.id, name);
    let is_theirs = |check: &&Arc<Check>| is_theirs(&check.task, &database.name, context.caller);
    check.filter(is_theirs).map(Arc::clone).ok_or_else(|| {
        let (kind, name) = (RecordKind::Check, name.to_owned());
        catalog::Error::RecordNotFound { kind, name }.into()
    })
}
