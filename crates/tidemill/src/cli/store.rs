//! The flags of the subcommands that work on a store itself, without a server: `verify`, `backup` and
//! `restore`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::UNIX_EPOCH;

use clap::{Args, Subcommand, ValueEnum};

use super::Assignment;
use super::client::start;

/// Which store: as `serve` would find it.
#[derive(Args, Clone, Debug)]
pub(crate) struct StoreArgs {
    /// The server's data directory.
    #[arg(
        long,
        value_name = "DIR",
        env = "TIDEMILL_DATA_DIR",
        default_value = "./tidemill-data"
    )]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// Where settings come from, besides the environment.
#[derive(Args, Clone, Debug)]
pub(crate) struct SettingsArgs {
    /// The server's settings file (TOML): it says where the object store is.
    #[arg(long, value_name = "FILE", env = "TIDEMILL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Any setting, by its path in the settings file; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub(crate) set: Vec<Assignment>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A table for people.
    Table,
    /// One JSON object.
    Json,
}

/// Check everything in a store against everything else.
///
/// Reads the manifest, every file it names, and the write-ahead log: checksums, sizes, sort order,
/// keys, counts, and that nothing is missing. Changes nothing, takes no lock, and may run while a
/// server does. Files that nothing refers to are listed and are no damage.
///
/// Exits with 0 when all is sound, with 1 when something is damaged, and with 2 when something could
/// not be checked.
#[derive(Args, Debug)]
#[command(after_long_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Check that files exist with the right sizes, and do not read them.
    #[arg(long)]
    pub(crate) quick: bool,
    /// How many files to check at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) parallel: Option<u16>,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  tidemill verify --data-dir /var/lib/tidemill
  tidemill verify --quick
  tidemill verify --config tidemill.toml --format json";

/// Back a store up, and look after its backups.
///
/// Copies the files that the backups do not have yet, each checked on its way, and then writes down
/// what the store is as of one manifest. May run while a server does. Rows that are in the write-ahead
/// log only are not in a backup: a server brings them to files at the latest when they are
/// `buffer.flush_age` old (10 min unless set), and when it stops.
#[derive(Args, Debug)]
#[command(
    after_long_help = BACKUP_EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct BackupArgs {
    /// What to do instead of making a backup.
    #[command(subcommand)]
    pub(crate) command: Option<BackupCommand>,
    /// Where the backups are: a directory, or `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "PLACE", required = true)]
    pub(crate) to: Option<Place>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

const BACKUP_EXAMPLES: &str = "\
Examples:
  tidemill backup --data-dir /var/lib/tidemill --to /mnt/backup/plant
  tidemill backup --config tidemill.toml --to s3://backups/plant
  tidemill backup list --in /mnt/backup/plant
  tidemill backup check --in /mnt/backup/plant
  tidemill backup prune --in /mnt/backup/plant --keep 14

Address and credentials of an S3-compatible service are those of section `object_store.s3` in the
settings, then the usual AWS_… variables.";

/// The subcommands of `backup`.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Print the backups there are, oldest first.
    List(BackupsArgs),
    /// Read every backup and every file of it, and compare checksums; exits with 1 on damage.
    Check(BackupsArgs),
    /// Delete all but the newest backups, and the files that only those needed.
    Prune {
        #[command(flatten)]
        backups: BackupsArgs,
        /// How many to keep.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
    },
}

