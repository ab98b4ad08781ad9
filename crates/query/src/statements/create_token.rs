//! `CREATE TOKEN name READ ON db, WRITE ON db.table, … [EXPIRES '90d' | NEVER]`.
//!
//! ```text
//! rights := ADMIN | right {, right}
//! right  := (READ | WRITE | ADMIN) ON database [. table]
//! ```
//!
//! Databases and tables are names, or patterns in quotes in which `*` stands for any characters. Without
//! `EXPIRES` a token expires after 90 days, but for one that administers the server, which never does.

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use catalog::{Action, Pattern, Right, Rights, Token};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token as Word;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["CREATE", "TOKEN"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// How long a token lasts that does not administer the server: 90 days.
const LIFETIME_NANOS: u64 = 90 * 86_400_000_000_000;

/// The columns of what those return that make a secret.
pub(super) const COLUMNS: &[&str] = &["token_name", "token", "permissions", "expires_at"];

/// Makes a token.
#[derive(Debug)]
struct CreateToken {
    name: String,
    rights: Rights,
    /// Nanoseconds; `None` is for ever.
    lifetime: Option<u64>,
}

fn parse(parser: &mut Parser<'_>) -> Result<CreateToken> {
    let name = grammar::name(parser)?;
    let rights = rights(parser)?;
    let default = (!rights.are_administrator()).then_some(LIFETIME_NANOS);
    Ok(CreateToken {
        name,
        lifetime: lifetime(parser)?.unwrap_or(default),
        rights,
    })
}

fn rights(parser: &mut Parser<'_>) -> Result<Rights> {
    let mut rights = Vec::new();
    loop {
        let actions = [Action::Read, Action::Write, Action::Admin];
        let mut actions = actions.into_iter();
        let Some(action) = actions.find(|action| grammar::word(parser, action.name())) else {
            return Err(grammar::unexpected(parser, "READ, WRITE or ADMIN"));
        };
        rights.push(match grammar::word(parser, "ON") {
            true => on(parser, action)?,
            false if action == Action::Admin => Right::everywhere(action),
            false => return Err(grammar::unexpected(parser, "ON and a database")),
        });
        if !parser.consume_token(&Word::Comma) {
            return Ok(rights.into());
        }
    }
}

fn on(parser: &mut Parser<'_>, action: Action) -> Result<Right> {
    let database = pattern(parser)?;
    let tables = match parser.consume_token(&Word::Period) {
        true => vec![pattern(parser)?],
        false => vec![],
    };
    Ok(Right {
        action,
        database,
        tables,
    })
}

fn pattern(parser: &mut Parser<'_>) -> Result<Pattern> {
    if parser.consume_token(&Word::Mul) {
        return Ok(Pattern::any());
    }
    let name = grammar::name(parser)?;
    name.parse()
        .map_err(|error: catalog::InvalidPattern| grammar::syntax(&error.to_string()))
}

/// How long a token is to last, if that is said; within, `None` is for ever.
pub(super) fn lifetime(parser: &mut Parser<'_>) -> Result<Option<Option<u64>>> {
    if !grammar::word(parser, "EXPIRES") {
        return Ok(None);
    }
    Ok(Some(match grammar::word(parser, "NEVER") {
        true => None,
        false => Some(length(&grammar::text(parser)?)?),
    }))
}

/// A length of time, in nanoseconds; it may be none.
pub(super) fn length(text: &str) -> Result<u64> {
    let length = humantime::parse_duration(text).ok();
    let nanos = length.and_then(|length| u64::try_from(length.as_nanos()).ok());
    nanos.ok_or_else(|| grammar::syntax("expected a length of time such as '90d', '1h' or '0s'"))
}

/// A time so long after another.
pub(super) fn after(now_nanos: i64, nanos: u64) -> i64 {
    now_nanos.saturating_add_unsigned(nanos)
}

/// What the holder of a token is to know of it.
pub(super) fn told(token: &Token, shown: String) -> Done {
    let expires_at = token.expires_at_nanos.and_then(|at| u64::try_from(at).ok());
    let expires_at = expires_at.map(|at| {
        let at = UNIX_EPOCH + Duration::from_nanos(at);
        humantime::format_rfc3339_seconds(at).to_string()
    });
    Done::Row(vec![
        Some(token.name.clone()),
        Some(shown),
        Some(token.rights.to_string()),
        expires_at,
    ])
}

#[async_trait]
impl Change for CreateToken {
    fn need(&self) -> Need<'_> {
        Need::Server
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [&'static str] {
        COLUMNS
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let now = context.clock.now_nanos();
        let expires_at_nanos = self.lifetime.map(|lifetime| after(now, lifetime));
        let make = |id, secret| Token {
            expires_at_nanos,
            ..Token::new(id, &self.name, secret, self.rights.clone(), now)
        };
        let (token, shown) = context.catalog.issue_token(make).await?;
        Ok(told(&token, shown))
    }
}
