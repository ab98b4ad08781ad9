//! `ALTER ROLLUP name PAUSE | RESUME | SET RETAIN '365d' | SET LAG '10s'`.
//!
//! What changes while a rollup is paused is computed when it is resumed, unless its raw rows are not kept any more
//! by then.

use async_trait::async_trait;
use catalog::{Retention, Rollup, TableOptions};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar, rollup, task};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["ALTER", "ROLLUP"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Changes a rollup.
#[derive(Debug)]
struct AlterRollup {
    name: String,
    change: What,
}

#[derive(Debug)]
enum What {
    Pause,
    Resume,
    /// `None` is as long as the database says.
    Retain(Option<Retention>),
    Lag(i64),
}

fn parse(parser: &mut Parser<'_>) -> Result<AlterRollup> {
    let name = grammar::table(parser)?;
    let change = if grammar::word(parser, "PAUSE") {
        What::Pause
    } else if grammar::word(parser, "RESUME") {
        What::Resume
    } else if grammar::word(parser, "SET") {
        if grammar::word(parser, "LAG") {
            What::Lag(rollup::lag(parser)?)
        } else {
            grammar::expect(parser, "RETAIN")?;
            What::Retain(match grammar::word(parser, "DEFAULT") {
                true => None,
                false => Some(grammar::retention(parser)?),
            })
        }
    } else {
        let wanted = "PAUSE, RESUME, SET RETAIN or SET LAG";
        return Err(grammar::unexpected(parser, wanted));
    };
    Ok(AlterRollup { name, change })
}

#[async_trait]
impl Change for AlterRollup {
    fn need(&self) -> Need<'_> {
        Need::Own
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let rollup = rollup::find(&context, &database, &self.name)?;
        let now = context.clock.now_nanos();
        let change = |rollup: &mut Rollup| {
            match self.change {
                What::Pause => rollup.is_paused = true,
                What::Resume => rollup.is_paused = false,
                What::Lag(nanos) => rollup.lag_nanos = nanos,
                What::Retain(_) => {}
            }
            rollup.updated_at_nanos = now;
            Ok(())
        };
        context.catalog.change_record(rollup.id, change).await?;
        if let What::Retain(retention) = self.change {
            let options = TableOptions {
                retention: Some(retention),
                ..TableOptions::default()
            };
            let state = context.catalog.state();
            let table = state.table(rollup.target);
            let table = table.ok_or_else(|| catalog::Error::TableNotFound {
                name: rollup.name.clone(),
            })?;
            let catalog = context.catalog;
            catalog
                .set_table_options(&database.name, &table.name, options)
                .await?;
        }
        context.engine.rollups().wake();
        Ok(match self.change {
            What::Pause => "rollup paused",
            What::Resume => "rollup resumed",
            What::Retain(_) => "retention set",
            What::Lag(_) => "lag set",
        }
        .into())
    }
}
