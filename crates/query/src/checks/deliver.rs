//! The loop that tells: it looks at what waits, sends what is due, and notes what became of it.
//!
//! A change is noted as told after the other side has taken it, so a crash between the two tells it again, with
//! the same id.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use automation::{Group, Item, Level, Pace, Sending};
use catalog::{Endpoint, RecordId, State};
use notify::{Alert, Failure, Kind, Notification, Options};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::board::{Checks, Delivery, NotificationRecord};
use super::rows::{self, Lines};
use super::rules;
use super::states::digest;
use crate::engine::QueryEngine;

/// Deliveries to one endpoint at a time.
const PER_ENDPOINT: usize = 2;

/// The longest sleep: as late may a change of the clock be noticed.
const SLEEP_MAX: Duration = Duration::from_secs(2);

/// The longest pause between attempts to write.
const PAUSE_MAX: Duration = Duration::from_secs(10);

type Batch = Sending<Arc<NotificationRecord>>;

/// Tells until it is stopped.
pub(crate) async fn deliver(engine: Arc<QueryEngine>, stop: CancellationToken) {
    let mut deliverer = Deliverer {
        checks: Arc::clone(engine.checks()),
        engine,
        under_way: HashMap::new(),
        sending: JoinSet::new(),
    };
    tokio::select! {
        () = deliverer.run() => {}
        () = stop.cancelled() => {}
    }
}

struct Deliverer {
    engine: Arc<QueryEngine>,
    checks: Arc<Checks>,
    /// Deliveries to each endpoint.
    under_way: HashMap<RecordId, usize>,
    sending: JoinSet<(Batch, RecordId, Result<(), Failure>)>,
}

