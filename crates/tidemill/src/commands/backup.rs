//! `tidemill backup`: makes backups of a store, and looks after them.

use std::process::ExitCode;

use catalog::SystemClock;
use indicatif::HumanBytes;
use storage::backup::{self, Backup, Check, Created, Listing, Pruned};
use storage::object_store_settings::open_to_read;

use super::{Result, serve, store};
use crate::cli::store::{BackupArgs, BackupCommand, BackupsArgs, Place};

/// Runs the command.
pub(crate) fn run(args: &BackupArgs) -> Result<ExitCode> {
    match (&args.command, &args.to) {
        (Some(BackupCommand::List(args)), _) => list(args),
        (Some(BackupCommand::Check(args)), _) => check(args),
        (Some(BackupCommand::Prune { backups, keep }), _) => prune(backups, *keep),
        (None, Some(place)) => create(args, place),
        (None, None) => unreachable!("the command line requires a place"),
    }
}

fn create(args: &BackupArgs, place: &Place) -> Result<ExitCode> {
    let settings = store::object_store_settings(&args.store.settings)?;
    let objects = open_to_read(&settings, &args.store.data_dir)?;
    store::check_apart(place, &settings, &args.store.data_dir)?;
    let backups = store::open_place(place, &settings, true)?;
    let bar = store::bar();
    let watch = store::follow(&bar);
    let creating = backup::create(&objects, &backups, &SystemClock, &watch);
    let created = serve::runtime()?.block_on(creating);
    bar.finish_and_clear();
    store::print(&created?, args.format, describe_created)?;
    Ok(ExitCode::SUCCESS)
}

fn describe_created(created: &Created) -> Vec<String> {
    let mut rows = rows(&created.backup);
    rows.push((
        "copied",
        store::files(created.files_copied, created.bytes_copied),
    ));
    let mut lines = store::table(&rows);
    if created.existed {
        lines.push("Nothing has changed since this backup was made.".to_owned());
    }
    lines
}

/// A backup as lines for people.
pub(super) fn describe(backup: &Backup) -> Vec<String> {
    store::table(&rows(backup))
}

fn rows(backup: &Backup) -> Vec<(&'static str, String)> {
    let flushed = match backup.flushed_at_nanos {
        Some(at) => format!(
            "{} before; later rows are in the write-ahead log only, and not in this backup",
            age(at, backup.taken_at_nanos)
        ),
        None => "not since the oldest commit that is kept".to_owned(),
    };
    vec![
        ("backup", backup.number.to_string()),
        ("taken", store::time(backup.taken_at_nanos)),
        ("flushed", flushed),
        ("store", backup.cluster.clone()),
        ("rows", backup.rows.to_string()),
        ("files", store::files(backup.files, backup.bytes)),
    ]
}

fn age(from: i64, to: i64) -> String {
    let nanos = u64::try_from(to.saturating_sub(from)).unwrap_or_default();
    let seconds = std::time::Duration::from_secs(nanos / 1_000_000_000);
    humantime::format_duration(seconds).to_string()
}

fn list(args: &BackupsArgs) -> Result<ExitCode> {
    let backups = open(args, false)?;
    let listing = serve::runtime()?.block_on(backup::list(&backups))?;
    store::print(&listing, args.format, describe_listing)?;
    Ok(match listing.damages.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn describe_listing(listing: &Listing) -> Vec<String> {
    let mut lines = vec![format!(
        "{:>10}  {:30}  {:>8}  {:>12}  {:>10}",
        "backup", "taken", "files", "rows", "size"
    )];
    lines.extend(listing.backups.iter().map(|backup| {
        format!(
            "{:>10}  {:30}  {:>8}  {:>12}  {:>10}",
            backup.number,
            store::time(backup.taken_at_nanos),
            backup.files,
            backup.rows,
            HumanBytes(backup.bytes).to_string()
        )
    }));
    let damages = listing.damages.iter();
    lines.extend(damages.map(|found| format!("damaged: {}: {}", found.place, found.problem)));
    lines
}

fn check(args: &BackupsArgs) -> Result<ExitCode> {
    let backups = open(args, false)?;
    let bar = store::bar();
    let watch = store::follow(&bar);
    let found = serve::runtime()?.block_on(backup::check(&backups, &watch));
    bar.finish_and_clear();
    let found = found?;
    store::print(&found, args.format, describe_check)?;
    Ok(match found.damages.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn describe_check(found: &Check) -> Vec<String> {
    let result = match found.damages.len() {
        0 => "sound".to_owned(),
        damages => format!("{damages} damaged"),
    };
    let mut lines = store::table(&[
        ("backups", found.backups.to_string()),
        ("files", store::files(found.files, found.bytes)),
        ("result", result),
    ]);
    let damages = found.damages.iter();
    lines.extend(damages.map(|found| format!("damaged: {}: {}", found.place, found.problem)));
    lines
}

fn prune(args: &BackupsArgs, keep: u32) -> Result<ExitCode> {
    let backups = open(args, true)?;
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let bar = store::bar();
    let watch = store::follow(&bar);
    let pruning = backup::prune(&backups, keep, &SystemClock, &watch);
    let pruned = serve::runtime()?.block_on(pruning);
    bar.finish_and_clear();
    store::print(&pruned?, args.format, describe_pruned)?;
    Ok(ExitCode::SUCCESS)
}

fn describe_pruned(pruned: &Pruned) -> Vec<String> {
    let numbers: Vec<String> = pruned.backups.iter().map(u64::to_string).collect();
    let deleted = match numbers.is_empty() {
        true => "none".to_owned(),
        false => numbers.join(", "),
    };
    store::table(&[
        ("deleted backups", deleted),
        ("deleted files", store::files(pruned.files, pruned.bytes)),
    ])
}

fn open(args: &BackupsArgs, is_to_be_written: bool) -> Result<store::Store> {
    let settings = store::object_store_settings(&args.settings)?;
    store::open_place(&args.place, &settings, is_to_be_written)
}
