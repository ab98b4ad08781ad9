//! What the buffer takes in memory, as accounts that their owners keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The accounts of one buffer, in bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// Chunks, those that a flush has taken up included.
    pub(super) rows: Account,
    /// Chunks that a flush has taken up.
    pub(super) frozen: Account,
    /// What is known of series: their keys, numbers and occupied times.
    pub(super) series: Account,
}

/// A sum of bytes that many add to.
#[derive(Debug, Clone, Default)]
pub(super) struct Account(Arc<AtomicUsize>);

impl Account {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A share of the account that starts at nothing.
    pub(super) fn share(&self) -> Share {
        Share {
            account: self.clone(),
            bytes: 0,
        }
    }
}

/// One owner's part of an account, given back when it is dropped: what readers still hold counts.
#[derive(Debug)]
pub(super) struct Share {
    account: Account,
    bytes: usize,
}

impl Share {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn set(&mut self, bytes: usize) {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.account.add(more),
            None => self.account.subtract(self.bytes - bytes),
        }
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.account.subtract(self.bytes);
    }
}
