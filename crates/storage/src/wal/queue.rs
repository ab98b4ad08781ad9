//! What waits for the committing thread: a queue bounded in bytes, with any number of writers and one
//! reader.

use std::collections::VecDeque;
use std::time::Instant;

use bytesize::ByteSize;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::error::{Error, Result};
use super::{Durability, Entry};

/// What one waiting record costs beside its payload, so that empty payloads are bounded too.
const OVERHEAD_BYTES: u64 = 128;

/// A record and the writer who waits for it.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub(super) entry: Entry<T>,
    pub(super) answer: oneshot::Sender<Result<u64>>,
}

/// What the committing thread is to do next.
#[derive(Debug)]
pub(super) enum Work<T> {
    /// Commit these records together; there is at least one.
    Group(Vec<Waiting<T>>),
    /// End the active segment and say so.
    Rotate(oneshot::Sender<Result<()>>),
    /// The deadline passed.
    Tick,
    /// No more will come.
    Close,
}

#[derive(Debug)]
enum Command<T> {
    Append(Waiting<T>),
    Rotate(oneshot::Sender<Result<()>>),
}

#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    commands: VecDeque<Command<T>>,
    bytes: u64,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                commands: VecDeque::new(),
                bytes: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Bytes that wait to be committed.
    pub(super) fn bytes(&self) -> u64 {
        self.state.lock().bytes
    }

    pub(super) fn append(&self, waiting: Waiting<T>, limit: ByteSize) -> Result<()> {
        let size = cost(&waiting.entry);
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Error::Closed);
        }
        if state.bytes + size > limit.as_u64() {
            return Err(Error::Overloaded {
                queued: ByteSize(state.bytes),
                limit,
            });
        }
        state.bytes += size;
        state.commands.push_back(Command::Append(waiting));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn rotate(&self, answer: oneshot::Sender<Result<()>>) -> Result<()> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Error::Closed);
        }
        state.commands.push_back(Command::Rotate(answer));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Lets nothing more in. What waits is still handed out.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Lets nothing more in and drops what waits: its writers learn that the log is closed.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.bytes = 0;
        let abandoned = std::mem::take(&mut state.commands);
        drop(state);
        drop(abandoned);
    }

    /// Waits for work until `deadline`. A group takes what is there, up to `group_bytes_max`, but at
    /// least one record.
    pub(super) fn next(&self, group_bytes_max: u64, deadline: Option<Instant>) -> Work<T> {
        let mut state = self.state.lock();
        while state.commands.is_empty() {
            if state.is_closed {
                return Work::Close;
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        return Work::Tick;
                    }
                }
            }
        }
        state.take(group_bytes_max)
    }
}

impl<T> State<T> {
    fn take(&mut self, group_bytes_max: u64) -> Work<T> {
        let mut group = Vec::new();
        let mut group_bytes = 0;
        while let Some(command) = self.commands.pop_front() {
            match command {
                Command::Rotate(answer) if group.is_empty() => return Work::Rotate(answer),
                Command::Append(waiting)
                    if group.is_empty()
                        || group_bytes + cost(&waiting.entry) <= group_bytes_max =>
                {
                    group_bytes += cost(&waiting.entry);
                    group.push(waiting);
                }
                other => {
                    self.commands.push_front(other);
                    break;
                }
            }
        }
        self.bytes -= group_bytes;
        Work::Group(group)
    }
}

fn cost<T>(entry: &Entry<T>) -> u64 {
    entry.payload.len() as u64 + OVERHEAD_BYTES
}

/// Whether the records of a group have to be synced before anyone is answered.
pub(super) fn needs_sync<T>(group: &[Waiting<T>]) -> bool {
    group
        .iter()
        .any(|waiting| waiting.entry.durability == Durability::Synced)
}
