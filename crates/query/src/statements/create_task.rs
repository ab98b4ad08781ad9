//! `CREATE [OR REPLACE] TASK [IF NOT EXISTS] name …`.
//!
//! ```text
//! CREATE [OR REPLACE] TASK [IF NOT EXISTS] name [IN database]
//!     when {option} AS statement
//!
//! when      := EVERY '10m' | CRON '0 6 * * *' [TIMEZONE 'Europe/Zurich'] | ON WRITE TO table
//! option    := OFFSET '30s' | CATCH UP n | OVERLAP QUEUE | OVERLAP SKIP | RETRIES n | TIMEOUT '5m'
//!            | DISABLE AFTER n | DISABLE NEVER | PAUSED | COMMENT 'text'
//! statement := INSERT INTO table [TAGS (a, b)] SELECT … | any statement that changes something
//! ```
//!
//! The statement is planned when the task is made, with the rights of who makes it, so that a task that can
//! never run is refused at once. It runs with the same rights, as they are then.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use automation::Window;
use catalog::{Action, Database, Task, TaskOptions, TaskStatus, TaskTrigger};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Location;

use super::{Change, Context, Done, Form, Insert, Statement, grammar, task};
use crate::caller::Need;
use crate::engine::{Access, SqlRequest};
use crate::error::{Error, Result};
use crate::tasks;

