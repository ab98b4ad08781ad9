//! `KEEP TABLE t RAW FOR '30d', '1m' FOR '90d', '5m' FOR '365d'`: how long rows are kept, and what is kept of them
//! for longer.
//!
//! ```text
//! KEEP TABLE t RAW FOR '30d' {, '1m' FOR '90d'} [BY (tag, …)] [AGGREGATE …]
//! ```
//!
//! Each length but the first is a rollup called by table and length, as `t_1m`, computed from the one before
//! it. Those that are there already are kept, and get the retention that is said. What is kept for less long
//! is shortened only when the next level has taken it in.

use std::time::Duration;

use async_trait::async_trait;
use catalog::{Action, Database, Retention, TableOptions};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use tokio::time::Instant;

use super::create_rollup::{self, Content, CreateRollup};
use super::{Change, Context, Done, Form, Statement, grammar, rollup, task};
use crate::caller::Need;
use crate::error::{Error, Result};

pub(super) const FORM: Form = Form {
    words: &["KEEP", "TABLE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// How often it is looked whether the next level is filled.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Says how long rows are kept.
#[derive(Debug)]
struct KeepTable {
    table: String,
    raw: Retention,
    levels: Vec<Level>,
    content: Content,
}

#[derive(Debug)]
struct Level {
    /// As it is written, which names the rollup.
    length: String,
    every_nanos: i64,
    retention: Retention,
}

fn parse(parser: &mut Parser<'_>) -> Result<KeepTable> {
    let table = grammar::table(parser)?;
    grammar::expect(parser, "RAW")?;
    grammar::expect(parser, "FOR")?;
    let raw = grammar::retention(parser)?;
    let mut levels = Vec::new();
    while parser.consume_token(&Token::Comma) {
        let Token::SingleQuotedString(length) = parser.peek_token_ref().token.clone() else {
            return Err(grammar::unexpected(parser, "the length of a window"));
        };
        let every_nanos = rollup::length(parser)?;
        grammar::expect(parser, "FOR")?;
        let length = length.split_whitespace().collect();
        levels.push(Level {
            length,
            every_nanos,
            retention: grammar::retention(parser)?,
        });
    }
    let mut content = Content::default();
    while create_rollup::content(parser, &mut content)? {}
    Ok(KeepTable {
        table,
        raw,
        levels,
        content,
    })
}

#[async_trait]
impl Change for KeepTable {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Admin, &self.table)
    }

    fn needs_turn(&self) -> bool {
        // What it waits for needs one.
        false
    }

    fn takes_long(&self) -> bool {
        true
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let tables = self.make_levels(&context, &database).await?;
        let kept = [self.raw].into_iter();
        let kept = kept.chain(self.levels.iter().map(|level| level.retention));
        // The coarsest first: nothing waits for it.
        let all: Vec<_> = tables.iter().zip(kept).enumerate().collect();
        for (at, (table, retention)) in all.into_iter().rev() {
            if let Some(next) = tables.get(at + 1) {
                self.wait_for(&context, &database, next, retention).await?;
            }
            let options = TableOptions {
                retention: Some(Some(retention)),
                ..TableOptions::default()
            };
            let catalog = context.catalog;
            catalog
                .set_table_options(&database.name, table, options)
                .await?;
        }
        Ok("retention set".into())
    }
}

impl KeepTable {
    /// Makes the rollups that are not there, unless one that is there cannot be used. Returns the tables,
    /// that of raw rows first.
    async fn make_levels(&self, context: &Context<'_>, database: &Database) -> Result<Vec<String>> {
        let names = self.levels.iter().map(|level| self.name_of(level));
        let tables: Vec<String> = [self.table.clone()].into_iter().chain(names).collect();
        let state = context.catalog.state();
        let mut missing = Vec::new();
        for (level, pair) in self.levels.iter().zip(tables.windows(2)) {
            let (source, name) = (&pair[0], &pair[1]);
            let need = Need::Table(Action::Admin, name);
            context.caller.require(need, &database.name)?;
            match create_rollup::existing(&state, database, name) {
                None => missing.push((level, source, name)),
                Some(known) => {
                    let of = state
                        .database(&database.name)
                        .and_then(|it| it.table(source));
                    if of.is_none_or(|of| of.id != known.source) {
                        let problem =
                            format!("'{name}' is there already and is not made of '{source}'");
                        return Err(Error::InvalidRollup { problem });
                    }
                    if known.every_nanos != level.every_nanos {
                        let problem = format!("'{name}' is there already with other windows");
                        return Err(Error::InvalidRollup { problem });
                    }
                }
            }
        }
        for (level, source, name) in missing {
            let create = CreateRollup {
                name: name.clone(),
                table: source.clone(),
                every_nanos: level.every_nanos,
                content: self.content.clone(),
                retention: Some(Retention::Forever),
                lag_nanos: None,
                is_paused: false,
                if_not_exists: false,
            };
            create.create(context, database).await?;
        }
        Ok(tables)
    }

    fn name_of(&self, level: &Level) -> String {
        format!("{}_{}", self.table, level.length)
    }

    /// Waits until a rollup has taken in what its source is not to keep any more.
    async fn wait_for(
        &self,
        context: &Context<'_>,
        database: &Database,
        rollup: &str,
        retention: Retention,
    ) -> Result<()> {
        let filling = || Error::RollupsFilling {
            table: self.table.clone(),
        };
        let rollup = create_rollup::existing(&context.catalog.state(), database, rollup);
        let rollup = rollup.ok_or_else(filling)?;
        loop {
            let earliest = retention.earliest(context.clock.now_nanos());
            let oldest = context.storage.snapshot(rollup.source);
            let oldest = oldest.and_then(|source| source.time_range());
            if oldest.is_none_or(|range| *range.start() >= earliest) {
                return Ok(());
            }
            let changes = context.storage.changes(rollup.id);
            let first = changes.map(|changes| changes.changed.first().map(|it| it.start));
            if first.is_some_and(|first| first.is_none_or(|first| first >= earliest)) {
                return Ok(());
            }
            if Instant::now() + LOOK_EVERY >= context.deadline.at {
                return Err(filling());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
