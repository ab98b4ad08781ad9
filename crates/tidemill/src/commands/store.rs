//! What the commands have in common that work on a store without a server.

use std::path::Path;
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

/// A time in UTC, to the second.
pub(super) fn time(nanos: i64) -> String {
    let since = Duration::from_nanos(u64::try_from(nanos).unwrap_or_default());
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_below_each_other() {
        let rows = [("files", "3".to_owned()), ("manifest", "42".to_owned())];
        assert_eq!(table(&rows), ["files     3", "manifest  42"]);
        assert_eq!(files(2, 2048), "2 (2.00 KiB)");
        assert_eq!(time(1_500_000_000), "1970-01-01T00:00:01Z");
    }
}