pub(super) const FORM: Form = Form {
    words: &["CREATE", "TASK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, false)?))),
};

pub(super) const OR_REPLACE: Form = Form {
    words: &["CREATE", "OR", "REPLACE", "TASK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, true)?))),
};

/// As many windows may wait for a task, whatever it says.
const CATCH_UP_MAX: u32 = 10_000;

/// Makes a task.
#[derive(Debug)]
struct CreateTask {
    name: String,
    database: Option<String>,
    or_replace: bool,
    if_not_exists: bool,
    trigger: TaskTrigger,
    options: TaskOptions,
    status: TaskStatus,
    description: String,
    /// Where the statement begins.
    statement_at: Location,
    statement: String,
}

/// The name of the task that a text would make, and the database that it names.
pub fn named_by(sql: &str) -> Result<(String, Option<String>)> {
    let parser = Parser::new(&GenericDialect {}).try_with_sql(sql);
    let mut parser = parser.map_err(grammar::invalid)?;
    grammar::expect(&mut parser, "CREATE")?;
    let or_replace = parser.parse_keywords(&[Keyword::OR, Keyword::REPLACE]);
    grammar::expect(&mut parser, "TASK")?;
    let create = parse(&mut parser, or_replace)?;
    Ok((create.name, create.database))
}

fn parse(parser: &mut Parser<'_>, or_replace: bool) -> Result<CreateTask> {
    let if_not_exists = !or_replace && grammar::if_not_exists(parser);
    let name = grammar::name(parser)?;
    let database = match parser.parse_keyword(Keyword::IN) {
        true => Some(grammar::database(parser)?),
        false => None,
    };
    let mut create = CreateTask {
        name,
        database,
        or_replace,
        if_not_exists,
        trigger: trigger(parser)?,
        options: TaskOptions::default(),
        status: TaskStatus::Active,
        description: String::new(),
        statement_at: Location::empty(),
        statement: String::new(),
    };
    while !parser.parse_keyword(Keyword::AS) {
        option(parser, &mut create)?;
    }
    create.statement_at = grammar::rest(parser)?;
    tasks::trigger(&create.trigger)?;
    Ok(create)
}

fn trigger(parser: &mut Parser<'_>) -> Result<TaskTrigger> {
    let offset = None;
    if grammar::word(parser, "EVERY") {
        let length = grammar::text(parser)?;
        return Ok(TaskTrigger::Every { length, offset });
    }
    if grammar::word(parser, "CRON") {
        let pattern = grammar::text(parser)?;
        let zone = match grammar::word(parser, "TIMEZONE") {
            true => Some(grammar::text(parser)?),
            false => None,
        };
        return Ok(TaskTrigger::Cron {
            pattern,
            zone,
            offset,
        });
    }
    if grammar::word(parser, "ON") {
        grammar::expect(parser, "WRITE")?;
        grammar::expect(parser, "TO")?;
        let table = grammar::table(parser)?;
        // The number is looked up when the statement runs.
        return Ok(TaskTrigger::Write { table, after: 0 });
    }
    Err(grammar::unexpected(parser, "EVERY, CRON or ON WRITE TO"))
}

fn option(parser: &mut Parser<'_>, create: &mut CreateTask) -> Result<()> {
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
        return Err(grammar::unexpected(parser, "an option or AS"));
    }
    Ok(())
}

#[async_trait]
impl Change for CreateTask {
    fn need(&self) -> Need<'_> {
        // What its statement needs is asked when that is known.
        Need::Own
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn needs_turn(&self) -> bool {
        // Planning its statement takes one.
        false
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    fn keep_text(&mut self, sql: &str) {
        self.statement = grammar::text_from(sql, self.statement_at).to_owned();
    }

    async fn run(mut self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, self.database.as_deref())?;
        let state = context.catalog.state();
        let existing = state.task_named(database.id, &self.name).map(Arc::clone);
        if existing.is_some() && self.if_not_exists {
            return Ok("the task exists already".into());
        }
        self.check(&context, &database).await?;
        if let TaskTrigger::Write { after, .. } = &mut self.trigger {
            *after = context.storage.last_write();
        }
        match existing.filter(|_| self.or_replace) {
            Some(existing) => self.replace(&context, &database, &existing).await,
            None => self.create(&context, &database).await,
        }
    }
}

impl CreateTask {
    /// Fails unless the statement is one that a task can run, and that its author could run now.
    async fn check(&self, context: &Context<'_>, database: &Database) -> Result<()> {
        let request = |sql: &str, access| SqlRequest {
            database: database.name.to_string(),
            sql: sql.to_owned(),
            params: tasks::parameters(Window { start: 0, stop: 1 }),
            timeout: None,
            access,
            caller: context.caller.clone(),
        };
        let Some(insert) = Insert::parse(&self.statement)? else {
            let parsed = super::parse(&self.statement)?;
            let is_fit = match &parsed {
                Some((_, Statement::Change(change))) => change.may_be_scheduled(),
                Some((_, Statement::Query(_))) | None => false,
            };
            if !is_fit {
                let problem = "a task runs INSERT INTO … SELECT, or another statement that changes \
                               something besides tasks and tokens";
                let problem = problem.to_owned();
                return Err(Error::InvalidTask { problem });
            }
            let request = request(&self.statement, Access::Change);
            context.engine.describe(request).await?;
            return Ok(());
        };
        let need = Need::Table(Action::Write, &insert.table);
        context.caller.require(need, &database.name)?;
        if let TaskTrigger::Write { table, .. } = &self.trigger {
            self.check_chain(context, database, table, &insert.table)?;
        }
        let described = context
            .engine
            .describe(request(&insert.select, Access::Read))
            .await?;
        let columns = described.schema;
        let missing = |tag: &&String| columns.field_with_name(tag).is_err();
        if let Some(tag) = insert.tags.iter().find(missing) {
            let problem = format!("TAGS names '{tag}', which is no column of the result");
            return Err(Error::InvalidTask { problem });
        }
        Ok(())
    }

    /// Fails when rows that the task writes would make it run again, by itself or by way of others.
    fn check_chain(
        &self,
        context: &Context<'_>,
        database: &Database,
        source: &str,
        target: &str,
    ) -> Result<()> {
        let state = context.catalog.state();
        if database.table(source).is_none() {
            let name = source.to_owned();
            return Err(catalog::Error::TableNotFound { name }.into());
        }
        let others = state.tasks().filter(|task| task.database == database.id);
        let others = others.filter(|task| task.name != self.name);
        let links: Vec<_> = others
            .filter_map(|task| match &task.trigger {
                TaskTrigger::Write { table, .. } => {
                    let insert = Insert::parse(&task.statement).ok().flatten()?;
                    Some((table.clone(), insert.table))
                }
                _ => None,
            })
            .collect();
        let (mut seen, mut open) = (BTreeSet::new(), vec![target.to_owned()]);
        while let Some(table) = open.pop() {
            if table == source {
                let problem = format!(
                    "rows of '{target}' would lead to rows of '{source}', and so to runs without end"
                );
                return Err(Error::InvalidTask { problem });
            }
            let next = links.iter().filter(|(from, _)| *from == table);
            let next: Vec<_> = next.map(|(_, to)| to.clone()).collect();
            open.extend(next.into_iter().filter(|to| seen.insert(to.clone())));
        }
        Ok(())
    }

    async fn create(self, context: &Context<'_>, database: &Database) -> Result<Done> {
        let now = context.clock.now_nanos();
        let made = context.catalog.create_record(|id| {
            let mut task = Task {
                id,
                database: database.id,
                name: self.name.clone(),
                description: String::new(),
                trigger: self.trigger.clone(),
                options: TaskOptions::default(),
                statement: String::new(),
                status: TaskStatus::Active,
                owner: None,
                owner_name: String::new(),
                created_at_nanos: now,
                updated_at_nanos: now,
            };
            self.fill(&mut task, context);
            task
        });
        made.await?;
        let tasks = context.engine.tasks();
        tasks.catalog_changed(&context.catalog.state(), now);
        Ok("task created".into())
    }

    /// The task keeps its id and its progress.
    async fn replace(
        self,
        context: &Context<'_>,
        database: &Database,
        existing: &Task,
    ) -> Result<Done> {
        task::find(context, database, &existing.name)?;
        let now = context.clock.now_nanos();
        let change = |task: &mut Task| {
            self.fill(task, context);
            task.updated_at_nanos = now;
            Ok(())
        };
        context.catalog.change_record(existing.id, change).await?;
        let tasks = context.engine.tasks();
        tasks.catalog_changed(&context.catalog.state(), now);
        Ok("task replaced".into())
    }

    /// Whoever writes the statement is the owner: it runs with their rights.
    fn fill(&self, task: &mut Task, context: &Context<'_>) {
        task.description.clone_from(&self.description);
        task.trigger.clone_from(&self.trigger);
        task.options.clone_from(&self.options);
        task.statement.clone_from(&self.statement);
        task.status.clone_from(&self.status);
        task.owner = context.caller.identity;
        task.owner_name = context
            .caller
            .token
            .as_deref()
            .unwrap_or_default()
            .to_owned();
    }
}
