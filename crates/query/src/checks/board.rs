//! What everybody sees of checks: how bad things are, what changed lately, and who was told of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use automation::{Group, Item, Level, Outbox, Told};
use catalog::RecordId;
use notify::Alert;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::states::CheckState;

/// What everybody sees of checks. Nothing is known before what was kept has been read back (`restore`).
#[derive(Debug, Default)]
pub struct Checks {
    pub(super) inner: Mutex<Inner>,
    /// There may be something to tell.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    states: HashMap<RecordId, Arc<Kept>>,
    statuses: VecDeque<Arc<StatusRecord>>,
    statuses_max: usize,
    pub(super) outbox: Outbox<Arc<NotificationRecord>>,
    notifications: BTreeMap<String, Arc<NotificationRecord>>,
    /// Their ids, the oldest first.
    notified: VecDeque<String>,
    notifications_max: usize,
    /// When somebody was told last of a series by a rule that tells again.
    pub(super) told_at: HashMap<(RecordId, String), i64>,
    pub(super) figures: CheckFigures,
}

/// The state of a check, which one at a time changes.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Held from the reading of the state until what came of it is durable.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    pub(super) state: Mutex<Arc<CheckState>>,
}

/// Figures about checks, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckFigures {
    /// Series that fire.
    pub firing: usize,
    /// Changes of levels since the start.
    pub transitions: u64,
    /// Changes that somebody is still to be told of.
    pub waiting: usize,
    /// Changes that somebody was told of since the start.
    pub delivered: u64,
    /// Attempts to tell somebody that failed since the start.
    pub failed: u64,
    /// Changes that could not be told since the start.
    pub given_up: u64,
}

/// A change of a level.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StatusRecord {
    pub(crate) at: i64,
    pub(crate) check: RecordId,
    pub(crate) series: String,
    pub(crate) check_name: String,
    pub(crate) database: String,
    pub(crate) level: Level,
    pub(crate) previous_level: Level,
    /// `firing`, `resolved` or `quiet`.
    pub(crate) state: &'static str,
    /// `level`, `silence`, `forgotten` or `failure`.
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// JSON.
    pub(crate) tags: String,
    /// JSON.
    pub(crate) values: String,
}

/// What has become of a change that is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It waits, or is tried.
    Pending,
    /// It arrived.
    Delivered,
    /// It was tried for too long.
    Failed,
    /// A silence held it back until it was over, or its rule or endpoint is gone.
    Dropped,
}

impl Delivery {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Pending, Self::Delivered, Self::Failed, Self::Dropped];
        all.into_iter().find(|state| state.name() == name)
    }
}

/// A change that is to be told by a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NotificationRecord {
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) rule: RecordId,
    pub(crate) rule_name: String,
    pub(crate) endpoint_name: String,
    pub(crate) database: String,
    pub(crate) group: String,
    /// The series, among all series of all checks.
    pub(crate) series: String,
    pub(crate) told_from: Level,
    pub(crate) alert: Alert,
    pub(crate) state: Delivery,
    pub(crate) batch: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) error: Option<String>,
    pub(crate) finished_at: Option<i64>,
}

impl NotificationRecord {
    pub(super) fn group(&self) -> Group {
        Group {
            rule: self.rule.0,
            key: self.group.clone(),
        }
    }

    fn item(self: &Arc<Self>) -> Item<Arc<Self>> {
        Item {
            id: self.id.clone(),
            batch: self.batch.clone(),
            at: self.at,
            told: Told {
                series: self.series.clone(),
                from: self.told_from,
                to: Level::of_name(&self.alert.level).unwrap_or_default(),
            },
            what: Arc::clone(self),
        }
    }
}

impl Checks {
    pub(super) fn begin(&self, statuses_max: usize, notifications_max: usize) {
        let mut inner = self.inner.lock();
        inner.statuses_max = statuses_max.max(1);
        inner.notifications_max = notifications_max.max(1);
    }

    pub(super) fn kept(&self, check: RecordId) -> Arc<Kept> {
        let mut inner = self.inner.lock();
        Arc::clone(inner.states.entry(check).or_default())
    }

