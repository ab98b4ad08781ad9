//! `REFRESH ROLLUP name FROM 'time' TO 'time'`: computes windows again, as soon as may be. Those whose raw rows are
//! not kept any more stay as they are.

use std::ops::Range;

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use async_trait::async_trait;
use catalog::Rollup;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar, rollup, task};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["REFRESH", "ROLLUP"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Has windows computed again.
#[derive(Debug)]
struct RefreshRollup {
    name: String,
    times: Range<i64>,
}

fn parse(parser: &mut Parser<'_>) -> Result<RefreshRollup> {
    let name = grammar::table(parser)?;
    grammar::expect(parser, "FROM")?;
    let start = time(parser)?;
    grammar::expect(parser, "TO")?;
    let times = start..time(parser)?;
    match times.is_empty() {
        false => Ok(RefreshRollup { name, times }),
        true => Err(grammar::syntax(
            "the time after FROM must be before that after TO",
        )),
    }
}

fn time(parser: &mut Parser<'_>) -> Result<i64> {
    let text = grammar::text(parser)?;
    string_to_timestamp_nanos(&text).map_err(|error| grammar::syntax(&error.to_string()))
}

#[async_trait]
impl Change for RefreshRollup {
    fn need(&self) -> Need<'_> {
        Need::Own
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let rollup = rollup::find(&context, &database, &self.name)?;
        // Where there are no rows, neither here nor there, nothing is to be computed.
        let tables = [rollup.source, rollup.target].into_iter();
        let there = tables.filter_map(|table| context.storage.snapshot(table)?.time_range());
        let there = there.reduce(|a, b| *a.start().min(b.start())..=*a.end().max(b.end()));
        let Some(there) = there else {
            return Ok("there is nothing to compute".into());
        };
        let start = self.times.start.max(*there.start());
        let times = start..self.times.end.min(there.end().saturating_add(1));
        if times.is_empty() {
            return Ok("there is nothing to compute".into());
        }
        // First in memory: a note of what nobody is to compute would be taken back.
        context.storage.sweep(rollup.id, times.clone());
        let change = |rollup: &mut Rollup| {
            rollup.touch(times.clone());
            Ok(())
        };
        context.catalog.change_record(rollup.id, change).await?;
        context.engine.rollups().wake();
        Ok("windows are being computed".into())
    }
}
