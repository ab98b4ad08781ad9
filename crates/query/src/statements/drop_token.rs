//! `DROP TOKEN [IF EXISTS] name`: it lets nobody in any more, from the next request on.

use async_trait::async_trait;
use catalog::{RecordKind, Token};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["DROP", "TOKEN"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Takes a token away.
#[derive(Debug)]
struct DropToken {
    name: String,
    if_exists: bool,
}

fn parse(parser: &mut Parser<'_>) -> Result<DropToken> {
    Ok(DropToken {
        if_exists: grammar::if_exists(parser),
        name: grammar::name(parser)?,
    })
}

#[async_trait]
impl Change for DropToken {
    fn need(&self) -> Need<'_> {
        Need::Server
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let state = context.catalog.state();
        match state.token_named(&self.name) {
            Some(token) => {
                context.catalog.remove_record::<Token>(token.id).await?;
                Ok("token dropped".into())
            }
            None if self.if_exists => Ok("no such token".into()),
            None => {
                let (kind, name) = (RecordKind::Token, self.name);
                Err(catalog::Error::RecordNotFound { kind, name }.into())
            }
        }
    }
}