/// Which backups.
#[derive(Args, Clone, Debug)]
pub(crate) struct BackupsArgs {
    /// Where the backups are: a directory, or `s3://BUCKET/PREFIX`.
    #[arg(long = "in", value_name = "PLACE")]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

/// Make a store of a backup.
///
/// The data directory and the object store in the settings must be empty, and no server may run on
/// them. Every file is checked on its way, and the whole store once it is there. What comes out is a
/// store of its own: it has the tokens of the original, its backups belong in another place, and a
/// write-ahead log of the original is refused in it.
///
/// Exits with 0 when the store was restored and found sound, with 1 otherwise.
#[derive(Args, Debug)]
#[command(after_long_help = RESTORE_EXAMPLES)]
pub(crate) struct RestoreArgs {
    /// Where the backups are: a directory, or `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "PLACE")]
    pub(crate) from: Place,
    /// The data directory of the new store.
    #[arg(long, value_name = "DIR")]
    pub(crate) to_data_dir: PathBuf,
    /// The newest backup not after this: the number of a manifest, or a time in UTC (RFC 3339) as
    /// `tidemill backup list` prints it; one without a fraction is the end of that second
    /// [default: the newest].
    #[arg(long, value_name = "NUMBER|TIME")]
    pub(crate) to: Option<Point>,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    /// How to write the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
}

const RESTORE_EXAMPLES: &str = "\
Examples:
  tidemill restore --from /mnt/backup/plant --to-data-dir /var/lib/tidemill-restored
  tidemill restore --from s3://backups/plant --to-data-dir ./restored --to 2026-11-20T12:00:00Z
  tidemill restore --from /mnt/backup/plant --to-data-dir ./restored --to 4711";

/// A place for backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A directory of this machine.
    Directory(PathBuf),
    /// Objects of an S3-compatible service.
    S3 {
        /// The bucket.
        bucket: String,
        /// What their names start with.
        prefix: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => write!(f, "{}", directory.display()),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.is_empty() {
                true => Err("expected a directory or s3://BUCKET/PREFIX".to_owned()),
                false => Ok(Self::Directory(PathBuf::from(text))),
            };
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        match scheme {
            "s3" if !bucket.is_empty() => Ok(Self::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.trim_matches('/').to_owned(),
            }),
            _ => Err("expected a directory or s3://BUCKET/PREFIX".to_owned()),
        }
    }
}

/// A point in the history of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// A manifest.
    Number(u64),
    /// Nanoseconds since 1970.
    Time(i64),
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        let time = start(text).map_err(|error| format!("neither a number nor a time: {error}"))?;
        let since = time.duration_since(UNIX_EPOCH).ok();
        let nanos = since.map(|since| since.as_nanos() + rest_of_second(text));
        let nanos = nanos.and_then(|nanos| i64::try_from(nanos).ok());
        nanos
            .map(Self::Time)
            .ok_or("the time is out of range".to_owned())
    }
}

/// A second is written without a fraction by whoever means all of it.
fn rest_of_second(time: &str) -> u128 {
    match time.contains('.') {
        true => 0,
        false => 999_999_999,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_directories_or_buckets() {
        let check = |text: &str, expected: Option<Place>| {
            assert_eq!(text.parse::<Place>().ok(), expected, "{text}");
        };
        let bucket = |bucket: &str, prefix: &str| {
            Some(Place::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            })
        };
        check("/mnt/backup", Some(Place::Directory("/mnt/backup".into())));
        check("backup", Some(Place::Directory("backup".into())));
        check("s3://b", bucket("b", ""));
        check("s3://b/", bucket("b", ""));
        check("s3://b/plant/a/", bucket("b", "plant/a"));
        check("s3:///plant", None);
        check("gs://b/plant", None);
        check("", None);
    }

    #[test]
    fn points_are_numbers_or_times() {
        let check = |text: &str, expected: Option<Point>| {
            assert_eq!(text.parse::<Point>().ok(), expected, "{text}");
        };
        check("0", Some(Point::Number(0)));
        check("4711", Some(Point::Number(4711)));
        check("1970-01-01T00:00:01Z", Some(Point::Time(1_999_999_999)));
        check("1970-01-01T00:00:01.0Z", Some(Point::Time(1_000_000_000)));
        let listed = "1970-01-01T00:00:01.500000001Z";
        check(listed, Some(Point::Time(1_500_000_001)));
        check("1970-01-02", Some(Point::Time(86_400_999_999_999)));
        check("yesterday", None);
        check("-3", None);
        check("2999-01-01", None);
    }
}
