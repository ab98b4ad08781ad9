//! Workflows of Microsoft Teams: an adaptive card.

use serde_json::{Value, json};

use super::{Options, url_or};
use crate::error::Result;
use crate::notification::{Alert, Notification};
use crate::sender::Outgoing;

pub(super) const OPTIONS: &[(&str, bool)] = &[("url", true)];

pub(super) fn request(options: &Options, it: &Notification) -> Result<Outgoing> {
    let blocks: Vec<_> = it.alerts.iter().flat_map(blocks).collect();
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    });
    let body = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": card,
        }],
    });
    Ok(Outgoing::post(url_or(options, "")?, super::json(&body)))
}

fn blocks(alert: &Alert) -> [Value; 2] {
    let color = match alert.level.as_str() {
        "crit" => "Attention",
        "warn" | "unknown" => "Warning",
        "info" => "Accent",
        _ => "Good",
    };
    let facts = alert
        .tags
        .iter()
        .map(|(name, value)| json!({ "title": name, "value": value }));
    let mut facts: Vec<_> = facts.collect();
    facts.push(json!({ "title": "time", "value": alert.time }));
    [
        json!({
            "type": "TextBlock",
            "text": format!("{} is {}: {}", alert.check, alert.level, alert.message),
            "color": color,
            "weight": "Bolder",
            "wrap": true,
        }),
        json!({ "type": "FactSet", "facts": facts }),
    ]
}
