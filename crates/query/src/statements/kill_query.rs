//! `KILL QUERY 'id'`: stops a query that runs.

use async_trait::async_trait;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["KILL", "QUERY"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Stops a query. Its client is told at once; what it is computing ends at its next pause.
#[derive(Debug)]
struct KillQuery {
    id: String,
}

fn parse(parser: &mut Parser<'_>) -> Result<KillQuery> {
    let id = match &parser.peek_token_ref().token {
        Token::Number(digits, _) => {
            let digits = digits.clone();
            parser.next_token();
            digits
        }
        _ => grammar::text(parser)?,
    };
    Ok(KillQuery { id })
}

#[async_trait]
impl Change for KillQuery {
    fn need(&self) -> Need<'_> {
        Need::Own
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn needs_turn(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        context.registry.kill(&self.id, context.caller)?;
        Ok("query stopped".into())
    }
}
