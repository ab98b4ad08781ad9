//! `tidemill load`: known data sets in their original files, one module each.

pub(crate) mod cmapss;
pub(crate) mod motors;

use std::process::ExitCode;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::write::{describe, exit_code};
use super::{Result, connect, database};
use crate::cli::client::{CmapssArgs, LoadArgs, LoadCommand, MotorsArgs, Precision};
use crate::client::retry;
use crate::client::upload::{Behaviour, Target, Upload};

/// How often a body is sent again before the load stops.
const RETRIES: u32 = 8;

/// Runs the command; the exit code says whether every row was taken.
pub(crate) fn run(args: &LoadArgs) -> Result<ExitCode> {
    let target = Target {
        database: database(&args.database)?,
        precision: Precision::Nanosecond.name(),
        accept_partial: true,
    };
    // Everything is read and checked before a connection is made, let alone a row written.
    let source = Source::read(&args.command)?;
    let client = connect(&args.connection)?;
    let started = Instant::now();
    let bar = ProgressBar::new(source.row_count());
    bar.set_style(bar_style());
    let mut notify = |message: &str| bar.suspend(|| eprintln!("{message}"));
    let behaviour = Behaviour {
        retries: RETRIES,
        wait: &mut retry::wait,
        notify: &mut notify,
    };
    let mut upload = Upload::new(&client, target.clone(), "the generated lines", behaviour);
    let mut sent = 0;
    let result: Result<()> = source
        .for_each_line(|line| {
            sent += 1;
            bar.inc(1);
            Ok(upload.push(sent, line)?)
        })
        .and_then(|()| Ok(upload.finish()?));
    let summary = upload.summary();
    bar.finish_and_clear();
    eprintln!("{}", describe(summary, &target.database, started));
    result?;
    Ok(exit_code(summary))
}

/// What is loaded.
enum Source {
    Cmapss {
        sets: Vec<cmapss::Set>,
        timeline: cmapss::Timeline,
    },
    Motors(motors::Motors),
}

impl Source {
    fn read(command: &LoadCommand) -> Result<Self> {
        Ok(match command {
            LoadCommand::Cmapss(CmapssArgs {
                dir,
                sets,
                start,
                step,
            }) => Self::Cmapss {
                timeline: cmapss::Timeline::new(*start, *step)?,
                sets: cmapss::read(dir, sets)?,
            },
            LoadCommand::Motors(MotorsArgs {
                fleet,
                motors,
                start,
                days,
            }) => Self::Motors(motors::Motors::read(
                fleet.as_deref(),
                *motors,
                *start,
                *days,
            )?),
        })
    }

    fn row_count(&self) -> u64 {
        match self {
            Self::Cmapss { sets, .. } => sets.iter().map(|set| set.row_count() as u64).sum(),
            Self::Motors(motors) => motors.row_count(),
        }
    }

    /// Calls `send` with every row as a line of line protocol.
    fn for_each_line(&self, mut send: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match self {
            Self::Cmapss { sets, timeline } => sets
                .iter()
                .try_for_each(|set| set.for_each_line(timeline, |line| send(line.as_bytes()))),
            Self::Motors(motors) => motors.for_each_line(send),
        }
    }
}

/// The look of a progress bar over rows.
fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} rows {per_sec} {eta}")
        .expect("the template is right, a test shows it")
}

#[cfg(test)]
mod tests {
    #[test]
    fn progress_bar_has_a_valid_template() {
        indicatif::ProgressBar::hidden()
            .with_style(super::bar_style())
            .finish();
    }
}
