//! `DROP ROLLUP [IF EXISTS] name [WITH TABLE]`: it is kept up to date no more. Its table stays as an ordinary one,
//! or goes too, to be brought back by `UNDROP TABLE` like any other.

use async_trait::async_trait;
use catalog::Rollup;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar, rollup, task};
use crate::caller::Need;
use crate::error::{Error, Result};

pub(super) const FORM: Form = Form {
    words: &["DROP", "ROLLUP"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Takes a rollup away.
#[derive(Debug)]
struct DropRollup {
    name: String,
    if_exists: bool,
    with_table: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<DropRollup> {
    let if_exists = grammar::if_exists(parser);
    let name = grammar::table(parser)?;
    let with_table = grammar::word(parser, "WITH");
    if with_table {
        grammar::expect(parser, "TABLE")?;
    }
    Ok(DropRollup {
        name,
        if_exists,
        with_table,
    })
}

#[async_trait]
impl Change for DropRollup {
    fn need(&self) -> Need<'_> {
        Need::Own
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let rollup = match rollup::find(&context, &database, &self.name) {
            Ok(rollup) => rollup,
            Err(Error::Catalog(catalog::Error::RecordNotFound { .. })) if self.if_exists => {
                return Ok("no such rollup".into());
            }
            Err(error) => return Err(error),
        };
        let state = context.catalog.state();
        let mut rollups = state.rollups();
        if let Some(coarser) = rollups.find(|coarser| coarser.source == rollup.target) {
            let problem = format!("'{}' is computed from it; drop that first", coarser.name);
            return Err(Error::InvalidRollup { problem });
        }
        context.catalog.remove_record::<Rollup>(rollup.id).await?;
        context.engine.rollups().wake();
        if !self.with_table {
            return Ok("rollup dropped".into());
        }
        if let Some(table) = state.table(rollup.target) {
            let now = context.clock.now_nanos();
            let catalog = context.catalog;
            catalog.drop_table(&database.name, &table.name, now).await?;
        }
        Ok("rollup and table dropped".into())
    }
}
