//! How far something has come that takes long, for those who wait for it.

use std::fmt;

use parking_lot::Mutex;

/// How far something has come. The totals may grow while it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done with.
    pub files_done: u64,
    /// Files that are known to be concerned.
    pub files_total: u64,
    /// Their bytes that are done with.
    pub bytes_done: u64,
    /// All of their bytes.
    pub bytes_total: u64,
}

/// Is told how far something has come, whenever it has come further.
pub type Watch<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Keeps count, and tells.
pub(crate) struct Meter<'a> {
    watch: Watch<'a>,
    progress: Mutex<Progress>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(watch: Watch<'a>) -> Self {
        Self {
            watch,
            progress: Mutex::default(),
        }
    }

    /// More is to be done.
    pub(crate) fn expect(&self, files: u64, bytes: u64) {
        self.change(|progress| {
            progress.files_total += files;
            progress.bytes_total += bytes;
        });
    }

    /// A file is done with.
    pub(crate) fn done(&self, bytes: u64) {
        self.change(|progress| {
            progress.files_done += 1;
            progress.bytes_done += bytes;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.lock();
        change(&mut progress);
        (self.watch)(*progress);
    }
}

impl fmt::Debug for Meter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress.fmt(f)
    }
}
