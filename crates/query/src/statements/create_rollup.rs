//! `CREATE ROLLUP [IF NOT EXISTS] name ON table …`.
//!
//! ```text
//! CREATE ROLLUP [IF NOT EXISTS] name ON table EVERY '1m'
//!     [BY (tag, …)] [AGGREGATE *|what, …] [RETAIN '365d' | RETAIN FOREVER] [LAG '10s'] [PAUSED]
//!
//! what := count(field) | sum(field) | avg(field) | min(field) | max(field) | first(field) | last(field)
//!       | sketch(field) | field
//! ```
//!
//! Its rows go to a table of its name, which must not be there yet.

use std::sync::Arc;

use async_trait::async_trait;
use catalog::{
    Action, ColumnKind, Database, FieldType, Retention, Rollup, RollupField, RollupFunction, State,
    Table, TableExtension,
};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Change, Context, Done, Form, Statement, grammar, rollup, task};
use crate::caller::Need;
use crate::error::{Error, Result};
use crate::rollups::{layout, up};

pub(super) const FORM: Form = Form {
    words: &["CREATE", "ROLLUP"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// What is waited for late rows, if nothing is said.
const LAG_NANOS: i64 = 10_000_000_000;

/// Makes a rollup.
#[derive(Debug, Clone)]
pub(super) struct CreateRollup {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) every_nanos: i64,
    pub(super) content: Content,
    /// As long as the database says, if it says nothing itself.
    pub(super) retention: Option<Retention>,
    pub(super) lag_nanos: Option<i64>,
    pub(super) is_paused: bool,
    pub(super) if_not_exists: bool,
}

/// What is kept of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) by: Option<Vec<String>>,
    pub(super) fields: Vec<RollupField>,
}

fn parse(parser: &mut Parser<'_>) -> Result<CreateRollup> {
    let if_not_exists = grammar::if_not_exists(parser);
    let name = grammar::table(parser)?;
    grammar::expect(parser, "ON")?;
    let table = grammar::table(parser)?;
    grammar::expect(parser, "EVERY")?;
    let mut create = CreateRollup {
        name,
        table,
        every_nanos: rollup::length(parser)?,
        content: Content::default(),
        retention: None,
        lag_nanos: None,
        is_paused: false,
        if_not_exists,
    };
    loop {
        if content(parser, &mut create.content)? {
            continue;
        }
        if grammar::word(parser, "RETAIN") {
            create.retention = Some(grammar::retention(parser)?);
        } else if grammar::word(parser, "LAG") {
            create.lag_nanos = Some(rollup::lag(parser)?);
        } else if grammar::word(parser, "PAUSED") {
            create.is_paused = true;
        } else {
            return Ok(create);
        }
    }
}

