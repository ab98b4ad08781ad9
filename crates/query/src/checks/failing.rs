//! A check that cannot look, or a task that runs no more: people are told of that, too. Otherwise they would take it for
//! good news that they hear nothing.
//!
//! That something fails is kept like the level of a series, of one that stands for the check itself: `unknown`. The state, the
//! change and what is to be told are one write, so the change is there once, whatever happens.

use std::collections::BTreeMap;
use std::sync::Arc;

use automation::Level;
use catalog::{Database, RecordId, Task};
use serde_json::Value;

use super::board::{Checks, StatusRecord};
use super::rows::{self, Lines, OF_CHECK};
use super::rules::{self, Change};
use super::states::{Known, digest};
use crate::engine::QueryEngine;
use crate::error::{Error, Result};

/// A window that was tried so often, over about four minutes, counts as failed although it is tried again.
pub(crate) const ATTEMPTS_TOLD: u32 = 8;

/// Why the level of such a series changes.
pub(super) const REASON: &str = "failure";

impl Checks {
    /// Whether it is known of a check or a task that it fails.
    pub(crate) fn is_failing(&self, id: RecordId) -> bool {
        self.state_of(id)
            .is_some_and(|state| state.failing.is_some())
    }
}

/// It fails: so it is from now on, unless that is known already.
pub(crate) async fn fails(
    engine: &Arc<QueryEngine>,
    noun: &str,
    task: &Task,
    problem: &str,
) -> Result<()> {
    let verb = if noun == "check" {
        "cannot look"
    } else {
        "runs no more"
    };
    let message = format!("{noun} {} {verb}: {problem}", task.name);
    change(engine, noun, task, Level::Unknown, message, problem).await
}

/// It does what it is for again: so it is from now on, if it failed.
pub(crate) async fn works(engine: &Arc<QueryEngine>, noun: &str, task: &Task) -> Result<()> {
    if !engine.checks().is_failing(task.id) {
        return Ok(());
    }
    let verb = if noun == "check" { "looks" } else { "runs" };
    let message = format!("{noun} {} {verb} again", task.name);
    change(engine, noun, task, Level::Ok, message, "").await
}

async fn change(
    engine: &Arc<QueryEngine>,
    noun: &str,
    task: &Task,
    to: Level,
    message: String,
    problem: &str,
) -> Result<()> {
    let catalog = engine.catalog().state();
    let Some(database) = catalog.database_of(task.database) else {
        return Ok(());
    };
    let kept = engine.checks().kept(task.id);
    let turn = Arc::clone(&kept.turn).lock_owned().await;
    let mut state = (**kept.state.lock()).clone();
    let from = state
        .failing
        .as_ref()
        .map_or(Level::Ok, |it| it.series.level);
    if from == to {
        return Ok(());
    }
    let now = engine.clock().now_nanos();
    let fired_since = state.failing.as_ref().and_then(|it| it.firing_since);
    let mut known = known(noun, task, to, now);
    known.message = message;
    if !problem.is_empty() {
        known.values = [("error".to_owned(), Value::from(problem))]
            .into_iter()
            .collect();
    }
    let told = Told {
        task,
        database,
        known: &known,
        from,
        now,
        since: fired_since.unwrap_or(now),
    };
    let mut lines = Lines::default();
    let status = told.status();
    // A task may be called as a check is: it is told by rules about all.
    let name = (noun == "check").then_some(task.name.as_str());
    let ready = rules::of_database(&catalog, database);
    let ready = ready.iter().filter(|rule| rule.is_about_check(name));
    let notifications: Vec<_> = ready.filter_map(|rule| told.notification(rule)).collect();
    lines.status(&status);
    notifications.iter().for_each(|it| lines.notification(it));
    let is_failing = to == Level::Unknown;
    let text = if is_failing {
        known.to_text()
    } else {
        String::new()
    };
    lines.state(task.id, OF_CHECK, &text);
    state.failing = is_failing.then_some(known);
    // What is durable must be known, even if nobody waits for this any more.
    let engine = Arc::clone(engine);
    let noting = tokio::spawn(async move {
        let _turn = turn;
        rows::write(&engine, lines).await?;
        *kept.state.lock() = Arc::new(state);
        engine.checks().take(vec![status], notifications);
        Ok::<_, Error>(())
    });
    noting.await.map_err(|_| Error::ShuttingDown)?
}

/// A series that stands for the check itself, which has no tags; or for a task, by its name.
fn known(noun: &str, task: &Task, level: Level, now: i64) -> Known {
    let tags = match noun {
        "check" => BTreeMap::new(),
        noun => [(noun.to_owned(), task.name.clone())].into(),
    };
    let mut known = Known::new(tags, now);
    known.series.level = level;
    known.series.seen = now;
    known.firing_since = (level == Level::Unknown).then_some(now);
    known
}

/// What is told of a change.
struct Told<'a> {
    task: &'a Task,
    database: &'a Arc<Database>,
    known: &'a Known,
    from: Level,
    now: i64,
    since: i64,
}

impl Told<'_> {
    fn status(&self) -> StatusRecord {
        let (task, known) = (self.task, self.known);
        StatusRecord {
            at: self.now,
            check: task.id,
            series: OF_CHECK.to_owned(),
            check_name: task.name.clone(),
            database: self.database.name.to_string(),
            level: known.series.level,
            previous_level: self.from,
            state: match known.series.level {
                Level::Unknown => "firing",
                _ => "resolved",
            },
            reason: REASON,
            message: known.message.clone(),
            tags: serde_json::json!(known.tags).to_string(),
            values: Value::Object(known.values.clone()).to_string(),
        }
    }

    fn notification(&self, rule: &rules::Ready) -> Option<super::board::NotificationRecord> {
        let to = self.known.series.level;
        let status = rule.tells(self.from, to)?;
        let change = Change {
            check: &self.task.name,
            database: &self.database.name,
            key: digest(&[&self.task.id.to_string(), OF_CHECK]),
            tags: &self.known.tags,
            values: &self.known.values,
            at: self.now,
            since: self.since,
            from: self.from,
            to,
            // A rule's own words are about series.
            message: self.known.message.clone(),
        };
        Some(rule.notification(change, status))
    }
}
