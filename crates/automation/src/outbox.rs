//! Who is told of what when: changes of levels on their way to endpoints.
//!
//! ```text
//!   change ─▶ waiting ─▶ batch ─▶ under way ─▶ delivered
//!                │          ▲         │
//!                │          └─ pause ◀┴─ failed ─▶ given up, after so long
//!                └─▶ dropped: held back by a silence, and over before its end
//! ```
//!
//! Changes of a group are told in order, one batch at a time, at most so often as the group's pace says. What a
//! batch holds never changes: its id follows from it, and the other side knows by it what it has been told.
//! Whoever carries this out notes a batch of several before it is sent, and that it has arrived afterwards; what a
//! crash cuts off is sent again with the same id.
//!
//! Time is a parameter, as everywhere here.

use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::check::Level;

const SECOND: i64 = 1_000_000_000;

/// The longest pause between attempts.
const BACK_OFF_MAX: i64 = 300 * SECOND;

/// Changes of one batch.
const BATCH_MAX: usize = 100;

/// What is told together: changes by one rule, of series that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    /// The rule.
    pub rule: u64,
    /// What the series have in common.
    pub key: String,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The series, among all series of all checks.
    pub series: String,
    /// How bad it was.
    pub from: Level,
    /// How bad it is.
    pub to: Level,
}

/// A change on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<T> {
    /// No two have the same.
    pub id: String,
    /// The batch that it was put into before.
    pub batch: Option<String>,
    /// When it happened, or was found out.
    pub at: i64,
    /// What changed.
    pub told: Told,
    /// What is told.
    pub what: T,
}

/// How fast a group is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// At most so often.
    pub every: i64,
    /// Tried for so long.
    pub give_up_after: i64,
}

/// A batch to send now.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending<T> {
    /// Its group.
    pub group: Group,
    /// Its id.
    pub id: String,
    /// What it holds.
    pub items: Vec<Item<T>>,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// Whether what it holds has to be noted first.
    pub is_new: bool,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq)]
pub struct Due<T> {
    /// Batches to send.
    pub sendings: Vec<Sending<T>>,
    /// Changes that nobody is told of.
    pub dropped: Vec<Item<T>>,
    /// When to ask again at the latest, if nothing happens before.
    pub wake_at: Option<i64>,
}

#[derive(Debug)]
struct Batch<T> {
    id: String,
    items: Vec<Item<T>>,
    attempt: u32,
    not_before: i64,
    is_under_way: bool,
    is_noted: bool,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<Item<T>>,
    /// Ids of those that a silence holds back.
    held: HashSet<String>,
    batch: Option<Batch<T>>,
    last_sent: Option<i64>,
}

/// Changes on their way. See the module's documentation.
#[derive(Debug)]
pub struct Outbox<T> {
    groups: BTreeMap<Group, State<T>>,
    ids: HashSet<String>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            groups: BTreeMap::new(),
            ids: HashSet::new(),
        }
    }
}

impl<T: Clone> Outbox<T> {
    /// Adds a change. One that is known already is of no account.
    pub fn add(&mut self, group: Group, item: Item<T>) {
        if !self.ids.insert(item.id.clone()) {
            return;
        }
        let state = self.state(group);
        let Some(id) = item.batch.clone() else {
            state.waiting.push_back(item);
            return;
        };
        // It was on its way before, with others of its batch.
        match &mut state.batch {
            Some(batch) if batch.id == id => batch.items.push(item),
            Some(_) => state.waiting.push_back(item),
            None => {
                state.batch = Some(Batch {
                    id,
                    items: vec![item],
                    attempt: 0,
                    not_before: i64::MIN,
                    is_under_way: false,
                    is_noted: true,
                });
            }
        }
    }

    /// Notes when a group was told last, before the process started.
    pub fn told_before(&mut self, group: Group, at: i64) {
        let state = self.state(group);
        state.last_sent = state.last_sent.max(Some(at));
    }

    /// Changes that nobody was told of yet.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// What is to be done at this time. `pace` is that of a group, or nothing for one that there is no rule for
    /// any more; `held_until` says until when a change is held back; `may_send` whether its endpoint takes another
    /// one now; `id_of` makes the id of a batch out of those of its items.
    pub fn due(
        &mut self,
        now: i64,
        pace: impl Fn(&Group) -> Option<Pace>,
        held_until: impl Fn(&Item<T>) -> Option<i64>,
        mut may_send: impl FnMut(&Group) -> bool,
        id_of: impl Fn(&[&str]) -> String,
    ) -> Due<T> {
        let mut due = Due {
            sendings: Vec::new(),
            dropped: Vec::new(),
            wake_at: None,
        };
        let mut done = Vec::new();
        for (group, state) in &mut self.groups {
            let Some(pace) = pace(group) else {
                let under_way = state.batch.as_ref().is_some_and(|batch| batch.is_under_way);
                if !under_way {
                    due.dropped.extend(state.waiting.drain(..));
                    due.dropped
                        .extend(state.batch.take().into_iter().flat_map(|batch| batch.items));
                    done.push(group.clone());
                }
                continue;
            };
            let wake_at = state.fill(now, pace, &held_until, &id_of, &mut due.dropped);
            let wake_at = wake_at.or_else(|| state.batch.as_ref().map(|batch| batch.not_before));
            let Some(batch) = &mut state.batch else {
                let is_recent = state
                    .last_sent
                    .is_some_and(|at| now < at.saturating_add(pace.every));
                if state.waiting.is_empty() && !is_recent {
                    done.push(group.clone());
                }
                due.wake_at = earliest(due.wake_at, wake_at);
                continue;
            };
            if batch.is_under_way {
                continue;
            }
            if batch.not_before > now {
                due.wake_at = earliest(due.wake_at, wake_at);
                continue;
            }
            // One whose endpoint is busy is looked at when something has ended.
            if may_send(group) {
                batch.attempt += 1;
                batch.is_under_way = true;
                due.sendings.push(Sending {
                    group: group.clone(),
                    id: batch.id.clone(),
                    items: batch.items.clone(),
                    attempt: batch.attempt,
                    is_new: !batch.is_noted,
                });
                batch.is_noted = true;
            }
        }
        for group in done {
            self.groups.remove(&group);
        }
        for item in &due.dropped {
            self.ids.remove(&item.id);
        }
        due
    }

