//! `system.tokens`: their names, never what they are made of.

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "tokens",
    columns: &[
        ("token_name", Type::Text),
        // What it may do: `admin` is everything.
        ("permissions", Type::Text),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let names = state.tokens().map(|(name, _)| name);
    let seen = names.filter(|name| view.caller.sees_token(Some(name)));
    let row = |name| vec![Value::text(name), Value::text("admin")];
    let rows: Vec<_> = seen.map(row).collect();
    Box::new(rows.into_iter())
}