/// `BY …` or `AGGREGATE …`, if that comes next.
pub(super) fn content(parser: &mut Parser<'_>, content: &mut Content) -> Result<bool> {
    if grammar::word(parser, "BY") {
        content.by = Some(tags(parser)?);
    } else if grammar::word(parser, "AGGREGATE") {
        content.fields = fields(parser)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Names, in parentheses or not; `()` are none.
fn tags(parser: &mut Parser<'_>) -> Result<Vec<String>> {
    let mut tags = Vec::new();
    let in_parentheses = parser.consume_token(&Token::LParen);
    if in_parentheses && parser.consume_token(&Token::RParen) {
        return Ok(tags);
    }
    loop {
        tags.push(grammar::column(parser)?);
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    if in_parentheses {
        parser
            .expect_token(&Token::RParen)
            .map_err(grammar::invalid)?;
    }
    Ok(tags)
}

fn fields(parser: &mut Parser<'_>) -> Result<Vec<RollupField>> {
    let mut fields: Vec<RollupField> = Vec::new();
    if parser.consume_token(&Token::Mul) {
        return Ok(fields);
    }
    loop {
        let word = grammar::column(parser)?;
        let (field, functions) = match parser.consume_token(&Token::LParen) {
            // Everything there is to be had, which is looked up when it runs.
            false => (word, Vec::new()),
            true => {
                let field = grammar::column(parser)?;
                parser
                    .expect_token(&Token::RParen)
                    .map_err(grammar::invalid)?;
                (field, functions(&word)?)
            }
        };
        match fields.iter_mut().find(|known| known.field == field) {
            Some(known) if known.functions.is_empty() || functions.is_empty() => {
                known.functions.clear();
            }
            Some(known) => known.functions.extend(functions),
            None => fields.push(RollupField { field, functions }),
        }
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    for field in &mut fields {
        field.functions.sort_unstable();
        field.functions.dedup();
    }
    Ok(fields)
}

/// What has to be kept for an aggregate.
fn functions(name: &str) -> Result<Vec<RollupFunction>> {
    if name == "avg" {
        return Ok(vec![RollupFunction::Count, RollupFunction::Sum]);
    }
    let known = RollupFunction::of_name(name).map(|function| vec![function]);
    known.ok_or_else(|| {
        let names = RollupFunction::ALL.map(RollupFunction::name).join(", ");
        grammar::syntax(&format!("a rollup keeps {names} and avg, not {name}"))
    })
}

#[async_trait]
impl Change for CreateRollup {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Write, &self.name)
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        context
            .caller
            .require(Need::Table(Action::Read, &self.table), &database.name)?;
        let state = context.catalog.state();
        let exists = state.rollup_named(database.id, &self.name).is_some();
        if exists && self.if_not_exists {
            return Ok("the rollup exists already".into());
        }
        self.create(&context, &database).await?;
        Ok("rollup created".into())
    }
}

impl CreateRollup {
    /// Makes the rollup and its table.
    pub(super) async fn create(&self, context: &Context<'_>, database: &Database) -> Result<()> {
        let state = context.catalog.state();
        let source = state
            .database(&database.name)
            .and_then(|it| it.table(&self.table));
        let source = source.ok_or_else(|| catalog::Error::TableNotFound {
            name: self.table.clone(),
        })?;
        let now = context.clock.now_nanos();
        let mut record = self.record(context, &state, source, now);
        let columns = self.check(&state, source, &mut record)?;
        let table = TableExtension {
            table: self.name.clone(),
            columns,
        };
        let created = context
            .catalog
            .create_table(&database.name, &table, self.retention)
            .await?;
        let target = created
            .database(&database.name)
            .and_then(|it| it.table(&self.name));
        let target = target.ok_or_else(|| catalog::Error::TableNotFound {
            name: self.name.clone(),
        })?;
        record.target = target.id;
        let made = context.catalog.create_record(|id| Rollup {
            id,
            ..record.clone()
        });
        if let Err(error) = made.await {
            // Nobody has written to it.
            context
                .catalog
                .purge_table(&database.name, &self.name)
                .await?;
            return Err(error.into());
        }
        context.engine.rollups().wake();
        Ok(())
    }

    fn record(&self, context: &Context<'_>, state: &State, source: &Table, now: i64) -> Rollup {
        let finer = state.rollup_in(source.id);
        let since = state.retention_of(source).earliest(now);
        let since = finer.map_or(since, |finer| since.max(finer.since_nanos));
        let owner = context.caller.token.as_deref().unwrap_or_default();
        Rollup {
            id: catalog::RecordId(0),
            database: source.database,
            name: self.name.clone(),
            source: source.id,
            target: source.id,
            every_nanos: self.every_nanos,
            by: self.content.by.clone(),
            fields: self.content.fields.clone(),
            lag_nanos: self.lag_nanos.unwrap_or(LAG_NANOS.min(self.every_nanos)),
            since_nanos: up(since, self.every_nanos),
            is_paused: self.is_paused,
            touched: Vec::new(),
            last_touched: 0,
            owner: context.caller.identity,
            owner_name: owner.to_owned(),
            created_at_nanos: now,
            updated_at_nanos: now,
        }
    }

    /// Fails when there can be no such rollup; otherwise the columns of its table.
    fn check(
        &self,
        state: &State,
        source: &Table,
        record: &mut Rollup,
    ) -> Result<Vec<(String, ColumnKind)>> {
        let invalid = |problem: String| Error::InvalidRollup { problem };
        if let Some(finer) = state.rollup_in(source.id) {
            if self.every_nanos % finer.every_nanos != 0 || self.every_nanos == finer.every_nanos {
                return Err(invalid(format!(
                    "its windows are not made of whole windows of '{}'",
                    finer.name
                )));
            }
            if layout::finer(state, record).count() >= layout::LEVELS_MAX {
                let levels = layout::LEVELS_MAX;
                return Err(invalid(format!("no more than {levels} sum up one another")));
            }
        }
        let whole = layout::of_source(state, source);
        let whole = whole.ok_or_else(|| invalid("its source is not there".to_owned()))?;
        for field in &mut record.fields {
            let known = whole.fields.iter().find(|known| known.name == field.field);
            if let (true, Some(known)) = (field.functions.is_empty(), known) {
                field.functions.clone_from(&known.functions);
            }
        }
        layout::check_fields(&whole, &record.fields)?;
        let mut tags = self.content.by.iter().flatten();
        if let Some(tag) = tags.find(|tag| !whole.tags.contains(tag)) {
            return Err(invalid(format!("its source has no tag '{tag}'")));
        }
        let layout = layout::of(state, record);
        let layout = layout.ok_or_else(|| invalid("its source is not there".to_owned()))?;
        layout::check(&layout)?;
        Ok(columns(&layout))
    }
}

/// The columns of the table.
fn columns(layout: &layout::Layout) -> Vec<(String, ColumnKind)> {
    let integer = ColumnKind::Field(FieldType::Integer);
    let tags = layout.tags.iter().map(|tag| (tag.clone(), ColumnKind::Tag));
    let rows = [layout::ROWS, layout::TIME_FIRST, layout::TIME_LAST];
    let rows = rows.map(|name| (name.to_owned(), integer));
    let mut columns: Vec<_> = tags.chain(rows).collect();
    for field in &layout.fields {
        for function in &field.functions {
            let kind = match function {
                RollupFunction::Count => integer,
                RollupFunction::Sketch => ColumnKind::Field(FieldType::String),
                _ => ColumnKind::Field(field.kind),
            };
            columns.push((field.column(*function), kind));
            if matches!(function, RollupFunction::First | RollupFunction::Last) {
                columns.push((field.time_column(*function), integer));
            }
        }
    }
    columns
}

/// A rollup of this name, if there is one.
pub(super) fn existing(state: &State, database: &Database, name: &str) -> Option<Arc<Rollup>> {
    state.rollup_named(database.id, name).map(Arc::clone)
}
