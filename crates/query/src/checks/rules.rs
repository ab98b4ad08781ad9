//! Which rules tell whom of a change, and which silences keep it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use automation::{Level, TagMatch, TagMatches};
use catalog::{Database, NotificationRule, Silence, State, TagCondition};

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
        let checks = &self.rule.checks;
        let is_of_check = checks.is_empty() || checks.iter().any(|name| name == check);
        is_of_check && self.tags.hold(tags)
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
                serde_json::Value::from(values.collect::<Vec<_>>()).to_string()
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
