//! What the commands have in common that work on a store without a server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use indicatif::{HumanBytes, ProgressBar};
use serde::Serialize;
use storage::Progress;
use storage::object_store_settings::{self as object_store, Kind, open, open_to_read};

use super::{CommandError, Result, write};
use crate::cli::store::{Place, ReportFormat, SettingsArgs};
use crate::output::print_lines;
use crate::serving::Settings;
use crate::settings;

/// An object store, by what this program knows of it.
pub(super) type Store = Arc<dyn object_store::ObjectStore>;

/// The settings of the object store, from the file, the environment and flags.
pub(super) fn object_store_settings(args: &SettingsArgs) -> Result<object_store::Settings> {
    let text = |value: &str| toml::Value::String(value.to_owned());
    let set = args.set.iter();
    let set = set.map(|set| (set.path.clone(), text(&set.value)));
    let config = args.config.as_deref();
    let settings: Settings = settings::layered(config, settings::environment(), set.collect())?;
    Ok(settings.object_store)
}

/// Opens the place of backups, to write there or to look only.
pub(super) fn open_place(
    place: &Place,
    settings: &object_store::Settings,
    is_to_be_written: bool,
) -> Result<Store> {
    let mut settings = settings.clone();
    let directory = match place {
        Place::Directory(directory) => {
            settings.kind = Kind::Local;
            directory.clone()
        }
        Place::S3 { bucket, prefix } => {
            settings.kind = Kind::S3;
            settings.s3.bucket.clone_from(bucket);
            settings.s3.prefix.clone_from(prefix);
            Path::new(".").to_owned()
        }
    };
    // The directory itself, not one inside it.
    settings.directory = Some(Path::new(".").to_owned());
    Ok(match is_to_be_written {
        true => open(&settings, &directory)?,
        false => open_to_read(&settings, &directory)?,
    })
}

/// Fails if backups would be made inside of what is backed up, and be lost together with it.
pub(super) fn check_apart(
    place: &Place,
    settings: &object_store::Settings,
    data_dir: &Path,
) -> Result<()> {
    match is_inside(place, settings, data_dir) {
        true => Err(CommandError::BackupInside {
            place: place.to_string(),
        }),
        false => Ok(()),
    }
}

fn is_inside(place: &Place, settings: &object_store::Settings, data_dir: &Path) -> bool {
    match place {
        Place::Directory(directory) => {
            let directory = real(directory);
            let objects = settings.directory.iter().map(|path| data_dir.join(path));
            let mut own = objects.chain([data_dir.to_owned()]);
            own.any(|own| directory.starts_with(real(&own)))
        }
        Place::S3 { bucket, prefix } => {
            let own = settings.s3.prefix.trim_matches('/');
            settings.kind == Kind::S3
                && settings.s3.bucket == *bucket
                && Path::new(prefix).starts_with(own)
        }
    }
}

/// A path from the root and without links. Its end need not be there yet.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.clone(),
    }
}

/// A bar that follows what is done with files. It hides by itself where standard error is no terminal.
pub(super) fn bar() -> ProgressBar {
    ProgressBar::new(0).with_style(write::bar_style(true))
}

/// Moves the bar on.
pub(super) fn follow(bar: &ProgressBar) -> impl Fn(Progress) + Send + Sync {
    let bar = bar.clone();
    move |progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_done);
    }
}

/// Prints a report in the form that was asked for.
pub(super) fn print<T: Serialize>(
    report: &T,
    format: ReportFormat,
    for_people: impl FnOnce(&T) -> Vec<String>,
) -> Result<()> {
    let lines = match format {
        ReportFormat::Table => for_people(report),
        ReportFormat::Json => {
            let json = serde_json::to_string_pretty(report);
            vec![json.map_err(|source| CommandError::Report { source })?]
        }
    };
    Ok(print_lines(&lines)?)
}

/// Lines of names and values, the values one below the other.
pub(super) fn table(rows: &[(&str, String)]) -> Vec<String> {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| format!("{name:width$}  {value}");
    rows.iter().map(line).collect()
}

/// A number of files with their size.
pub(super) fn files(files: u64, bytes: u64) -> String {
    format!("{files} ({})", HumanBytes(bytes))
}

/// A time in UTC, to the nanosecond: it may be given back to a command that takes one.
pub(super) fn time(nanos: i64) -> String {
    let since = Duration::from_nanos(u64::try_from(nanos).unwrap_or_default());
    humantime::format_rfc3339_nanos(UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_made_apart_from_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("plant");
        let link = folder.path().join("link");
        std::fs::create_dir(&data_dir).unwrap();
        std::os::unix::fs::symlink(&data_dir, &link).unwrap();
        let check = |settings: &object_store::Settings, place: &str, expected: bool| {
            let place: Place = place.parse().unwrap();
            assert_eq!(is_inside(&place, settings, &data_dir), expected, "{place}");
        };
        let elsewhere = object_store::Settings {
            directory: Some(folder.path().join("volume")),
            ..Default::default()
        };
        for (path, expected) in [
            ("plant", true),
            ("plant/backups", true),
            ("plant/objects/x/y", true),
            ("link/backups", true),
            ("volume/x", true),
            ("plant-backups", false),
            ("backups/plant", false),
            ("", false),
        ] {
            let place = folder.path().join(path);
            check(&elsewhere, place.to_str().unwrap(), expected);
        }
        let mut s3 = object_store::Settings {
            kind: Kind::S3,
            ..Default::default()
        };
        s3.s3.bucket = "b".to_owned();
        s3.s3.prefix = "plant/".to_owned();
        for (place, expected) in [
            ("s3://b/plant", true),
            ("s3://b/plant/backups", true),
            ("s3://b/plant-backups", false),
            ("s3://b", false),
            ("s3://c/plant", false),
        ] {
            check(&s3, place, expected);
        }
    }

    #[test]
    fn values_stand_below_each_other() {
        let rows = [("files", "3".to_owned()), ("manifest", "42".to_owned())];
        assert_eq!(table(&rows), ["files     3", "manifest  42"]);
        assert_eq!(files(2, 2048), "2 (2.00 KiB)");
        assert_eq!(time(1_500_000_001), "1970-01-01T00:00:01.500000001Z");
    }
}
