//! When tasks are to be looked at: one time for each, the earliest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::definition::TaskId;

/// A heap of times. An entry that was set again since is left in it and passed over when its time comes.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(i64, TaskId)>>,
    set: HashMap<TaskId, i64>,
}

impl Timers {
    /// The task is to be looked at then, and at no other time.
    pub(super) fn set(&mut self, task: TaskId, at: i64) {
        if self.set.insert(task, at) != Some(at) {
            self.heap.push(Reverse((at, task)));
        }
        // Tasks whose time is moved again and again must not fill the heap.
        if self.heap.len() > 2 * self.set.len() + 64 {
            self.heap = self
                .set
                .iter()
                .map(|(task, at)| Reverse((*at, *task)))
                .collect();
        }
    }

    /// The task is not to be looked at.
    pub(super) fn clear(&mut self, task: TaskId) {
        self.set.remove(&task);
    }

    /// A task whose time has come.
    pub(super) fn pop(&mut self, now: i64) -> Option<TaskId> {
        self.drop_stale();
        let Reverse((at, task)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        self.set.remove(&task);
        Some(task)
    }

    /// The earliest time.
    pub(super) fn next(&mut self) -> Option<i64> {
        self.drop_stale();
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    fn drop_stale(&mut self) {
        while let Some(Reverse((at, task))) = self.heap.peek()
            && self.set.get(task) != Some(at)
        {
            self.heap.pop();
        }
    }
}