    pub(super) fn all_kept(&self) -> Vec<(RecordId, Arc<CheckState>)> {
        let inner = self.inner.lock();
        let states = inner.states.iter();
        states
            .map(|(check, kept)| (*check, Arc::clone(&kept.state.lock())))
            .collect()
    }

    /// What is known of a check, if anything is.
    pub(super) fn state_of(&self, check: RecordId) -> Option<Arc<CheckState>> {
        let kept = self.inner.lock().states.get(&check).map(Arc::clone)?;
        let state = Arc::clone(&kept.state.lock());
        Some(state)
    }

    /// A check is gone.
    pub(crate) fn forget(&self, check: RecordId) {
        self.inner.lock().states.remove(&check);
        self.changed.notify_one();
    }

    /// Something has changed that may let somebody be told: a rule, an endpoint, a silence.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Takes in what is durable.
    pub(super) fn take(&self, statuses: Vec<StatusRecord>, notifications: Vec<NotificationRecord>) {
        let mut inner = self.inner.lock();
        inner.figures.transitions += statuses.len() as u64;
        for status in statuses {
            inner.keep_status(Arc::new(status));
        }
        let is_new = !notifications.is_empty();
        for record in notifications {
            inner.keep_notification(Arc::new(record));
        }
        drop(inner);
        if is_new {
            self.changed.notify_one();
        }
    }

    /// Changes of levels, the newest first.
    pub(crate) fn statuses(&self) -> Vec<Arc<StatusRecord>> {
        self.inner.lock().statuses.iter().rev().cloned().collect()
    }

    /// Who was told, the newest first.
    pub(crate) fn notifications(&self) -> Vec<Arc<NotificationRecord>> {
        let inner = self.inner.lock();
        let ids = inner.notified.iter().rev();
        ids.filter_map(|id| inner.notifications.get(id).cloned())
            .collect()
    }

    /// Of a check: the worst level, how many series there are, how many of them fire.
    pub(crate) fn summary(&self, check: RecordId) -> (Level, usize, usize) {
        let Some(state) = self.state_of(check) else {
            return (Level::Ok, 0, 0);
        };
        let series = state.series.values();
        let all = series.clone().chain(&state.failing);
        let worst = all.map(|known| known.series.level).max();
        let firing = series.filter(|known| known.firing_since.is_some()).count();
        (worst.unwrap_or_default(), state.series.len(), firing)
    }

    /// Figures as of now.
    pub fn figures(&self) -> CheckFigures {
        let firing = self
            .all_kept()
            .iter()
            .flat_map(|(_, state)| state.series.values())
            .filter(|known| known.firing_since.is_some())
            .count();
        let inner = self.inner.lock();
        CheckFigures {
            firing,
            waiting: inner.outbox.len(),
            ..inner.figures
        }
    }
}

impl Inner {
    pub(super) fn keep_status(&mut self, status: Arc<StatusRecord>) {
        if self.statuses.len() >= self.statuses_max.max(1) {
            self.statuses.pop_front();
        }
        self.statuses.push_back(status);
    }

    /// Keeps a notification, and tells of it if it waits.
    pub(super) fn keep_notification(&mut self, record: Arc<NotificationRecord>) {
        let told = (record.rule, record.series.clone());
        let at = self.told_at.entry(told).or_insert(record.at);
        *at = record.at.max(*at);
        if record.state == Delivery::Pending {
            self.outbox.add(record.group(), record.item());
        }
        if self
            .notifications
            .insert(record.id.clone(), Arc::clone(&record))
            .is_none()
        {
            self.notified.push_back(record.id.clone());
        }
        while self.notified.len() > self.notifications_max.max(1)
            && let Some(oldest) = self.notified.pop_front()
        {
            self.notifications.remove(&oldest);
        }
    }

    /// What has become of a notification.
    pub(super) fn show(&mut self, record: Arc<NotificationRecord>) {
        if let Some(shown) = self.notifications.get_mut(&record.id) {
            *shown = record;
        }
    }

    /// A notification as it is shown now.
    pub(super) fn shown(&self, item: &Item<Arc<NotificationRecord>>) -> Arc<NotificationRecord> {
        let shown = self.notifications.get(&item.id);
        Arc::clone(shown.unwrap_or(&item.what))
    }
}
