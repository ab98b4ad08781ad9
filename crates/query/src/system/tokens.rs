//! `system.tokens`: what they are called and may do, never what they are made of. A caller who does not
//! administer the server sees their own.

use std::sync::Arc;

use catalog::Token;

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "tokens",
    columns: &[
        ("token_name", Type::Text),
        // What it may do: `admin` is everything.
        ("permissions", Type::Text),
        // As v2 and v3 have it.
        ("id", Type::Text),
        ("description", Type::Text),
        // Whether it lets anybody in.
        ("is_active", Type::Boolean),
        ("organization", Type::Text),
        ("user_name", Type::Text),
        // NULL if that is not known.
        ("created_at", Type::Time),
        ("updated_at", Type::Time),
        // NULL if it never does.
        ("expires_at", Type::Time),
        // Since the server started.
        ("last_used_at", Type::Time),
        // How many secrets it is known by: more than one for a while after it was rotated.
        ("secrets", Type::Integer),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let sees = |token: &&Arc<Token>| view.caller.sees_token(Some(&token.name));
    let row = |token: &Arc<Token>| {
        let organization = token.organization.and_then(|id| state.organization(id));
        let user = token.user.and_then(|id| state.user(id));
        let known = |nanos: i64| (nanos != 0).then_some(nanos);
        vec![
            Value::text(&token.name),
            Value::text(token.rights.to_string()),
            Value::text(token.id.to_string()),
            Value::text(&token.description),
            Value::Boolean(token.is_active),
            Value::or_null(organization, |organization| Value::text(&organization.name)),
            Value::or_null(user, |user| Value::text(&user.name)),
            Value::or_null(known(token.created_at_nanos), Value::Time),
            Value::or_null(known(token.updated_at_nanos), Value::Time),
            Value::or_null(token.expires_at_nanos, Value::Time),
            Value::or_null(view.token_uses.last(token.id), Value::Time),
            Value::count(token.secrets.len()),
        ]
    };
    let rows: Vec<_> = state.tokens().filter(sees).map(row).collect();
    Box::new(rows.into_iter())
}
