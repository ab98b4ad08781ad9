//! `CREATE [OR REPLACE] TASK [IF NOT EXISTS] name …`.
//!
//! ```text
//! CREATE [OR REPLACE] TASK [IF NOT EXISTS] name [IN database]
//!     when {option} AS statement
//!
//! when      := EVERY '10m' | CRON '0 6 * * *' [TIMEZONE 'Europe/Zurich'] | ON WRITE TO table
//! option    := OFFSET '30s' | CATCH UP n | CATCH UP ALL | OVERLAP QUEUE | OVERLAP SKIP | RETRIES n | TIMEOUT '5m'
//!            | DISABLE AFTER n | DISABLE NEVER | PAUSED | COMMENT 'text'
//! statement := INSERT INTO table [AT ENDPOINT e] [TAGS (a, b)] SELECT … | any statement that changes something
//! ```
//!
//! The statement is planned when the task is made, with the rights of who makes it, and its columns are held to
//! what the table may have, so that a task that can never run is refused at once. It runs with the same rights, as
//! they are then.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use automation::Window;
use catalog::{Database, Task, TaskOptions, TaskStatus, TaskTrigger};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Location;
use notify::Kind;

use super::task::Frame;
use super::{Change, Context, Done, Form, Insert, Statement, endpoint, grammar, task};
use crate::caller::Need;
use crate::engine::{Access, SqlRequest};
use crate::error::{Error, Result};
use crate::tasks::{self, rows, rows::Target};

pub(super) const FORM: Form = Form {
    words: &["CREATE", "TASK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, false)?))),
};

pub(super) const OR_REPLACE: Form = Form {
    words: &["CREATE", "OR", "REPLACE", "TASK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, true)?))),
};

/// Makes a task.
#[derive(Debug)]
struct CreateTask {
    name: String,
    database: Option<String>,
    or_replace: bool,
    if_not_exists: bool,
    frame: Frame,
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
        frame: Frame::parse(parser)?,
        statement_at: Location::empty(),
        statement: String::new(),
    };
    create.statement_at = grammar::rest(parser)?;
    Ok(create)
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
        if let TaskTrigger::Write { after, .. } = &mut self.frame.trigger {
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
        let need = insert.need(&database.name);
        context.caller.require(need, &database.name)?;
        if let Some(name) = &insert.endpoint {
            endpoint::of_kind(context, database, name, Kind::InfluxDb)?;
        } else if let TaskTrigger::Write { table, .. } = &self.frame.trigger {
            self.check_chain(context, database, table, &insert.table)?;
        }
        let described = context
            .engine
            .describe(request(&insert.select, Access::Read))
            .await?;
        let target = Target {
            database: &database.name,
            table: &insert.table,
            tags: &insert.tags,
            time: Some(0),
        };
        let none = RecordBatch::new_empty(described.schema);
        let none = rows::shaped(&target, &none)?;
        match insert.endpoint {
            // What its table is like is known there alone.
            Some(_) => Ok(()),
            None => rows::check(context.engine, &target, &none),
        }
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
                    let is_here = insert.endpoint.is_none();
                    is_here.then(|| (table.clone(), insert.table))
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
                trigger: self.frame.trigger.clone(),
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
        task.statement.clone_from(&self.statement);
        self.frame.fill(task, context.caller);
        if Insert::parse(&self.statement).is_ok_and(|it| it.is_some_and(|it| it.endpoint.is_some()))
            && !self.frame.has_catch_up
        {
            // What the other side has not got yet waits for it, however long it is away.
            task.options.catch_up = u32::MAX;
        }
    }
}
