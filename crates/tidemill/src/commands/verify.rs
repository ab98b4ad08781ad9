//! `tidemill verify`: holds a store against itself.

use std::process::ExitCode;

use indicatif::{HumanBytes, HumanCount};
use storage::object_store_settings::open_to_read;
use storage::verify::{self, LogReport, Options, Report};

use super::{Result, serve, store};
use crate::cli::store::VerifyArgs;
use crate::client::retry;

/// Something could not be checked, which is neither sound nor damaged.
const UNCHECKED: u8 = 2;

/// Orphans that are named in the table; all of them are in the JSON.
const ORPHANS_NAMED_MAX: usize = 10;

/// Runs the command. Whatever keeps it from checking has an exit code of its own, so that a script can
/// tell a network that is down from a file that is damaged.
pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode> {
    Ok(verify(args).unwrap_or_else(|error| {
        eprintln!("tidemill: {}", retry::chain(&error));
        ExitCode::from(UNCHECKED)
    }))
}

fn verify(args: &VerifyArgs) -> Result<ExitCode> {
    let settings = store::object_store_settings(&args.store.settings)?;
    let data_dir = args.store.data_dir.as_path();
    let objects = open_to_read(&settings, data_dir)?;
    let mut options = match args.quick {
        true => Options::quick(),
        false => Options::default(),
    };
    if let Some(parallel) = args.parallel {
        options.files_at_once = usize::from(parallel);
    }
    let bar = store::bar();
    let watch = store::follow(&bar);
    // A store on the network may be looked at from a machine that has no log of it.
    let log = Some(data_dir).filter(|data_dir| data_dir.join("wal").is_dir());
    let verifying = verify::run(&objects, log, &options, &watch);
    let report = serve::runtime()?.block_on(verifying);
    bar.finish_and_clear();
    let report = report?;
    store::print(&report, args.format, describe)?;
    Ok(exit_code(&report))
}

fn exit_code(report: &Report) -> ExitCode {
    if !report.damages.is_empty() {
        ExitCode::FAILURE
    } else if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNCHECKED)
    }
}

/// The report as lines for people.
pub(super) fn describe(report: &Report) -> Vec<String> {
    let manifest = format!(
        "{} ({} commits, {} checkpoints)",
        report.manifest, report.commits, report.checkpoints
    );
    let checked = match report.is_quick {
        true => "existence and sizes",
        false => "every byte and row",
    };
    let mut rows = vec![
        ("manifest", manifest),
        ("tables", report.tables.to_string()),
        ("files", store::files(report.files, report.bytes)),
        ("rows", HumanCount(report.rows).to_string()),
        ("models", report.models.to_string()),
        ("checked", checked.to_owned()),
    ];
    rows.extend(report.log.map(|log| ("log", describe_log(&log))));
    let orphans = &report.orphans;
    rows.push((
        "orphans",
        match orphans.files {
            0 => "none".to_owned(),
            _ => store::files(orphans.files, orphans.bytes),
        },
    ));
    rows.push((
        "result",
        match (report.damages.len(), report.unchecked.len()) {
            (0, 0) => "sound".to_owned(),
            (0, unchecked) => format!("{unchecked} not checked"),
            (damages, 0) => format!("{damages} damaged"),
            (damages, unchecked) => format!("{damages} damaged, {unchecked} not checked"),
        },
    ));
    let mut lines = store::table(&rows);
    let named = orphans.paths.iter().take(ORPHANS_NAMED_MAX);
    lines.extend(named.map(|path| format!("orphan: {path}")));
    let further = orphans.files.saturating_sub(ORPHANS_NAMED_MAX as u64);
    if further > 0 {
        lines.push(format!("and {further} more orphans"));
    }
    let problems = |what: &'static str, problems: &[verify::Problem]| -> Vec<String> {
        let line = |found: &verify::Problem| format!("{what}: {}: {}", found.place, found.problem);
        problems.iter().map(line).collect()
    };
    lines.extend(problems("not checked", &report.unchecked));
    lines.extend(problems("damaged", &report.damages));
    lines
}

fn describe_log(log: &LogReport) -> String {
    let mut text = format!(
        "{} segments, {} records not in files yet ({})",
        log.segments,
        HumanCount(log.records),
        HumanBytes(log.bytes)
    );
    if log.torn_bytes > 0 {
        text.push_str(&format!(
            ", {} of an unfinished write",
            HumanBytes(log.torn_bytes)
        ));
    }
    if log.damages_without_loss > 0 {
        let places = log.damages_without_loss;
        text.push_str(&format!(", {places} damaged places without loss"));
    }
    if log.damages > 0 {
        let (places, lost) = (log.damages, log.records_lost);
        text.push_str(&format!(", {places} damaged places, {lost} records lost"));
    }
    text
}
