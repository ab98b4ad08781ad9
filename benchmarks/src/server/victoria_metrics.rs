//! VictoriaMetrics (Debian package `victoria-metrics`), with its defaults but for the retention:
//! the data is older than the month that it keeps by default.

use std::path::Path;
use std::process::Command;

pub(super) fn command(binary: &Path, data: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    command
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-storageDataPath={}", data.display()))
        .arg("-retentionPeriod=100y");
    command
}
