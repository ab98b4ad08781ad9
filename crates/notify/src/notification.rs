//! What somebody is told.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What somebody is told at a time: one change of a level, or several.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notification {
    /// Known by this: what is sent again has the same.
    pub id: String,
    /// `firing` if any alert is, or else `resolved`.
    pub status: &'static str,
    /// The worst level.
    pub level: String,
    /// What is said of all of them.
    pub message: String,
    /// The rule by which they are told.
    pub rule: String,
    /// Whom it is sent to.
    pub endpoint: String,
    /// The database that it is about.
    pub database: String,
    /// The changes, the oldest first.
    pub alerts: Vec<Alert>,
}

/// A change of the level of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Known by this.
    pub id: String,
    /// The check.
    pub check: String,
    /// Known by this as long as it is the same series of the same check.
    pub key: String,
    /// How bad it is.
    pub level: String,
    /// How bad it was.
    pub previous_level: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// What is said of it.
    pub message: String,
    /// When, nanoseconds since 1970.
    pub time_nanos: i64,
    /// The same as text.
    pub time: String,
    /// Since when it fires, as text.
    pub since: String,
    /// Which series it is.
    pub tags: BTreeMap<String, String>,
    /// What the check's query said of it.
    pub values: Map<String, Value>,
}

impl Notification {
    /// Of these changes, which are some.
    pub fn new(id: String, rule: &str, endpoint: &str, database: &str, alerts: Vec<Alert>) -> Self {
        let is_firing = alerts.iter().any(|alert| alert.status == "firing");
        let rank = |level: &str| match level {
            "crit" => 4,
            "unknown" => 3,
            "warn" => 2,
            "info" => 1,
            _ => 0,
        };
        let worst = alerts.iter().max_by_key(|alert| rank(&alert.level));
        let message = match &alerts[..] {
            [alert] => alert.message.clone(),
            alerts => {
                let lines = alerts.iter().map(|alert| alert.message.as_str());
                lines.collect::<Vec<_>>().join("\n")
            }
        };
        Self {
            id,
            status: if is_firing { "firing" } else { "resolved" },
            level: worst.map_or_else(|| "ok".to_owned(), |alert| alert.level.clone()),
            message,
            rule: rule.to_owned(),
            endpoint: endpoint.to_owned(),
            database: database.to_owned(),
            alerts,
        }
    }
}

impl Notification {
    /// One by which somebody sees that an endpoint can be reached.
    pub fn test(id: String, endpoint: &str, database: &str, now_nanos: i64) -> Self {
        let alert = Alert {
            key: id.clone(),
            id: id.clone(),
            check: "test".to_owned(),
            level: "info".to_owned(),
            previous_level: "ok".to_owned(),
            status: "firing".to_owned(),
            message: format!("this is a test of the endpoint {endpoint}"),
            time_nanos: now_nanos,
            time: Alert::time_text(now_nanos),
            since: Alert::time_text(now_nanos),
            tags: BTreeMap::new(),
            values: Map::new(),
        };
        Self::new(id, "test", endpoint, database, vec![alert])
    }
}

impl Alert {
    /// A time as alerts have it.
    pub fn time_text(nanos: i64) -> String {
        DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }
}
