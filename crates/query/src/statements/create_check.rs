//! `CREATE [OR REPLACE] CHECK [IF NOT EXISTS] name …`.
//!
//! ```text
//! CREATE [OR REPLACE] CHECK [IF NOT EXISTS] name [IN database]
//!     when {option} AS SELECT …
//!     LEVEL crit WHEN temp > 90 [UNTIL temp < 85] [,] warn WHEN …      or SILENT AFTER, or both
//!     {clause}
//!
//! when, option   as of CREATE TASK, but for ON WRITE TO; a check that fails is not disabled unless it says so
//! clause         := SERIES BY (asset, line)      columns that say which series a row is of; without it, columns of text
//!                 | FOR '5m'                     a worse level counts when it has lasted so long
//!                 | HYSTERESIS '10m'             a better one
//!                 | SILENT AFTER '10m' AS crit   a series that says nothing gets this level
//!                 | FORGET AFTER '7d'            and after so long it is forgotten
//!                 | MESSAGE '{{ asset }} is at {{ temp }}'
//! ```
//!
//! In the place of everything from `when` to `SELECT …` there may be `ON table.column …`: [`super::short_check`].
//!
//! The query and its conditions are planned when the check is made, with the rights of who makes it, and run with
//! the same rights, as they are then.

use std::sync::Arc;

use async_trait::async_trait;
use automation::{Level, Window};
use catalog::{
    Action, Check, CheckLevel, CheckSilence, Database, Task, TaskOptions, TaskStatus, TaskTrigger,
};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

use super::short_check::Short;
use super::task::Frame;
use super::{Change, Context, Done, Form, Statement, endpoint, grammar, insert, task};
use crate::caller::Need;
use crate::checks::{self, CheckRules};
use crate::engine::{Access, SqlRequest};
use crate::error::{Error, Result};
use crate::tasks;

