//! `DELETE FROM table WHERE condition`.

use async_trait::async_trait;
use catalog::Action;
use datafusion::sql::sqlparser::ast::{FromTable, Statement as Sql, TableFactor};
use datafusion::sql::sqlparser::parser::Parser;

use super::grammar::{invalid, syntax, table_of, unexpected};
use super::{Change, Context, Done, Form, Statement, condition};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["DELETE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Deletes the rows of a table that match.
#[derive(Debug)]
struct Delete {
    table: String,
    /// Kept as text, to be planned like that of a query.
    condition: String,
}

fn parse(parser: &mut Parser<'_>) -> Result<Delete> {
    let word = parser.get_current_token().clone();
    let Sql::Delete(delete) = parser.parse_delete(word).map_err(invalid)? else {
        return Err(unexpected(parser, "DELETE"));
    };
    let is_plain = delete.tables.is_empty()
        && delete.using.is_none()
        && delete.returning.is_none()
        && delete.order_by.is_empty()
        && delete.limit.is_none();
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = delete.from;
    let table = match &from[..] {
        [only] if only.joins.is_empty() => match &only.relation {
            TableFactor::Table {
                name, alias: None, ..
            } => Some(table_of(name)?),
            _ => None,
        },
        _ => None,
    };
    let (Some(table), true) = (table, is_plain) else {
        return Err(syntax(
            "only DELETE FROM table WHERE condition is supported",
        ));
    };
    let condition = delete.selection.ok_or_else(|| {
        syntax("DELETE needs a WHERE condition; WHERE true deletes every row of the table")
    })?;
    Ok(Delete {
        table,
        condition: condition.to_string(),
    })
}

#[async_trait]
impl Change for Delete {
    fn need(&self) -> Need<'_> {
        Need::Table(Action::Write, &self.table)
    }

    fn concerned_rows(&self) -> Option<String> {
        Some(condition::rows_of(&self.table, &self.condition))
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let session = context.session?;
        let Self { table, condition } = *self;
        let target = condition::target(&session, &table, &condition, context.params).await?;
        context.storage.delete_rows(vec![target]).await?;
        Ok("rows deleted".into())
    }
}
