//! `EXPORT MODEL name`, `EXPORT MODEL 'name@3'`: a model as JSON, for `CREATE MODEL … FROM JSON`.

use async_trait::async_trait;
use catalog::Action;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["EXPORT", "MODEL"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Returns a model as JSON. It changes nothing, but is no query either: its row may have many megabytes.
#[derive(Debug)]
struct ExportModel {
    /// The name, with `@` and a number for a version.
    model: String,
}

fn parse(parser: &mut Parser<'_>) -> Result<ExportModel> {
    let is_text = matches!(parser.peek_token_ref().token, Token::SingleQuotedString(_));
    let model = match is_text {
        true => grammar::text(parser)?,
        false => grammar::column(parser)?,
    };
    Ok(ExportModel { model })
}

#[async_trait]
impl Change for ExportModel {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Read)
    }

    fn columns(&self) -> &'static [&'static str] {
        &["model"]
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let engine = context.engine;
        let json = engine.export_model(context.database, &self.model, context.caller);
        Ok(Done::Row(vec![Some(json.await?)]))
    }
}
