//! Tidemill: picks its own port and writes the address to a file.

use std::path::Path;
use std::process::Command;

use crate::error::{AtPath, Result};

#[derive(serde::Deserialize)]
struct Endpoints {
    http: String,
}

pub(super) fn command(binary: &Path, data: &Path, settings: &[String]) -> Command {
    let mut command = Command::new(binary);
    // Settings come from the command line alone, which the result records.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEMILL_") {
            command.env_remove(name);
        }
    }
    command.args(["serve", "--http-bind", "127.0.0.1:0", "--v3-bind", "none"]);
    command.arg("--without-auth").arg("--data-dir").arg(data);
    for setting in settings {
        command.arg("--set").arg(setting);
    }
    command
}

/// Removes the file of the run before, which names a port that is no longer ours.
pub(super) fn forget_address(data: &Path) -> Result<()> {
    let path = data.join("endpoints.json");
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at(&path),
        _ => Ok(()),
    }
}

/// `None` until the file is there and complete: the server may be in the middle of writing it.
pub(super) fn address(data: &Path) -> Result<Option<String>> {
    let path = data.join("endpoints.json");
    match std::fs::read(&path) {
        Ok(bytes) => Ok(serde_json::from_slice::<Endpoints>(&bytes)
            .ok()
            .map(|found| found.http)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at(&path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_written_address_file_is_not_yet_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (None, None),
            (Some(r#"{"http":"127.0.0.1:1"#), None),
            (
                Some(r#"{"http":"127.0.0.1:1","v3":null}"#),
                Some("127.0.0.1:1".to_owned()),
            ),
        ];
        for (text, expected) in cases {
            if let Some(text) = text {
                std::fs::write(folder.path().join("endpoints.json"), text).unwrap();
            }
            assert_eq!(address(folder.path()).unwrap(), expected, "{text:?}");
        }
        forget_address(folder.path()).unwrap();
        assert_eq!(address(folder.path()).unwrap(), None);
        forget_address(folder.path()).unwrap();
    }
}
