//! InfluxDB 1 (Debian package `influxdb`), with the defaults of its configuration: index in memory,
//! an fsync before each acknowledgement (`wal-fsync-delay` 0).

use std::path::Path;
use std::process::Command;

pub(super) fn command(binary: &Path, data: &Path, port: u16) -> Command {
    let mut command = Command::new(binary);
    // `/dev/null` keeps a configuration file of the machine out; what is not set is the default.
    command.args(["run", "-config", "/dev/null"]);
    let folders = [
        ("INFLUXDB_META_DIR", "meta"),
        ("INFLUXDB_DATA_DIR", "data"),
        ("INFLUXDB_DATA_WAL_DIR", "wal"),
    ];
    for (name, folder) in folders {
        command.env(name, data.join(folder));
    }
    command
        .env("INFLUXDB_DATA_WAL_FSYNC_DELAY", "0s")
        .env("INFLUXDB_HTTP_BIND_ADDRESS", format!("127.0.0.1:{port}"))
        // The backup interface is not used; port 0 keeps two runs apart.
        .env("INFLUXDB_BIND_ADDRESS", "127.0.0.1:0")
        .env("INFLUXDB_REPORTING_DISABLED", "true");
    command
}
