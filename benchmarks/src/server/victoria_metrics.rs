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

/// Its own word, or where it has none, as when Debian built it, that of the package.
pub(super) fn version(binary: &Path) -> Result<String> {
    let own = first_line(Command::new(binary).arg("-version"))?;
    if !own.is_empty() {
        return Ok(own);
    }
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Package} ${Version}"]);
    first_line(query.arg("victoria-metrics"))
}
