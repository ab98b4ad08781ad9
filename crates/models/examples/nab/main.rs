//! Anomalies of single series as they stream in (the Numenta Anomaly Benchmark, a part of it): four looks at every series that window
//! functions of SQL give (`looks.rs`), and one alert when one of them is farther out than ever lately.
//!
//! ```sh
//! cargo run --release -p models --example nab
//! ```
//!
//! 1. Each look is divided by its own 99.8 % quantile of all rows before, so that one threshold does for all series.
//! 2. The score is the greatest of the four, where it is greater than in the 150 rows before: an alert, not a state.
//! 3. As the benchmark has it, one threshold is chosen for all files to the best score of the profile (`scoring.rs`).
//!
//! Nothing is learned from labels but that threshold. The windows and the quantile are round numbers that were set on these same series, for
//! want of others: `--around` tells what other quantiles and leaving out a look come to.

#[expect(
    dead_code,
    reason = "series come with times, not as plain columns of numbers"
)]
#[path = "../public/files.rs"]
mod files;

mod looks;
mod scoring;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use looks::{LOOKS, Series};
use scoring::{Profile, Scored};

/// The quantile of its past that a look is measured by.
const QUANTILE: f64 = 0.998;

/// Rows of the past that a quantile needs.
const PAST_MIN: usize = 100;

/// Rows in which nothing was as far out, for a row to be an alert.
const QUIET: usize = 150;

/// The costs of the benchmark's profiles: of a false alert, of a window that is missed.
const PROFILES: [Profile; 3] = [
    Profile {
        name: "standard",
        false_alert: 0.11,
        missed: 1.0,
    },
    Profile {
        name: "low FP rate",
        false_alert: 0.22,
        missed: 1.0,
    },
    Profile {
        name: "low FN rate",
        false_alert: 0.11,
        missed: 2.0,
    },
];

/// One file of the benchmark.
struct File {
    series: Series,
    /// First and last row of every window.
    windows: Vec<(usize, usize)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = files::folder()?.join("nab");
    let files = files(&folder)?;
    let looks: Vec<[Vec<f64>; LOOKS.len()]> =
        files.iter().map(|file| file.series.looks()).collect();
    let mut report = String::new();
    let alerts = alerts(&looks, QUANTILE, None);
    for profile in PROFILES {
        let found = judge(&files, &alerts, profile);
        writeln!(
            report,
            "{} files, profile {}: {:.1} with threshold {:.3}, {} of {} windows found, {} false alerts",
            files.len(),
            profile.name,
            found.score,
            found.threshold,
            found.found,
            found.windows,
            found.false_alerts
        )?;
    }
    if std::env::args().any(|argument| argument == "--around") {
        for quantile in [0.99, 0.995, 0.998, 0.999] {
            let all = judge(&files, &self::alerts(&looks, quantile, None), PROFILES[0]);
            write!(report, "quantile {quantile}: {:.1}", all.score)?;
            for (left_out, name) in LOOKS.iter().enumerate() {
                let alerts = self::alerts(&looks, quantile, Some(left_out));
                let without = judge(&files, &alerts, PROFILES[0]);
                write!(report, ", without {name} {:.1}", without.score)?;
            }
            writeln!(report)?;
        }
    }
    std::io::stdout().write_all(report.as_bytes())?;
    Ok(())
}

/// The alerts of all files; one of the looks may be left out.
fn alerts(
    looks: &[[Vec<f64>; LOOKS.len()]],
    quantile: f64,
    left_out: Option<usize>,
) -> Vec<Vec<f64>> {
    let alerts = looks.iter().map(|looks| {
        let used = looks
            .iter()
            .enumerate()
            .filter(|(look, _)| Some(*look) != left_out);
        let measured: Vec<Vec<f64>> = used.map(|(_, look)| measured(look, quantile)).collect();
        let greatest: Vec<f64> = (0..looks[0].len())
            .map(|row| {
                measured
                    .iter()
                    .fold(0.0, |greatest: f64, look| greatest.max(look[row]))
            })
            .collect();
        first_of_many(&greatest)
    });
    alerts.collect()
}

/// Every value in units of a quantile of all values before it; 0 while there are few.
fn measured(look: &[f64], quantile: f64) -> Vec<f64> {
    let mut past: Vec<f64> = Vec::with_capacity(look.len());
    let mut out = Vec::with_capacity(look.len());
    for &value in look {
        out.push(if past.len() < PAST_MIN {
            0.0
        } else {
            let place = quantile * (past.len() - 1) as f64;
            let (low, high) = (past[place.floor() as usize], past[place.ceil() as usize]);
            let usual = low + (high - low) * place.fract();
            // A look that was silent but for a few rows must not make much of nothing.
            let unit = usual.max(1e-3 * past[past.len() - 1]);
            if unit > 0.0 { value / unit } else { 0.0 }
        });
        let place = past.partition_point(|other| *other < value);
        past.insert(place, value);
    }
    out
}

/// The values that are greater than all in the rows before, and 0 for the others.
fn first_of_many(values: &[f64]) -> Vec<f64> {
    let first = |(row, value): (usize, &f64)| {
        let before = &values[row.saturating_sub(QUIET)..row];
        if before.iter().all(|other| other < value) {
            *value
        } else {
            0.0
        }
    };
    values.iter().enumerate().map(first).collect()
}

fn judge(files: &[File], alerts: &[Vec<f64>], profile: Profile) -> scoring::Found {
    let scored: Vec<Scored<'_>> = files
        .iter()
        .zip(alerts)
        .map(|(file, alerts)| Scored {
            alerts,
            windows: &file.windows,
            probation: file.series.probation(),
        })
        .collect();
    scoring::best(&scored, profile)
}

fn files(folder: &Path) -> Result<Vec<File>, Box<dyn Error>> {
    let windows = files::text(&folder.join("combined_windows.subset.json.zst"))?;
    let windows: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&windows)?;
    let file = |(name, windows): (&String, &serde_json::Value)| -> Result<File, Box<dyn Error>> {
        let text = files::text(&folder.join(format!("{name}.zst")))?;
        let rows: Vec<(&str, &str)> = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(','))
            .collect();
        let row_at = |time: &serde_json::Value| {
            let time = time.as_str().and_then(|time| time.split('.').next());
            let found = rows.iter().position(|(other, _)| Some(*other) == time);
            found.ok_or_else(|| format!("{name} has no row at {time:?}"))
        };
        let windows = windows.as_array().ok_or("windows are a list")?.iter();
        let windows = windows.map(|ends| Ok((row_at(&ends[0])?, row_at(&ends[1])?)));
        let values = rows.iter().map(|(_, value)| value.parse());
        let seconds = rows
            .iter()
            .map(|(time, _)| seconds(time).ok_or(format!("'{time}' is not a time")));
        Ok(File {
            windows: windows.collect::<Result<_, String>>()?,
            series: Series::new(
                values.collect::<Result<_, _>>()?,
                &seconds.collect::<Result<Vec<_>, _>>()?,
            ),
        })
    };
    windows.iter().map(file).collect()
}

/// Seconds from `YYYY-MM-DD hh:mm:ss`, from some day on.
fn seconds(time: &str) -> Option<f64> {
    let mut parts = time
        .split(['-', ' ', ':'])
        .map(|part| part.parse::<i64>().ok());
    let mut next = || parts.next().flatten();
    let (year, month, day) = (next()?, next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    // Years begin in March, so that the day that is there every four years is their last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) as f64)
}
