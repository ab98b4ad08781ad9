//! `system.audit`: administrative changes, and who made them. Of interest to those alone who administer
//! the server.

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "audit",
    columns: &[
        ("time", Type::Time),
        // The name of a token or user.
        ("who", Type::Text),
        // As `create token`.
        ("action", Type::Text),
        // What it was done to.
        ("subject", Type::Text),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    if !view.caller.sees_server() {
        return Box::new(std::iter::empty());
    }
    let state = view.catalog.state();
    let entries = state.audit().map(|entry| {
        vec![
            Value::Time(entry.at_nanos),
            Value::text(&*entry.who),
            Value::text(&*entry.action),
            Value::text(&entry.subject),
        ]
    });
    let rows: Vec<_> = entries.collect();
    Box::new(rows.into_iter())
}