impl Deliverer {
    async fn run(&mut self) {
        loop {
            let state = self.engine.catalog().state();
            self.tell_again(&state).await;
            let wake_at = self.begin(&state).await;
            let now = self.engine.clock().now_nanos();
            let sleep = wake_at.map_or(SLEEP_MAX, |at| {
                Duration::from_nanos(at.saturating_sub(now).max(0).unsigned_abs()).min(SLEEP_MAX)
            });
            tokio::select! {
                Some(ended) = self.sending.join_next() => match ended {
                    Ok((batch, endpoint, result)) => self.end(batch, endpoint, result).await,
                    Err(error) => error!(%error, "a delivery ended without a word"),
                },
                () = self.checks.changed.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    fn pace(&self, state: &State, group: &Group) -> Option<Pace> {
        let rule = state.notification_rule(RecordId(group.rule))?;
        state.endpoint(rule.endpoint)?;
        let give_up_after = self.engine.notification_settings().give_up_after;
        Some(Pace {
            every: i64::try_from(rule.every_nanos.unwrap_or(0)).unwrap_or(i64::MAX),
            give_up_after: i64::try_from(give_up_after.as_nanos()).unwrap_or(i64::MAX),
        })
    }

    /// Begins what is due. Returns when the next is.
    async fn begin(&mut self, state: &State) -> Option<i64> {
        let now = self.engine.clock().now_nanos();
        let concurrent = self.engine.notification_settings().concurrent.max(1);
        let mut free = concurrent.saturating_sub(self.sending.len());
        let mut under_way = self.under_way.clone();
        let may_send = |group: &Group| {
            let rule = state.notification_rule(RecordId(group.rule));
            let endpoint = rule.and_then(|rule| state.endpoint(rule.endpoint));
            let Some(endpoint) = endpoint.filter(|it| it.is_active && free > 0) else {
                return false;
            };
            let count = under_way.entry(endpoint.id).or_default();
            let may = *count < PER_ENDPOINT;
            if may {
                *count += 1;
                free -= 1;
            }
            may
        };
        let held_until = |item: &Item<Arc<NotificationRecord>>| {
            let NotificationRecord {
                alert, database, ..
            } = &*item.what;
            let silence = rules::silenced(state, database, &alert.check, &alert.tags, now);
            silence.map(|silence| silence.until_nanos)
        };
        let pace = |group: &Group| self.pace(state, group);
        let due = {
            let mut inner = self.checks.inner.lock();
            inner.outbox.due(now, pace, held_until, may_send, digest)
        };
        self.note(&due.dropped, |record| {
            record.state = Delivery::Dropped;
            record.finished_at = Some(now);
        })
        .await;
        for batch in due.sendings {
            self.send(state, batch).await;
        }
        due.wake_at
    }

    async fn send(&mut self, state: &State, batch: Batch) {
        if batch.is_new {
            // What goes together stays together, after a crash too: the id stands for it.
            let id = batch.id.clone();
            self.note(&batch.items, |record| record.batch = Some(id.clone()))
                .await;
        }
        let rule = state.notification_rule(RecordId(batch.group.rule));
        let endpoint = rule.and_then(|rule| state.endpoint(rule.endpoint));
        let (Some(rule), Some(endpoint)) = (rule, endpoint) else {
            return;
        };
        *self.under_way.entry(endpoint.id).or_default() += 1;
        let (engine, endpoint) = (Arc::clone(&self.engine), Arc::clone(endpoint));
        let rule = rule.name.clone();
        self.sending.spawn(async move {
            let sent = tell(&engine, &endpoint, &rule, &batch).await;
            (batch, endpoint.id, sent)
        });
    }

    async fn end(&mut self, batch: Batch, endpoint: RecordId, result: Result<(), Failure>) {
        if let Some(count) = self.under_way.get_mut(&endpoint) {
            *count = count.saturating_sub(1);
        }
        let now = self.engine.clock().now_nanos();
        let (id, attempts) = (&batch.id, batch.attempt);
        match result {
            Ok(()) => {
                debug!(notification = %id, "somebody was told");
                // First noted, then taken out: what cannot be noted yet must not be forgotten.
                self.note(&batch.items, |record| {
                    record.state = Delivery::Delivered;
                    record.attempts = attempts;
                    record.error = None;
                    record.finished_at = Some(now);
                })
                .await;
                let mut inner = self.checks.inner.lock();
                let items = inner.outbox.delivered(&batch.group, now);
                inner.figures.delivered += items.len() as u64;
            }
            Err(failure) => self.failed(&batch, failure, now).await,
        }
    }

    async fn failed(&mut self, batch: &Batch, failure: Failure, now: i64) {
        let Failure {
            problem,
            retry_after,
            is_final,
            ..
        } = failure;
        let attempts = batch.attempt;
        warn!(notification = %batch.id, attempt = attempts, %problem, "somebody could not be told");
        let state = self.engine.catalog().state();
        let mut pace = self.pace(&state, &batch.group).unwrap_or_default();
        if is_final {
            pace.give_up_after = i64::MIN;
        }
        let retry_after = retry_after.and_then(|it| i64::try_from(it.as_nanos()).ok());
        let given_up = {
            let mut inner = self.checks.inner.lock();
            inner.figures.failed += 1;
            let given_up = inner.outbox.failed(&batch.group, retry_after, pace, now);
            inner.figures.given_up += given_up.len() as u64;
            given_up
        };
        let is_over = !given_up.is_empty();
        self.note(&batch.items, |record| {
            record.attempts = attempts;
            record.error = Some(problem.clone());
            if is_over {
                record.state = Delivery::Failed;
                record.finished_at = Some(now);
            }
        })
        .await;
    }

    /// Notes what has become of changes, durably.
    async fn note(
        &self,
        items: &[Item<Arc<NotificationRecord>>],
        change: impl Fn(&mut NotificationRecord),
    ) {
        let changed: Vec<_> = {
            let mut inner = self.checks.inner.lock();
            let records = items.iter().map(|item| {
                let mut record = (*inner.shown(item)).clone();
                change(&mut record);
                let record = Arc::new(record);
                inner.show(Arc::clone(&record));
                record
            });
            records.collect()
        };
        let mut pause = Duration::from_millis(100);
        loop {
            let mut lines = Lines::default();
            changed.iter().for_each(|it| lines.notification_state(it));
            let Err(error) = rows::write(&self.engine, lines).await else {
                return;
            };
            warn!(%error, retry_in = ?pause, "what became of notifications cannot be noted");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Makes notifications of what still fires, by rules that tell again.
    async fn tell_again(&self, state: &State) {
        let repeating = state
            .notification_rules()
            .filter(|rule| rule.is_active && rule.repeat_nanos.is_some());
        let repeating: Vec<_> = repeating.filter_map(|it| rules::ready(state, it)).collect();
        if repeating.is_empty() {
            return;
        }
        let now = self.engine.clock().now_nanos();
        let alerts = self.checks.alerts(state, now);
        let mut again = Vec::new();
        for alert in alerts.iter().filter(|it| it.state == "firing") {
            let is_quiet = alert.acknowledged.is_some() || alert.silenced_until.is_some();
            let task = &alert.check.task;
            for rule in repeating.iter().filter(|rule| {
                !is_quiet && {
                    let is_about = match alert.level {
                        // A check that cannot look has no series, and so no tags.
                        Level::Unknown => rule.is_about_check(Some(&task.name)),
                        _ => rule.is_about(&task.name, &alert.tags),
                    };
                    rule.rule.database == task.database && is_about && rule.has_level(alert.level)
                }
            }) {
                let key = digest(&[&task.id.to_string(), &alert.series]);
                let repeat = i64::try_from(rule.rule.repeat_nanos.unwrap_or(0)).unwrap_or(i64::MAX);
                let told = (rule.rule.id, key.clone());
                let last = self.checks.inner.lock().told_at.get(&told).copied();
                if now.saturating_sub(last.unwrap_or(alert.since)) < repeat.max(1) {
                    continue;
                }
                again.push(repeated(rule, alert, key, now));
            }
        }
        let mut lines = Lines::default();
        again.iter().for_each(|it| lines.notification(it));
        match rows::write(&self.engine, lines).await {
            Ok(()) => self.checks.take(Vec::new(), again),
            Err(error) => warn!(%error, "what still fires cannot be told again yet"),
        }
    }
}

fn repeated(
    rule: &rules::Ready,
    alert: &super::AlertView,
    key: String,
    now: i64,
) -> NotificationRecord {
    let values = serde_json::from_str(&alert.values).unwrap_or_default();
    let change = rules::Change {
        check: &alert.check.task.name,
        database: &alert.database.name,
        key,
        tags: &alert.tags,
        values: &values,
        at: now,
        since: alert.since,
        from: alert.level,
        to: alert.level,
        message: alert.message.clone(),
    };
    let mut record = rule.notification(change, "firing");
    record.told_from = Level::Ok;
    record
}

/// Sends a batch to its endpoint.
async fn tell(
    engine: &QueryEngine,
    endpoint: &Endpoint,
    rule: &str,
    batch: &Batch,
) -> Result<(), Failure> {
    let alerts = batch.items.iter();
    let alerts: Vec<_> = alerts
        .map(|item| Alert {
            // Of several changes that a silence kept back there is one.
            previous_level: item.told.from.name().to_owned(),
            ..item.what.alert.clone()
        })
        .collect();
    let database = batch.items.first().map(|item| item.what.database.clone());
    let notification = Notification::new(
        batch.id.clone(),
        rule,
        &endpoint.name,
        &database.unwrap_or_default(),
        alerts,
    );
    send(engine, endpoint, &notification).await
}

/// Sends an example, whether the endpoint is paused or not.
pub(crate) async fn test(
    engine: &QueryEngine,
    endpoint: &Endpoint,
    database: &str,
    now: i64,
) -> Result<(), Failure> {
    let id = digest(&["test", &endpoint.id.to_string(), &now.to_string()]);
    let example = Notification::test(id, &endpoint.name, database, now);
    send(engine, endpoint, &example).await
}

async fn send(
    engine: &QueryEngine,
    endpoint: &Endpoint,
    notification: &Notification,
) -> Result<(), Failure> {
    let broken = |error: notify::Error| Failure::transient(error.to_string());
    let (kind, options) = opened(engine, endpoint).map_err(broken)?;
    let messages = kind.messages(&options, notification).map_err(broken)?;
    for message in messages {
        engine.sender().deliver(&message).await?;
    }
    Ok(())
}

/// What an endpoint speaks, and its options as they were given.
pub(crate) fn opened(
    engine: &QueryEngine,
    endpoint: &Endpoint,
) -> Result<(Kind, Options), notify::Error> {
    let kind = Kind::of_name(&endpoint.kind)?;
    let options = engine.vault().open(&endpoint.sealed)?;
    let options = serde_json::from_slice(&options).map_err(|_| notify::Error::InvalidOption {
        option: "*".to_owned(),
        problem: "what was sealed is not what was expected".to_owned(),
    })?;
    Ok((kind, options))
}
