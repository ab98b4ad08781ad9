//! `<data-dir>/endpoints.json`: the addresses of the running server, for scripts and tests.

use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use super::ServeError;

/// Addresses in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Endpoints {
    /// Answers as InfluxDB v1 and v2 do.
    pub(crate) http: SocketAddr,
    /// Answers as InfluxDB v3 does.
    pub(crate) v3: Option<SocketAddr>,
    /// `http` or `https`, which all of them speak.
    pub(crate) scheme: &'static str,
}

impl Endpoints {
    /// Replaces the file as a whole, so that a reader never sees half of it.
    pub(super) fn save(&self, data_dir: &Path) -> Result<(), ServeError> {
        let path = data_dir.join("endpoints.json");
        let text = serde_json::to_string(self).expect("addresses always become JSON");
        let staged = data_dir.join("endpoints.json.new");
        std::fs::write(&staged, text)
            .and_then(|()| std::fs::rename(&staged, &path))
            .map_err(|source| ServeError::Write { path, source })
    }

    /// Removes the file: nobody answers there any more. A file that stays does no harm beyond that.
    pub(super) fn remove(data_dir: &Path) {
        if let Err(error) = std::fs::remove_file(data_dir.join("endpoints.json")) {
            tracing::warn!(%error, "could not remove endpoints.json");
        }
    }
}
