//! Which rules tell whom of a change, and which silences keep it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use automation::{Level, TagMatch, TagMatches};
use catalog::{Database, NotificationRule, Silence, State, TagCondition};
use notify::Alert;
use serde_json::{Map, Value};

use super::board::{Delivery, NotificationRecord};
use super::states::digest;
use crate::error::{Error, Result};

/// Fails unless conditions on tags are some.
pub(crate) fn check_conditions(conditions: &[TagCondition]) -> Result<()> {
    matches(conditions).map(drop)
}

pub(super) fn matches(conditions: &[TagCondition]) -> Result<TagMatches> {
    let conditions = conditions.iter();
    let parsed =
        conditions.map(|it| Ok::<_, Error>(TagMatch::new(&it.tag, &it.operator, &it.value)?));
    parsed.collect()
}

/// A rule that is ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) rule: Arc<NotificationRule>,
    pub(super) endpoint_name: String,
    levels: Vec<Level>,
    tags: TagMatches,
}

/// A change of a level, as far as it is told.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) check: &'a str,
    pub(super) database: &'a str,
    /// The series, among all series of all checks.
    pub(super) key: String,
    pub(super) tags: &'a BTreeMap<String, String>,
    pub(super) values: &'a Map<String, Value>,
    pub(super) at: i64,
    /// Since when it fires.
    pub(super) since: i64,
    pub(super) from: Level,
    pub(super) to: Level,
    pub(super) message: String,
}

/// The rules of a database that tell anything. One that cannot be asked any more says so in the log.
pub(super) fn of_database(state: &State, database: &Database) -> Vec<Ready> {
    let rules = state.notification_rules();
    let rules = rules.filter(|rule| rule.database == database.id && rule.is_active);
    rules.filter_map(|rule| ready(state, rule)).collect()
}

pub(super) fn ready(state: &State, rule: &Arc<NotificationRule>) -> Option<Ready> {
    let endpoint = state.endpoint(rule.endpoint)?;
    let levels = rule.levels.iter();
    match matches(&rule.tags) {
        Ok(tags) => Some(Ready {
            rule: Arc::clone(rule),
            endpoint_name: endpoint.name.clone(),
            levels: levels.filter_map(|name| Level::of_name(name)).collect(),
            tags,
        }),
        Err(error) => {
            tracing::error!(rule = %rule.name, %error, "a notification rule cannot be followed");
            None
        }
    }
}

impl Ready {
    /// Whether it tells of this check and series.
    pub(super) fn is_about(&self, check: &str, tags: &BTreeMap<String, String>) -> bool {
        self.is_about_check(Some(check)) && self.tags.hold(tags)
    }

    /// Whether it tells of this check, whichever series it is; without one, of all checks.
    pub(super) fn is_about_check(&self, check: Option<&str>) -> bool {
        let checks = &self.rule.checks;
        checks.is_empty() || checks.iter().any(|name| Some(name.as_str()) == check)
    }

    /// What is to be told of a change.
    pub(super) fn notification(&self, change: Change<'_>, status: &str) -> NotificationRecord {
        let Change {
            key, at, from, to, ..
        } = change;
        let id = digest(&[&self.rule.id.to_string(), &key, &at.to_string(), to.name()]);
        NotificationRecord {
            id: id.clone(),
            at,
            rule: self.rule.id,
            rule_name: self.rule.name.clone(),
            endpoint_name: self.endpoint_name.clone(),
            database: change.database.to_owned(),
            group: self.group(&key, change.tags),
            series: key.clone(),
            told_from: from,
            alert: Alert {
                id,
                check: change.check.to_owned(),
                key,
                level: to.name().to_owned(),
                previous_level: from.name().to_owned(),
                status: status.to_owned(),
                message: change.message,
                time_nanos: at,
                time: Alert::time_text(at),
                since: Alert::time_text(change.since),
                tags: change.tags.clone(),
                values: change.values.clone(),
            },
            state: Delivery::Pending,
            batch: None,
            attempts: 0,
            error: None,
            finished_at: None,
        }
    }

    pub(super) fn has_level(&self, level: Level) -> bool {
        self.levels.contains(&level)
    }

    /// What it tells of a change: `firing`, `resolved`, or nothing.
    pub(super) fn tells(&self, from: Level, to: Level) -> Option<&'static str> {
        let is_better = self.levels.iter().all(|level| to < *level);
        match () {
            () if self.has_level(to) => Some("firing"),
            () if self.rule.tells_resolved && self.has_level(from) && is_better => Some("resolved"),
            () => None,
        }
    }

    /// What a series has in common with others that are told of together.
    pub(super) fn group(&self, series: &str, tags: &BTreeMap<String, String>) -> String {
        match &self.rule.group_by {
            None => series.to_owned(),
            Some(names) => {
                let values = names.iter();
                let values = values.map(|name| tags.get(name).map_or("", String::as_str));
                Value::from(values.collect::<Vec<_>>()).to_string()
            }
        }
    }
}

/// A silence that keeps back changes of a series, until when.
pub(super) fn silenced<'a>(
    state: &'a State,
    database: &str,
    check: &str,
    tags: &BTreeMap<String, String>,
    now: i64,
) -> Option<&'a Arc<Silence>> {
    let database = state.database(database)?.id;
    let of_it = state.silences().filter(|silence| {
        silence.database == database
            && silence.until_nanos > now
            && silence.check.as_ref().is_none_or(|name| name == check)
            && matches(&silence.tags).is_ok_and(|conditions| conditions.hold(tags))
    });
    of_it.max_by_key(|silence| silence.until_nanos)
}
