//! What statements about endpoints, rules and the like have in common.

use std::sync::Arc;

use catalog::{Database, Endpoint, RecordKind, TagCondition};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use notify::Kind;

use super::{Context, grammar};
use crate::error::{Error, Result};

/// An endpoint of a database.
pub(super) fn find(
    context: &Context<'_>,
    database: &Database,
    name: &str,
) -> Result<Arc<Endpoint>> {
    let state = context.catalog.state();
    let endpoint = state.endpoint_named(database.id, name).map(Arc::clone);
    endpoint.ok_or_else(|| {
        let (kind, name) = (RecordKind::Endpoint, name.to_owned());
        catalog::Error::RecordNotFound { kind, name }.into()
    })
}

/// An endpoint that must be of this kind.
pub(super) fn of_kind(
    context: &Context<'_>,
    database: &Database,
    name: &str,
    kind: Kind,
) -> Result<Arc<Endpoint>> {
    let endpoint = find(context, database, name)?;
    match Kind::of_name(&endpoint.kind)? == kind {
        true => Ok(endpoint),
        false => Err(Error::InvalidTask {
            problem: format!("rows go to endpoints of kind {}", kind.name()),
        }),
    }
}

/// `tag = 'text' AND tag ~ 'pattern' AND …`
pub(super) fn conditions(parser: &mut Parser<'_>) -> Result<Vec<TagCondition>> {
    let mut conditions = Vec::new();
    loop {
        let tag = grammar::column(parser)?;
        let operator = match parser.next_token().token {
            Token::Eq => "=",
            Token::Neq => "!=",
            Token::Tilde => "~",
            Token::ExclamationMarkTilde => "!~",
            _ => {
                parser.prev_token();
                return Err(grammar::unexpected(parser, "=, !=, ~ or !~"));
            }
        };
        conditions.push(TagCondition {
            tag,
            operator: operator.to_owned(),
            value: grammar::text(parser)?,
        });
        if !parser.parse_keyword(Keyword::AND) {
            return Ok(conditions);
        }
    }
}

/// `IN database`, if that comes next.
pub(super) fn in_database(parser: &mut Parser<'_>) -> Result<Option<String>> {
    match parser.parse_keyword(Keyword::IN) {
        true => grammar::database(parser).map(Some),
        false => Ok(None),
    }
}

/// A length of time in quotes, in nanoseconds.
pub(super) fn length(parser: &mut Parser<'_>) -> Result<u64> {
    let nanos = automation::length(&grammar::text(parser)?)?;
    Ok(nanos.unsigned_abs())
}

/// `(name, name)`.
pub(super) fn names(parser: &mut Parser<'_>) -> Result<Vec<String>> {
    parser
        .expect_token(&Token::LParen)
        .map_err(grammar::invalid)?;
    let mut names = vec![grammar::name(parser)?];
    while parser.consume_token(&Token::Comma) {
        names.push(grammar::name(parser)?);
    }
    parser
        .expect_token(&Token::RParen)
        .map_err(grammar::invalid)?;
    Ok(names)
}
