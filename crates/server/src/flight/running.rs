//! The results that are being sent, so that a caller can stop one of its own by its ticket.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// All results that are being sent, over whichever address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    /// By a number of their own: a ticket may be used twice at a time.
    running: HashMap<u64, (Bytes, CancellationToken)>,
}

/// A result that is being sent, until it is dropped.
#[derive(Debug)]
pub(super) struct Running {
    registry: Registry,
    number: u64,
    token: CancellationToken,
}

impl Registry {
    /// Adds a result under the id of its ticket.
    pub(super) fn enter(&self, id: Bytes) -> Running {
        let token = CancellationToken::new();
        let mut entries = self.entries();
        let number = entries.next;
        entries.next += 1;
        entries.running.insert(number, (id, token.clone()));
        drop(entries);
        Running {
            registry: self.clone(),
            number,
            token,
        }
    }

    /// Stops what runs under this id; `false` if nothing does.
    pub(super) fn cancel(&self, id: &Bytes) -> bool {
        let entries = self.entries();
        let found = entries.running.values().filter(|(other, _)| other == id);
        found.map(|(_, token)| token.cancel()).count() > 0
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl Running {
    /// Returns once the caller has asked for the end.
    pub(super) async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.registry.entries().running.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_runs_can_be_stopped() {
        let registry = Registry::default();
        let (one, other) = (Bytes::from_static(b"1"), Bytes::from_static(b"2"));
        let running = [registry.enter(one.clone()), registry.enter(one.clone())];
        let unconcerned = registry.enter(other);
        assert!(registry.cancel(&one));
        for running in running {
            running.cancelled().await;
        }
        assert!(!unconcerned.token.is_cancelled());
        assert!(!registry.cancel(&one), "both have ended");
    }
}
