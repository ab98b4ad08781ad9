//! Prometheus Alertmanager: it takes alerts, puts them together and tells people in its own way. It forgets
//! an alert that it is not told of again within its `resolve_timeout`: rules need `REPEAT EVERY '3m'` or so.

use serde_json::{Value, json};

use super::{Options, below, url_or};
use crate::error::Result;
use crate::notification::{Alert, Notification};
use crate::sender::Outgoing;

pub(super) const OPTIONS: &[(&str, bool)] = &[
    ("url", true),
    ("token", false),
    ("username", false),
    ("password", false),
];

pub(super) fn request(options: &Options, it: &Notification) -> Result<Outgoing> {
    let url = below(&url_or(options, "")?, "/api/v2/alerts");
    let alerts: Vec<_> = it.alerts.iter().map(|alert| one(it, alert)).collect();
    let mut request = Outgoing::post(url, super::json(&Value::Array(alerts)));
    if let Some(token) = options.get("token") {
        request.header("Authorization", &format!("Bearer {token}"))?;
    }
    if let Some(username) = options.get("username") {
        let password = options.get("password").map_or("", String::as_str);
        request.header("Authorization", &super::influxdb::basic(username, password))?;
    }
    Ok(request)
}

/// Labels say which alert it is, so the level, which changes, is an annotation.
fn one(it: &Notification, alert: &Alert) -> Value {
    let mut labels = serde_json::Map::new();
    for (tag, value) in &alert.tags {
        labels.insert(label(tag), value.as_str().into());
    }
    labels.insert("alertname".to_owned(), alert.check.as_str().into());
    labels.insert("database".to_owned(), it.database.as_str().into());
    let mut one = json!({
        "labels": labels,
        "annotations": { "summary": alert.message, "level": alert.level },
        "startsAt": alert.since,
    });
    if alert.status == "resolved" {
        one["endsAt"] = alert.time.as_str().into();
    }
    one
}

/// A name as labels have them.
fn label(name: &str) -> String {
    let of_label = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(of_label).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}
