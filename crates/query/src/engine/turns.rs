//! Whose turn it is: so many queries run at a time, and so many wait for theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::stream::Deadline;

/// The turns of an engine.
#[derive(Debug)]
pub(super) struct Turns {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    queued_max: usize,
}

impl Turns {
    pub(super) fn new(running_max: usize, queued_max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(running_max)),
            waiting: AtomicUsize::new(0),
            queued_max,
        }
    }

    /// A turn, which ends when it is dropped.
    pub(super) async fn take(&self, deadline: Deadline) -> Result<OwnedSemaphorePermit> {
        if let Ok(turn) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(turn);
        }
        let _waiting = Waiting::enter(&self.waiting, self.queued_max)?;
        let timeout = deadline.timeout;
        tokio::time::timeout_at(deadline.at, Arc::clone(&self.free).acquire_owned())
            .await
            .map_err(|_| Error::Timeout { timeout })?
            .map_err(|_| Error::ShuttingDown)
    }
}

/// A place in the queue, given back when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize, limit: usize) -> Result<Self> {
        let place = Self(waiting);
        match waiting.fetch_add(1, Ordering::Relaxed) {
            queued if queued >= limit => Err(Error::TooManyQueries { queued }),
            _ => Ok(place),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
