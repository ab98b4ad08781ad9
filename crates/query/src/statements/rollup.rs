//! What statements about rollups have in common.

use std::sync::Arc;

use catalog::{Action, Database, RecordKind, Rollup};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Context, grammar};
use crate::error::Result;

/// The longest window, and the longest that is waited: a hundred years.
const LENGTH_MAX_NANOS: u128 = 100 * 366 * 86_400 * 1_000_000_000;

/// The length of a window in quotes, a millisecond or more.
pub(super) fn length(parser: &mut Parser<'_>) -> Result<i64> {
    let text = grammar::window(parser, "days")?;
    let nanos = nanos(&text).filter(|nanos| *nanos >= 1_000_000);
    nanos.ok_or_else(|| {
        grammar::syntax(&format!(
            "'{text}' is not the length of a window, such as '1m'"
        ))
    })
}

/// A length of time in quotes, which may be none.
pub(super) fn lag(parser: &mut Parser<'_>) -> Result<i64> {
    let text = grammar::text(parser)?;
    nanos(&text)
        .ok_or_else(|| grammar::syntax(&format!("'{text}' is not a length of time, such as '10s'")))
}

fn nanos(text: &str) -> Option<i64> {
    if text.trim() == "0" {
        return Some(0);
    }
    let length = humantime::parse_duration(text.trim()).ok()?;
    let nanos = length.as_nanos();
    (nanos <= LENGTH_MAX_NANOS).then(|| i64::try_from(nanos).ok())?
}

/// A rollup that the caller may change: it is theirs, or they administer its database.
pub(super) fn find(context: &Context<'_>, database: &Database, name: &str) -> Result<Arc<Rollup>> {
    let state = context.catalog.state();
    let rollup = state.rollup_named(database.id, name);
    let caller = context.caller;
    let is_theirs = |rollup: &&Arc<Rollup>| {
        let is_owner = rollup.owner.is_some() && rollup.owner == caller.identity;
        is_owner || caller.may(Action::Admin, &database.name, None)
    };
    rollup.filter(is_theirs).map(Arc::clone).ok_or_else(|| {
        let (kind, name) = (RecordKind::Rollup, name.to_owned());
        catalog::Error::RecordNotFound { kind, name }.into()
    })
}
