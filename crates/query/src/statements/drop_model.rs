//! `DROP MODEL [IF EXISTS] name`.

use async_trait::async_trait;
use catalog::{Action, RecordKind};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::{Error, Result};

pub(super) const FORM: Form = Form {
    words: &["DROP", "MODEL"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Takes a model away, with all its versions.
#[derive(Debug)]
struct DropModel {
    name: String,
    if_exists: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<DropModel> {
    Ok(DropModel {
        if_exists: grammar::if_exists(parser),
        name: grammar::column(parser)?,
    })
}

#[async_trait]
impl Change for DropModel {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Write)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let engine = context.engine;
        let dropped = engine.drop_model(context.database, &self.name, context.caller);
        match dropped.await {
            Err(Error::Catalog(catalog::Error::RecordNotFound {
                kind: RecordKind::Model,
                ..
            })) if self.if_exists => Ok("no such model".into()),
            dropped => Ok(dropped.map(|()| "model dropped".into())?),
        }
    }
}
