//! Slack's incoming webhooks, and what is like them (Mattermost, Rocket.Chat).

use serde_json::{Map, Value, json};

use super::{Options, url_or};
use crate::error::Result;
use crate::notification::{Alert, Notification};
use crate::sender::Outgoing;

pub(super) const OPTIONS: &[(&str, bool)] = &[
    ("url", true),
    ("channel", false),
    ("username", false),
    // Of a bot, for `https://slack.com/api/chat.postMessage`.
    ("token", false),
];

pub(super) fn request(options: &Options, it: &Notification) -> Result<Outgoing> {
    let mut body = Map::new();
    for option in ["channel", "username"] {
        if let Some(value) = options.get(option) {
            body.insert(option.to_owned(), value.as_str().into());
        }
    }
    let title = match &it.alerts[..] {
        [alert] => format!("{} is {}", alert.check, alert.level),
        alerts => format!("{} alerts of {}", alerts.len(), it.database),
    };
    body.insert("text".to_owned(), escaped(&title).into());
    let attachments: Vec<_> = it.alerts.iter().map(attachment).collect();
    body.insert("attachments".to_owned(), attachments.into());
    let mut request = Outgoing::post(url_or(options, "")?, super::json(&Value::Object(body)));
    if let Some(token) = options.get("token") {
        request.header("Authorization", &format!("Bearer {token}"))?;
    }
    Ok(request)
}

fn attachment(alert: &Alert) -> Value {
    let field = |(name, value): (&String, &String)| {
        let (title, value) = (escaped(name), escaped(value));
        json!({ "title": title, "value": value, "short": true })
    };
    json!({
        "color": color(&alert.level),
        "text": escaped(&alert.message),
        "fallback": escaped(&alert.message),
        "fields": alert.tags.iter().map(field).collect::<Vec<_>>(),
        "ts": alert.time_nanos / 1_000_000_000,
    })
}

fn color(level: &str) -> &'static str {
    match level {
        "crit" => "danger",
        "warn" | "unknown" => "warning",
        "info" => "#439FE0",
        _ => "good",
    }
}

/// The three characters that mean something in a message.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
