//! `tidemill restore`: makes a store of a backup.

use std::process::ExitCode;

use storage::DirectoryLock;
use storage::backup::{self, Choice, Restored};
use storage::object_store_settings::open;

use super::{Result, serve, store, verify};
use crate::cli::store::{Point, RestoreArgs};
use crate::serving::restoring;

/// Runs the command.
pub(crate) fn run(args: &RestoreArgs) -> Result<ExitCode> {
    let settings = store::object_store_settings(&args.settings)?;
    let backups = store::open_place(&args.from, &settings, false)?;
    // Until the end: no server starts on half a store.
    let lock = DirectoryLock::acquire(&args.to_data_dir)?;
    let objects = open(&settings, &args.to_data_dir)?;
    let choice = match args.to {
        None => Choice::Newest,
        Some(Point::Number(number)) => Choice::Number(number),
        Some(Point::Time(nanos)) => Choice::Time(nanos),
    };
    let bar = store::bar();
    let watch = store::follow(&bar);
    // A mark is left behind by what fails or is cut off: what is there then is not to be served.
    restoring::begin(&args.to_data_dir)?;
    let restored = backup::restore(&backups, choice, &objects, &lock, &watch);
    let restored = serve::runtime()?.block_on(restored);
    bar.finish_and_clear();
    let restored = restored?;
    restoring::end(&args.to_data_dir)?;
    store::print(&restored, args.format, describe)?;
    Ok(match restored.report.is_sound() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn describe(restored: &Restored) -> Vec<String> {
    let mut lines = super::backup::describe(&restored.backup);
    lines.push(String::new());
    lines.push(format!("restored as store {}", restored.cluster));
    lines.extend(verify::describe(&restored.report));
    lines
}