pub(super) const FORM: Form = Form {
    words: &["CREATE", "CHECK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, false)?))),
};

pub(super) const OR_REPLACE: Form = Form {
    words: &["CREATE", "OR", "REPLACE", "CHECK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, true)?))),
};

/// What a check says that has no words of its own.
const MESSAGE: &str = "{{ check }} is {{ level }}{% for tag, value in tags | items %}\
                       {{ ': ' if loop.first else ', ' }}{{ tag }} {{ value }}{% endfor %}";

/// Makes a check.
#[derive(Debug)]
struct CreateCheck {
    name: String,
    database: Option<String>,
    or_replace: bool,
    if_not_exists: bool,
    frame: Frame,
    source: Source,
    select: String,
    clauses: Clauses,
}

/// Where the query comes from.
#[derive(Debug)]
enum Source {
    /// It is written: where it begins, and where it has ended.
    Written(Location, Location),
    /// It follows from a few words.
    Short(Short),
}

/// What stands after the query.
#[derive(Debug, Default)]
struct Clauses {
    levels: Vec<CheckLevel>,
    series: Vec<String>,
    worse_for_nanos: u64,
    better_for_nanos: u64,
    silence: Option<CheckSilence>,
    forget_after_nanos: Option<u64>,
    message: Option<String>,
}

fn parse(parser: &mut Parser<'_>, or_replace: bool) -> Result<CreateCheck> {
    let if_not_exists = !or_replace && grammar::if_not_exists(parser);
    let name = grammar::name(parser)?;
    let database = endpoint::in_database(parser)?;
    let (frame, short) = match Short::parse(parser)? {
        Some((short, frame)) => (frame, Some(short)),
        None => (Frame::parse(parser)?, None),
    };
    if matches!(frame.trigger, TaskTrigger::Write { .. }) {
        return Err(grammar::syntax(
            "a check runs EVERY so long, or at times of a CRON",
        ));
    }
    let source = match short {
        Some(short) => Source::Short(short),
        None => select(parser)?,
    };
    let mut clauses = clauses(parser)?;
    if let Source::Short(short) = &source {
        short_clauses(short, &mut clauses)?;
    }
    if clauses.levels.is_empty() && clauses.silence.is_none() {
        return Err(grammar::unexpected(parser, "LEVEL … WHEN or SILENT AFTER"));
    }
    Ok(CreateCheck {
        name,
        database,
        or_replace,
        if_not_exists,
        frame,
        source,
        select: String::new(),
        clauses,
    })
}

/// Passes over the query: everything until what can only be a clause of a check.
fn select(parser: &mut Parser<'_>) -> Result<Source> {
    let first = parser.peek_token_ref();
    let begins = |word: &str| matches!(&first.token, Token::Word(found) if found.value.eq_ignore_ascii_case(word));
    if !begins("SELECT") && !begins("WITH") {
        return Err(grammar::unexpected(parser, "SELECT or WITH"));
    }
    let start = first.span.start;
    let mut depth = 0_usize;
    loop {
        if depth == 0 && begins_clause(parser) {
            let end = parser.peek_token_ref().span.start;
            return Ok(Source::Written(start, end));
        }
        match parser.next_token().token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::EOF => {
                return Err(grammar::unexpected(parser, "LEVEL … WHEN or SILENT AFTER"));
            }
            _ => {}
        }
    }
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

/// Three words that SQL does not have in this order, or two with a text.
fn begins_clause(parser: &Parser<'_>) -> bool {
    let token = |at: usize| parser.peek_nth_token_ref(at).token.clone();
    let (first, second) = (token(0), token(1));
    let is_level = |token: &Token| {
        Level::OF_SERIES
            .iter()
            .any(|level| is_word(token, level.name()))
    };
    let is_text = |token: &Token| matches!(token, Token::SingleQuotedString(_));
    (is_word(&first, "LEVEL") && is_level(&second) && is_word(&token(2), "WHEN"))
        || (is_word(&first, "SILENT") && is_word(&second, "AFTER"))
        || (is_word(&first, "FORGET") && is_word(&second, "AFTER"))
        || (is_word(&first, "SERIES") && is_word(&second, "BY"))
        || (is_word(&first, "HYSTERESIS") && is_text(&second))
        || (is_word(&first, "MESSAGE") && is_text(&second))
        || (is_word(&first, "FOR") && is_text(&second))
}

/// What a check in one line says by the words before its clauses, and what it cannot have after them.
fn short_clauses(short: &Short, clauses: &mut Clauses) -> Result<()> {
    if !clauses.series.is_empty() {
        return Err(grammar::syntax(
            "BY (…) says which series there are, not SERIES BY",
        ));
    }
    let Some(silence) = short.silence() else {
        return Ok(());
    };
    if !clauses.levels.is_empty() || clauses.silence.is_some() {
        let problem = "SILENT FOR looks at nothing but when rows came; \
                       a check of values may end with SILENT AFTER '5m' AS crit";
        return Err(grammar::syntax(problem));
    }
    clauses.silence = Some(silence.clone());
    Ok(())
}

/// A level and `WHEN`: what `LEVEL` may be left out before.
fn begins_level(parser: &Parser<'_>) -> bool {
    let (first, second) = (parser.peek_nth_token_ref(0), parser.peek_nth_token_ref(1));
    let mut levels = Level::OF_SERIES.iter();
    levels.any(|level| is_word(&first.token, level.name())) && is_word(&second.token, "WHEN")
}

fn clauses(parser: &mut Parser<'_>) -> Result<Clauses> {
    let mut clauses = Clauses::default();
    loop {
        if grammar::word(parser, "LEVEL") || begins_level(parser) {
            levels(parser, &mut clauses.levels)?;
        } else if grammar::word(parser, "SERIES") {
            grammar::expect(parser, "BY")?;
            clauses.series = insert::columns(parser)?;
        } else if grammar::word(parser, "FOR") {
            clauses.worse_for_nanos = endpoint::length(parser)?;
        } else if grammar::word(parser, "HYSTERESIS") {
            clauses.better_for_nanos = endpoint::length(parser)?;
        } else if grammar::word(parser, "SILENT") {
            grammar::expect(parser, "AFTER")?;
            let after_nanos = endpoint::length(parser)?;
            grammar::expect(parser, "AS")?;
            let level = level(parser)?.name().to_owned();
            clauses.silence = Some(CheckSilence { after_nanos, level });
        } else if grammar::word(parser, "FORGET") {
            grammar::expect(parser, "AFTER")?;
            clauses.forget_after_nanos = Some(endpoint::length(parser)?);
        } else if grammar::word(parser, "MESSAGE") {
            clauses.message = Some(grammar::text(parser)?);
        } else {
            break;
        }
    }
    // The worst first, whatever their order was.
    let rank = |it: &CheckLevel| Level::of_name(&it.level);
    clauses.levels.sort_by_key(|it| std::cmp::Reverse(rank(it)));
    let twice = clauses
        .levels
        .windows(2)
        .find(|two| two[0].level == two[1].level);
    if let Some(two) = twice {
        let problem = format!("LEVEL {} has two conditions", two[0].level);
        return Err(grammar::syntax(&problem));
    }
    Ok(clauses)
}

fn levels(parser: &mut Parser<'_>, levels: &mut Vec<CheckLevel>) -> Result<()> {
    loop {
        let level = level(parser)?;
        if level == Level::Ok {
            return Err(grammar::syntax(
                "it is ok when it is at none of the other levels",
            ));
        }
        grammar::expect(parser, "WHEN")?;
        let when = parser.parse_expr().map_err(grammar::invalid)?.to_string();
        let until = match grammar::word(parser, "UNTIL") {
            true => Some(parser.parse_expr().map_err(grammar::invalid)?.to_string()),
            false => None,
        };
        let level = level.name().to_owned();
        levels.push(CheckLevel { level, when, until });
        let has_comma = parser.consume_token(&Token::Comma);
        let next = &parser.peek_token_ref().token;
        if !has_comma
            && !Level::OF_SERIES
                .iter()
                .any(|level| is_word(next, level.name()))
        {
            return Ok(());
        }
    }
}

pub(super) fn level(parser: &mut Parser<'_>) -> Result<Level> {
    let mut levels = Level::OF_SERIES.into_iter();
    let level = levels.find(|level| grammar::word(parser, level.name()));
    level.ok_or_else(|| grammar::unexpected(parser, "crit, warn, info or ok"))
}

#[async_trait]
impl Change for CreateCheck {
    fn need(&self) -> Need<'_> {
        // Its database may be another than that of the request.
        Need::Own
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn needs_turn(&self) -> bool {
        // Planning its query takes one.
        false
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    fn keep_text(&mut self, sql: &str) {
        let Source::Written(start, end) = self.source else {
            return;
        };
        let (from, rest) = (grammar::text_from(sql, start), grammar::text_from(sql, end));
        self.select = from[..from.len() - rest.len()].trim_end().to_owned();
    }

    async fn run(mut self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, self.database.as_deref())?;
        let need = Need::Database(Action::Write, &database.name);
        context.caller.require(need, &database.name)?;
        let state = context.catalog.state();
        let existing = state.check_named(database.id, &self.name).map(Arc::clone);
        if existing.is_some() && self.if_not_exists {
            return Ok("the check exists already".into());
        }
        self.expand(&database);
        self.check(&context, &database).await?;
        let now = context.clock.now_nanos();
        let done = match existing.filter(|_| self.or_replace) {
            Some(existing) => {
                task::find_check(&context, &database, &existing.task.name)?;
                // It keeps its id, its progress and what it knows of its series.
                let change = |check: &mut Check| {
                    self.fill(check, &context);
                    check.task.updated_at_nanos = now;
                    Ok(())
                };
                let id = existing.task.id;
                context.catalog.change_record(id, change).await?;
                "check replaced"
            }
            None => {
                let make = |id| self.record(id, &context, &database, now);
                context.catalog.create_record(make).await?;
                "check created"
            }
        };
        let tasks = context.engine.tasks();
        tasks.catalog_changed(&context.catalog.state(), now);
        Ok(done.into())
    }
}

impl CreateCheck {
    /// Writes out the query of a check in one line.
    fn expand(&mut self, database: &Database) {
        let Source::Short(short) = &self.source else {
            return;
        };
        let table = database.table(short.table());
        let expanded = short.expand(table.map(AsRef::as_ref));
        self.select = expanded.select;
        self.clauses.series = expanded.series;
        let words = || format!("{MESSAGE}{}", expanded.words);
        self.clauses.message.get_or_insert_with(words);
    }

    /// Fails unless the query with its conditions is one that its author could run now.
    async fn check(&self, context: &Context<'_>, database: &Database) -> Result<()> {
        let clauses = &self.clauses;
        notify::check_message(clauses.message.as_deref().unwrap_or(MESSAGE))?;
        let request = SqlRequest {
            database: database.name.to_string(),
            sql: checks::wrapped(&self.select, &clauses.levels),
            params: tasks::parameters(Window { start: 0, stop: 1 }),
            timeout: None,
            access: Access::Read,
            caller: context.caller.clone(),
        };
        let described = context.engine.describe(request).await?;
        let columns = described.schema;
        let missing = |name: &&String| columns.field_with_name(name).is_err();
        if let Some(name) = clauses.series.iter().find(missing) {
            return Err(Error::InvalidCheck {
                problem: format!("SERIES BY names '{name}', which is no column of the result"),
            });
        }
        Ok(())
    }

    fn record(
        &self,
        id: catalog::RecordId,
        context: &Context<'_>,
        database: &Database,
        now: i64,
    ) -> Check {
        let task = Task {
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
        let mut check = Check {
            task,
            levels: Vec::new(),
            series: Vec::new(),
            worse_for_nanos: 0,
            better_for_nanos: 0,
            silence: None,
            forget_after_nanos: None,
            message: String::new(),
            v2: None,
        };
        self.fill(&mut check, context);
        debug_assert!(CheckRules::of(&check).is_ok(), "levels are some");
        check
    }

    fn fill(&self, check: &mut Check, context: &Context<'_>) {
        let clauses = &self.clauses;
        self.frame.fill(&mut check.task, context.caller);
        if !self.frame.has_disable_after {
            // Nobody should find out later that nobody was looking.
            check.task.options.disable_after = 0;
        }
        check.task.statement.clone_from(&self.select);
        check.levels.clone_from(&clauses.levels);
        check.series.clone_from(&clauses.series);
        check.worse_for_nanos = clauses.worse_for_nanos;
        check.better_for_nanos = clauses.better_for_nanos;
        check.silence.clone_from(&clauses.silence);
        check.forget_after_nanos = clauses.forget_after_nanos;
        check.message = clauses
            .message
            .clone()
            .unwrap_or_else(|| MESSAGE.to_owned());
        check.v2 = None;
    }
}
