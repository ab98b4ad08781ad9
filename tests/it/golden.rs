//! Recorded exchanges: what was sent, and what has to come back, word for word. The records in
//! `tests/golden` are to be read; a change to one is a change that clients can see.
//!
//! `TIDEMILL_UPDATE_GOLDEN=1 cargo test -p tidemill --test it -- golden` writes them anew.

mod flight;
mod http;

use std::path::PathBuf;

use crate::harness::checkout;

fn path(name: &str) -> PathBuf {
    checkout().join("tests/golden").join(name)
}

/// Holds a record against what has just been said, or replaces it where that is asked for.
pub(crate) fn compare(name: &str, said: &str) {
    let path = path(name);
    if std::env::var_os("TIDEMILL_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, said).unwrap();
        return;
    }
    let recorded = std::fs::read_to_string(&path).unwrap();
    let mut lines = recorded.lines().zip(said.lines()).enumerate();
    let wrong = lines.find(|(_, (recorded, said))| recorded != said);
    assert!(
        recorded == said,
        "{}, from line {}:\n{said}",
        path.display(),
        wrong.map_or_else(
            || said.lines().count().min(recorded.lines().count()),
            |(at, _)| at
        ) + 1
    );
}
