//! `system.notification_rules`: for whoever administers their database.

use catalog::{Action, NotificationRule};

use super::checks::length;
use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "notification_rules",
    columns: &[
        ("database_name", Type::Text),
        ("rule_name", Type::Text),
        ("rule_id", Type::Text),
        ("endpoint_name", Type::Text),
        // NULL is all of the database.
        ("checks", Type::Text),
        ("levels", Type::Text),
        // As `asset ~ '^m' AND line = 'A'`.
        ("condition", Type::Text),
        ("tells_resolved", Type::Boolean),
        // NULL is every series for itself; an empty text is all together.
        ("group_by", Type::Text),
        ("at_most_every", Type::Text),
        ("repeat_every", Type::Text),
        ("message", Type::Text),
        ("is_active", Type::Boolean),
        ("owner", Type::Text),
        ("description", Type::Text),
        ("created_at", Type::Time),
        ("updated_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let rules: Vec<_> = state.notification_rules().cloned().collect();
    Box::new(rules.into_iter().filter_map(move |rule| {
        let database = state.database_of(rule.database)?;
        let endpoint = state.endpoint(rule.endpoint)?;
        let is_seen = view.caller.may(Action::Admin, &database.name, None);
        is_seen.then(|| row(&rule, &database.name, &endpoint.name))
    }))
}

fn row(rule: &NotificationRule, database: &str, endpoint: &str) -> Vec<Value> {
    let conditions = rule.tags.iter().map(|it| {
        let value = it.value.replace('\'', "''");
        format!("{} {} '{value}'", it.tag, it.operator)
    });
    let listed = |names: &[String]| match names {
        [] => Value::Null,
        names => Value::Text(names.join(", ")),
    };
    vec![
        Value::text(database),
        Value::text(&rule.name),
        Value::text(rule.id.to_string()),
        Value::text(endpoint),
        listed(&rule.checks),
        listed(&rule.levels),
        listed(&conditions_joined(conditions.collect())),
        Value::Boolean(rule.tells_resolved),
        Value::or_null(rule.group_by.as_ref(), |it| Value::Text(it.join(", "))),
        rule.every_nanos.map_or(Value::Null, length),
        rule.repeat_nanos.map_or(Value::Null, length),
        Value::or_null(rule.message.as_ref(), Value::text),
        Value::Boolean(rule.is_active),
        Value::text(&rule.owner_name),
        Value::text(&rule.description),
        Value::Time(rule.created_at_nanos),
        Value::Time(rule.updated_at_nanos),
    ]
}

/// All conditions as one.
fn conditions_joined(conditions: Vec<String>) -> Vec<String> {
    match conditions.is_empty() {
        true => Vec::new(),
        false => vec![conditions.join(" AND ")],
    }
}
