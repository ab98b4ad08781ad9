//! Anomalies of a water circulation test bench (SKAB) by principal components: one setting for all files.
//!
//! ```sh
//! cargo run --release -p models --example skab
//! ```
//!
//! Of every file the first 400 rows are learned from without their labels, the rest is scored; the figures are pooled over
//! the 34 files. What is set (how sensors are smoothed, how many components, which distance, over how many rows it is averaged, how many
//! times its greatest value in training is too much) is chosen without any of these files: the bench was also recorded without anomalies, and there a
//! setting has to raise few false alarms and to find faults that are put in by arithmetic (`faults.rs`). `--all` tells what
//! every setting would have come to, for the curious.

#[path = "../public/files.rs"]
mod files;

mod faults;
mod setting;
mod smoothing;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use setting::{Counts, Distances, Setting, settings};

/// Rows that are learned from.
const LEARNED: usize = 400;

/// False alarms that a setting may raise without anomalies.
const FALSE_ALARMS_MAX: f64 = 0.15;

/// A recording: sensors, and whether each row is anomalous.
struct Recording {
    sensors: Vec<Vec<f64>>,
    is_anomaly: Vec<bool>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = files::folder()?.join("skab");
    let normal = recordings(&folder, &["anomaly-free"])?;
    let judged = recordings(&folder, &["valve1", "valve2", "other"])?;
    let stretches = faults::stretches(&normal);
    let faulty = faults::with_faults(&stretches);
    let tells_all = std::env::args().any(|argument| argument == "--all");
    let mut report = String::new();
    let mut best: Option<(f64, Setting)> = None;
    for looks in settings().chunk_by(Setting::has_same_distances) {
        let quiet = Distances::of(&stretches, looks[0])?;
        let found = Distances::of(&faulty, looks[0])?;
        let all = if tells_all {
            Some(Distances::of(&judged, looks[0])?)
        } else {
            None
        };
        for kind in looks {
            let Some(setting) = quiet.with_factor(*kind, FALSE_ALARMS_MAX) else {
                continue;
            };
            let f1 = found.count(setting).f1();
            if let Some(all) = &all {
                let counts = all.count(setting);
                writeln!(
                    report,
                    "{setting:?}: F1 {f1:.3} of faults put in; {}",
                    told(counts)
                )?;
            }
            if best.is_none_or(|(best, _)| f1 > best) {
                best = Some((f1, setting));
            }
        }
    }
    let (f1, setting) = best.ok_or("no setting raises few enough false alarms")?;
    let counts = Distances::of(&judged, setting)?.count(setting);
    writeln!(
        report,
        "chosen without labels: {setting:?}, F1 {f1:.3} of faults put in"
    )?;
    writeln!(report, "{} files: {}", judged.len(), told(counts))?;
    std::io::stdout().write_all(report.as_bytes())?;
    Ok(())
}

fn told(counts: Counts) -> String {
    format!(
        "F1 {:.3}, false alarms {:.2} %, missed {:.2} %",
        counts.f1(),
        100.0 * counts.false_alarm_rate(),
        100.0 * counts.missed_rate()
    )
}

fn recordings(folder: &Path, names: &[&str]) -> Result<Vec<Recording>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for name in names {
        for entry in std::fs::read_dir(folder.join(name))? {
            paths.push(entry?.path());
        }
    }
    paths.sort();
    paths.iter().map(|path| recording(path)).collect()
}

fn recording(path: &Path) -> Result<Recording, Box<dyn Error>> {
    let text = files::text(path)?;
    // The first column is the time.
    let rows: Vec<&str> = text
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_once(';')?.1))
        .collect();
    let mut columns = files::columns(&rows.join("\n"), |c| c == ';')?;
    let labels = columns.split_off(8);
    let is_anomaly = match labels.first() {
        Some(labels) => labels.iter().map(|label| *label > 0.0).collect(),
        None => vec![false; columns[0].len()],
    };
    Ok(Recording {
        sensors: columns,
        is_anomaly,
    })
}
