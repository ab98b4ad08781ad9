//! The two threads behind the log. The committer writes and syncs one group while the applier applies
//! the one before it and answers its writers:
//!
//! ```text
//! writers → queue → committer: number, write, sync → applier: apply in order, answer
//! ```
//!
//! The committer owns the applier. Both end when the queue is closed and drained, or when either
//! panics; writers that still wait then learn that the log is closed, because their answer is dropped.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use tokio::sync::{oneshot, watch};

use super::Apply;
use super::error::{Error, Result};
use super::log::{Log, Record};
use super::queue::{Queue, Waiting, Work, needs_sync};

/// Groups that may wait for the applier. One is enough to overlap with the sync of the next; more
/// would only hide that applying is the slower half.
const GROUPS_WAITING_MAX: usize = 1;

/// How the log ended; nothing while it runs.
pub(super) type Outcome = Option<Result<()>>;

/// A group on its way from the committer to the applier: its records are committed.
#[derive(Debug)]
struct Committed<T> {
    first_sequence: u64,
    items: Vec<(T, oneshot::Sender<Result<u64>>)>,
}

struct Committer<T> {
    log: Log,
    queue: Arc<Queue<T>>,
    group_bytes_max: u64,
    applier: SyncSender<Committed<T>>,
}

/// Starts both threads. The receiver learns how they ended.
pub(super) fn start<T: Send + 'static>(
    log: Log,
    queue: Arc<Queue<T>>,
    group_bytes_max: u64,
    apply: impl Apply<T>,
) -> io::Result<watch::Receiver<Outcome>> {
    let (applier, committed) = sync_channel(GROUPS_WAITING_MAX);
    let applier_thread = Builder::new()
        .name("wal-applier".into())
        .spawn(move || apply_groups(&committed, apply))?;
    let (outcome, ended) = watch::channel(None);
    let committer = Committer {
        log,
        queue,
        group_bytes_max,
        applier,
    };
    Builder::new()
        .name("wal-committer".into())
        .spawn(move || run(committer, applier_thread, outcome))?;
    Ok(ended)
}

/// The body of the committing thread. Dropping `outcome` tells of a panic.
fn run<T>(
    committer: Committer<T>,
    applier_thread: JoinHandle<()>,
    outcome: watch::Sender<Outcome>,
) {
    let guard = AbandonOnExit(Arc::clone(&committer.queue));
    let mut result = committer.commit_groups();
    if applier_thread.join().is_err() {
        result = Err(Error::Closed);
    }
    drop(guard);
    outcome.send_replace(Some(result));
}

/// However the committer ends, nobody waits for it any longer.
struct AbandonOnExit<T>(Arc<Queue<T>>);

impl<T> Drop for AbandonOnExit<T> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<T> Committer<T> {
    /// Works until the queue is closed and drained, or the applier is gone.
    fn commit_groups(mut self) -> Result<()> {
        loop {
            match self.queue.next(self.group_bytes_max, self.log.tick_due()) {
                Work::Group(group) => self.commit(group)?,
                Work::Rotate(answer) => {
                    // A caller that stopped waiting does not undo the rotation.
                    let _ = answer.send(self.log.rotate());
                }
                // The log keeps and reports its outage; it is tried again by the next write.
                Work::Tick => drop(self.log.tick()),
                Work::Close => return self.log.close(),
            }
        }
    }

    fn commit(&mut self, group: Vec<Waiting<T>>) -> Result<()> {
        let sync = needs_sync(&group);
        let mut records = Vec::with_capacity(group.len());
        let mut items = Vec::with_capacity(group.len());
        for Waiting { entry, answer } in group {
            records.push(Record {
                kind: entry.kind,
                payload: entry.payload,
            });
            items.push((entry.item, answer));
        }
        match self.log.commit(records, sync) {
            Ok(first_sequence) => self
                .applier
                .send(Committed {
                    first_sequence,
                    items,
                })
                .map_err(|_| Error::Closed),
            Err(error) => {
                for (_, answer) in items {
                    // A writer that stopped waiting is not told.
                    let _ = answer.send(Err(error.clone()));
                }
                Ok(())
            }
        }
    }
}

/// The body of the applying thread.
fn apply_groups<T>(committed: &Receiver<Committed<T>>, mut apply: impl Apply<T>) {
    for group in committed {
        for (sequence, (item, answer)) in (group.first_sequence..).zip(group.items) {
            apply.apply(sequence, item);
            // A writer that stopped waiting has its record all the same.
            let _ = answer.send(Ok(sequence));
        }
    }
}
