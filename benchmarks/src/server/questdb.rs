//! QuestDB (`org.questdb:questdb` of Maven Central), run by `java` from its jar with the defaults
//! of its configuration; only the interfaces that are not used are off.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{AtPath, Error, Result};

/// Where Maven's client puts the artifact, below the home folder.
const REPOSITORY: &str = ".m2/repository/org/questdb/questdb";

pub(super) fn command(jar: &Path, data: &Path, port: u16) -> Command {
    let mut command = Command::new("java");
    command
        .arg("-XX:+UseParallelGC")
        .arg("-p")
        .arg(jar)
        .args(["-m", "io.questdb/io.questdb.ServerMain", "-d"])
        .arg(data)
        .env("QDB_HTTP_BIND_TO", format!("127.0.0.1:{port}"))
        .env("QDB_HTTP_MIN_ENABLED", "false")
        .env("QDB_PG_ENABLED", "false")
        .env("QDB_LINE_TCP_ENABLED", "false")
        .env("QDB_TELEMETRY_ENABLED", "false");
    command
}

pub(super) fn newest_jar() -> Result<PathBuf> {
    let missing = || {
        Error::Usage {
        detail: "no QuestDB jar in Maven's local repository; benchmarks/README.md says how it gets there"
            .to_owned(),
    }
    };
    let home = std::env::var_os("HOME").ok_or_else(missing)?;
    let repository = Path::new(&home).join(REPOSITORY);
    let Ok(versions) = std::fs::read_dir(&repository) else {
        return Err(missing());
    };
    let mut found = Vec::new();
    for version in versions {
        let name = version.at(&repository)?.file_name();
        let name = name.to_string_lossy();
        let jar = repository.join(&*name).join(format!("questdb-{name}.jar"));
        if jar.is_file() {
            found.push((numbers(&name), jar));
        }
    }
    found.sort();
    found.pop().map(|(_, jar)| jar).ok_or_else(missing)
}

/// From the name of the jar.
pub(super) fn version(jar: &Path) -> String {
    let name = jar.file_stem().unwrap_or_default().to_string_lossy();
    name.replace('-', " ")
}

/// `9.10.1` after `9.9.2`.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}
