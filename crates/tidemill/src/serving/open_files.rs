//! How many files and connections this process may have open.
//!
//! Many systems allow 1024 unless a process asks for more, which every program that calls `select` would
//! suffer from and this one does not. Without a free one, connections wait and a log cannot go on.

use tracing::{info, warn};

/// Files beside connections: segments of the log, files that queries and compaction read, spilled rows.
const FILES: u64 = 1024;

/// Asks for as many as the system's administrator allows, and says so if that may not be enough for so
/// many connections.
pub(super) fn allow(connections: u64) {
    let wanted = connections.saturating_add(FILES);
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < wanted => warn!(
            limit,
            wanted,
            "few files may be open: raise the limit (`ulimit -Hn`, `LimitNOFILE`) or lower server.connections.connections_max"
        ),
        Ok(limit) => info!(limit, "files that may be open"),
        Err(error) => warn!(%error, "cannot ask for more files to be open"),
    }
}