    /// A batch arrived. Returns what it held.
    pub fn delivered(&mut self, group: &Group, now: i64) -> Vec<Item<T>> {
        let items = self.end(group);
        if let Some(state) = self.groups.get_mut(group) {
            state.last_sent = Some(now);
        }
        items
    }

    /// A batch did not arrive. Returns what it held if nobody is told of it any more.
    pub fn failed(
        &mut self,
        group: &Group,
        retry_after: Option<i64>,
        pace: Pace,
        now: i64,
    ) -> Vec<Item<T>> {
        let Some(batch) = self.groups.get_mut(group).and_then(|it| it.batch.as_mut()) else {
            return Vec::new();
        };
        let oldest = batch.items.iter().map(|item| item.at).min().unwrap_or(now);
        if now.saturating_sub(oldest) >= pace.give_up_after {
            return self.end(group);
        }
        batch.is_under_way = false;
        let pause = back_off(batch.attempt).max(retry_after.unwrap_or(0));
        batch.not_before = now.saturating_add(pause);
        Vec::new()
    }

    fn end(&mut self, group: &Group) -> Vec<Item<T>> {
        let state = self.groups.get_mut(group);
        let batch = state.and_then(|state| state.batch.take());
        let items = batch.map(|batch| batch.items).unwrap_or_default();
        for item in &items {
            self.ids.remove(&item.id);
        }
        items
    }

    fn state(&mut self, group: Group) -> &mut State<T> {
        self.groups.entry(group).or_insert_with(|| State {
            waiting: VecDeque::new(),
            held: HashSet::new(),
            batch: None,
            last_sent: None,
        })
    }
}

impl<T: Clone> State<T> {
    /// Makes a batch of what waits, if it is time. Returns when it will be.
    fn fill(
        &mut self,
        now: i64,
        pace: Pace,
        held_until: &impl Fn(&Item<T>) -> Option<i64>,
        id_of: &impl Fn(&[&str]) -> String,
        dropped: &mut Vec<Item<T>>,
    ) -> Option<i64> {
        if self.batch.is_some() || self.waiting.is_empty() {
            return None;
        }
        let mut wake_at = None;
        let mut free = VecDeque::new();
        let mut held = VecDeque::new();
        for item in self.waiting.drain(..) {
            match held_until(&item) {
                Some(until) => {
                    wake_at = earliest(wake_at, Some(until));
                    self.held.insert(item.id.clone());
                    held.push_back(item);
                }
                None => free.push_back(item),
            }
        }
        self.waiting = held;
        self.let_go(&mut free, dropped);
        let next = self.last_sent.map(|at| at.saturating_add(pace.every));
        let is_early = next.is_some_and(|next| now < next);
        let count = if is_early {
            0
        } else {
            free.len().min(BATCH_MAX)
        };
        let items: Vec<_> = free.drain(..count).collect();
        if !free.is_empty() {
            wake_at = earliest(wake_at, next);
        }
        self.waiting.append(&mut free);
        if items.is_empty() {
            return wake_at;
        }
        let ids: Vec<_> = items.iter().map(|item| item.id.as_str()).collect();
        let id = match ids[..] {
            [id] => id.to_owned(),
            _ => id_of(&ids),
        };
        self.batch = Some(Batch {
            id,
            is_noted: items.len() == 1,
            items,
            attempt: 0,
            not_before: i64::MIN,
            is_under_way: false,
        });
        None
    }

    /// Of what a silence held back, what is still so is told, as one change; what has passed is not.
    fn let_go(&mut self, free: &mut VecDeque<Item<T>>, dropped: &mut Vec<Item<T>>) {
        let mut kept: VecDeque<Item<T>> = VecDeque::new();
        for mut item in free.drain(..) {
            let earlier = kept.iter().position(|earlier| {
                earlier.told.series == item.told.series && self.held.contains(&earlier.id)
            });
            if let Some(earlier) = earlier.and_then(|at| kept.remove(at)) {
                self.held.remove(&earlier.id);
                item.told.from = earlier.told.from;
                dropped.push(earlier);
                if item.told.from == item.told.to {
                    dropped.push(item);
                    continue;
                }
                // What comes next may undo it, too.
                self.held.insert(item.id.clone());
            }
            kept.push_back(item);
        }
        for item in &kept {
            self.held.remove(&item.id);
        }
        *free = kept;
    }
}

fn earliest(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The pause after an attempt that failed: 1 s, 2 s, 4 s, … 5 min.
pub fn back_off(attempt: u32) -> i64 {
    let doubled = SECOND.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    doubled.min(BACK_OFF_MAX)
}

#[cfg(test)]
mod tests;
