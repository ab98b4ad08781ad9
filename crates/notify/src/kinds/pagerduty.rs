//! PagerDuty's events, version 2: one for every alert, put together by its key.

use serde_json::json;

use super::{Options, url_or};
use crate::error::Result;
use crate::notification::{Alert, Notification};
use crate::sender::Outgoing;

pub(super) const OPTIONS: &[(&str, bool)] =
    &[("routing_key", true), ("url", false), ("client_url", false)];

/// Where events go.
pub(super) const URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// The longest summary that is taken.
const SUMMARY_BYTES_MAX: usize = 1024;

pub(super) fn requests(options: &Options, it: &Notification) -> Result<Vec<Outgoing>> {
    let url = url_or(options, URL)?;
    let alerts = it.alerts.iter();
    Ok(alerts
        .map(|alert| Outgoing::post(url.clone(), event(options, it, alert)))
        .collect())
}

fn event(options: &Options, it: &Notification, alert: &Alert) -> Vec<u8> {
    let action = match alert.status.as_str() {
        "resolved" => "resolve",
        _ => "trigger",
    };
    let severity = match alert.level.as_str() {
        "crit" => "critical",
        "unknown" => "error",
        "warn" => "warning",
        _ => "info",
    };
    let tags = alert.tags.iter();
    let source: Vec<_> = tags.map(|(tag, value)| format!("{tag}={value}")).collect();
    let source = match source.is_empty() {
        true => it.database.clone(),
        false => source.join(","),
    };
    let summary = &alert.message[..alert.message.floor_char_boundary(SUMMARY_BYTES_MAX)];
    super::json(&json!({
        "routing_key": options.get("routing_key"),
        "event_action": action,
        "dedup_key": alert.key,
        "client": "Tidemill",
        "client_url": options.get("client_url"),
        "payload": {
            "summary": summary,
            "source": source,
            "severity": severity,
            "timestamp": alert.time,
            "component": alert.check,
            "group": it.database,
            "custom_details": { "tags": alert.tags, "values": alert.values },
        },
    }))
}
