//! VictoriaMetrics (Debian package `victoria-metrics`), with its defaults but for the retention:
//! the data is older than the month that it keeps by default.

use std::path::Path;
use std::process::Command;

use super::first_line;
use crate::error::Result;

pub(super) fn command(binary: &Path, data: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    command
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-storageDataPath={}", data.display()))
        .arg("-retentionPeriod=100y");
    command
}

/// From the package: the packaged binary does not know its own version.
pub(super) fn version() -> Result<String> {
    let mut query = Command::new("dpkg-query");
    query.args([
        "--show",
        "--showformat=${Package} ${Version}",
        "victoria-metrics",
    ]);
    first_line(&mut query)
}
