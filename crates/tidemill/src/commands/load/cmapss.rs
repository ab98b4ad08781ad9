//! NASA's C-MAPSS files to line protocol.
//!
//! ```text
//! train_FD001.txt  unit cycle setting×3 sensor×21   → cmapss_train,dataset=FD001,unit_number=1 …
//! test_FD001.txt   the same                         → cmapss_test,…
//! RUL_FD001.txt    one number per test engine       → cmapss_rul,…  at that engine's last reading
//! ```
//!
//! Rows go out in time order, every engine's cycle 1, then every engine's cycle 2: the order in which a
//! live fleet would have sent them, and the best one for the store. Each series arrives in time order
//! either way, but engine by engine a long step would visit all the day partitions again for each
//! engine, and leave as many overlapping files to compact; in time order each is filled once.

use std::fs::File;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::commands::write::decompressed;

const SETTING_COUNT: usize = 3;
const SENSOR_COUNT: usize = 21;
const VALUE_COUNT: usize = SETTING_COUNT + SENSOR_COUNT;
/// The engine and the cycle stand before the values.
const COLUMN_COUNT: usize = 2 + VALUE_COUNT;
/// The sets that NASA published.
const KNOWN_SETS: [&str; 4] = ["FD001", "FD002", "FD003", "FD004"];

/// What is wrong with the files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CmapssError {
    #[error("unknown set {set:?}; there are {}", KNOWN_SETS.join(", "))]
    UnknownSet { set: String },
    #[error("{dir:?} has no train_FDxxx.txt, plain or as .zst")]
    NoSets { dir: PathBuf },
    #[error("{dir:?} has neither {name} nor {name}.zst")]
    NoFile { dir: PathBuf, name: String },
    #[error("cannot read {path:?}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path:?}, line {line}: {reason}")]
    Line {
        path: PathBuf,
        line: usize,
        reason: String,
    },
    #[error("{path:?} has {found} engines, but the test file has {wanted}")]
    EngineCount {
        path: PathBuf,
        found: usize,
        wanted: usize,
    },
    #[error("the step must be longer than nothing")]
    NoStep,
    #[error("with this start and step cycle {cycle} is not within the years 1677 to 2262")]
    OutOfTime { cycle: u32 },
}

/// The result of reading.
pub(crate) type Result<T, E = CmapssError> = std::result::Result<T, E>;

/// One of the data sets: FD001, say.
#[derive(Debug)]
pub(crate) struct Set {
    name: String,
    train: Vec<Reading>,
    test: Vec<Reading>,
    /// The true remaining life of each test engine at its last reading.
    rul: Vec<Remaining>,
}

/// One engine in one cycle.
#[derive(Debug, PartialEq)]
struct Reading {
    unit: u32,
    cycle: u32,
    values: [f64; VALUE_COUNT],
}

/// What is left of a test engine after its last reading.
#[derive(Debug, PartialEq)]
struct Remaining {
    unit: u32,
    last_cycle: u32,
    cycles: i64,
}

/// Reads `sets`, or all that are in the folder, in the order of their names.
pub(crate) fn read(dir: &Path, sets: &[String]) -> Result<Vec<Set>> {
    for set in sets {
        if !KNOWN_SETS.contains(&set.as_str()) {
            return Err(CmapssError::UnknownSet { set: set.clone() });
        }
    }
    let is_wanted = |name: &str| {
        if sets.is_empty() {
            find(dir, &format!("train_{name}.txt")).is_ok()
        } else {
            sets.iter().any(|set| set == name)
        }
    };
    let sets: Vec<Set> = KNOWN_SETS
        .into_iter()
        .filter(|name| is_wanted(name))
        .map(|name| Set::read(dir, name))
        .collect::<Result<_>>()?;
    if sets.is_empty() {
        Err(CmapssError::NoSets {
            dir: dir.to_owned(),
        })
    } else {
        Ok(sets)
    }
}

impl Set {
    fn read(dir: &Path, name: &str) -> Result<Self> {
        let train = read_readings(&find(dir, &format!("train_{name}.txt"))?)?;
        let test = read_readings(&find(dir, &format!("test_{name}.txt"))?)?;
        let rul = read_rul(&find(dir, &format!("RUL_{name}.txt"))?, &test)?;
        Ok(Self {
            name: name.to_owned(),
            train,
            test,
            rul,
        })
    }

    /// How many rows it makes.
    pub(crate) fn row_count(&self) -> usize {
        self.train.len() + self.test.len() + self.rul.len()
    }

    /// Calls `send` with every row as a line of line protocol, table by table in time order.
    pub(crate) fn for_each_line<E: From<CmapssError>>(
        &self,
        timeline: &Timeline,
        mut send: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        for (table, readings) in [("cmapss_train", &self.train), ("cmapss_test", &self.test)] {
            let mut readings: Vec<&Reading> = readings.iter().collect();
            // Stable: engines keep their order within a cycle.
            readings.sort_by_key(|reading| reading.cycle);
            for reading in readings {
                let time = timeline.nanoseconds(reading.cycle)?;
                send(&format_reading(table, &self.name, reading, time))?;
            }
        }
        let mut rul: Vec<&Remaining> = self.rul.iter().collect();
        rul.sort_by_key(|remaining| remaining.last_cycle);
        for Remaining {
            unit,
            last_cycle,
            cycles,
        } in rul
        {
            let time = timeline.nanoseconds(*last_cycle)?;
            let name = &self.name;
            send(&format!(
                "cmapss_rul,dataset={name},unit_number={unit} rul={cycles}i {time}"
            ))?;
        }
        Ok(())
    }
}

fn format_reading(table: &str, set: &str, reading: &Reading, time: i64) -> String {
    let Reading {
        unit,
        cycle,
        values,
    } = reading;
    let mut line = format!("{table},dataset={set},unit_number={unit} time_cycles={cycle}i");
    let (settings, sensors) = values.split_at(SETTING_COUNT);
    for (prefix, values) in [("setting", settings), ("s", sensors)] {
        for (index, value) in values.iter().enumerate() {
            // Display never uses an exponent and gives back the same float when read; a value without
            // a fraction is a float in line protocol because it has no `i` behind it.
            line.push_str(&format!(",{prefix}_{}={value}", index + 1));
        }
    }
    line.push_str(&format!(" {time}"));
    line
}

/// Which time a cycle has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    start_ns: i128,
    step_ns: i128,
}

impl Timeline {
    /// Cycle `c` is at `start + c · step`.
    pub(crate) fn new(start: SystemTime, step: Duration) -> Result<Self> {
        if step.is_zero() {
            return Err(CmapssError::NoStep);
        }
        // A duration in nanoseconds has at most 94 bits.
        let signed = |duration: Duration| duration.as_nanos() as i128;
        let start_ns = match start.duration_since(UNIX_EPOCH) {
            Ok(after) => signed(after),
            Err(before) => -signed(before.duration()),
        };
        Ok(Self {
            start_ns,
            step_ns: signed(step),
        })
    }

    fn nanoseconds(&self, cycle: u32) -> Result<i64> {
        let offset = self.step_ns.checked_mul(i128::from(cycle));
        let time = offset.and_then(|offset| self.start_ns.checked_add(offset));
        time.and_then(|time| i64::try_from(time).ok())
            .ok_or(CmapssError::OutOfTime { cycle })
    }
}

/// The file called `name`, or that with `.zst` behind it.
fn find(dir: &Path, name: &str) -> Result<PathBuf> {
    let candidates = [dir.join(name), dir.join(format!("{name}.zst"))];
    candidates
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| CmapssError::NoFile {
            dir: dir.to_owned(),
            name: name.to_owned(),
        })
}

/// Calls `take` with the columns of each line that has any, and its number.
fn for_each_row(path: &Path, mut take: impl FnMut(&[&str]) -> Result<(), String>) -> Result<usize> {
    let unreadable = |source| CmapssError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut line_count = 0;
    for line in decompressed(file).map_err(unreadable)?.lines() {
        let line = line.map_err(unreadable)?;
        line_count += 1;
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        if !columns.is_empty() {
            take(&columns).map_err(|reason| CmapssError::Line {
                path: path.to_owned(),
                line: line_count,
                reason,
            })?;
        }
    }
    Ok(line_count)
}

fn read_readings(path: &Path) -> Result<Vec<Reading>> {
    let mut readings: Vec<Reading> = Vec::new();
    for_each_row(path, |columns| {
        let reading = parse_reading(columns)?;
        check_order(readings.last(), &reading)?;
        readings.push(reading);
        Ok(())
    })?;
    Ok(readings)
}

fn parse_reading(columns: &[&str]) -> Result<Reading, String> {
    if columns.len() != COLUMN_COUNT {
        return Err(format!(
            "{} columns instead of {COLUMN_COUNT}",
            columns.len()
        ));
    }
    let mut values = [0.0; VALUE_COUNT];
    for (value, text) in values.iter_mut().zip(&columns[2..]) {
        *value = parse_number(text)?;
    }
    Ok(Reading {
        unit: parse_count(columns[0])?,
        cycle: parse_count(columns[1])?,
        values,
    })
}

/// Engines come one after the other, counted from one, each with its cycles from one: what the RUL
/// file, which has no engine numbers, relies on.
fn check_order(previous: Option<&Reading>, reading: &Reading) -> Result<(), String> {
    let (unit, cycle) = match previous {
        None => (1, 1),
        Some(previous) if reading.unit == previous.unit => (previous.unit, previous.cycle + 1),
        Some(previous) => (previous.unit + 1, 1),
    };
    if (reading.unit, reading.cycle) == (unit, cycle) {
        return Ok(());
    }
    let Reading {
        unit: found_unit,
        cycle: found_cycle,
        ..
    } = reading;
    Err(format!(
        "engine {found_unit} cycle {found_cycle} where engine {unit} cycle {cycle} should follow"
    ))
}

fn read_rul(path: &Path, test: &[Reading]) -> Result<Vec<Remaining>> {
    let mut cycles = Vec::new();
    for_each_row(path, |columns| match columns {
        [text] => {
            let parsed = text.parse::<i64>().ok().filter(|cycles| *cycles >= 0);
            cycles.push(parsed.ok_or_else(|| format!("{text:?} is not a number of cycles"))?);
            Ok(())
        }
        _ => Err(format!("{} columns instead of 1", columns.len())),
    })?;
    let engines: Vec<&[Reading]> = test.chunk_by(|a, b| a.unit == b.unit).collect();
    if cycles.len() != engines.len() {
        let (path, found, wanted) = (path.to_owned(), cycles.len(), engines.len());
        return Err(CmapssError::EngineCount {
            path,
            found,
            wanted,
        });
    }
    let last_readings = engines.into_iter().filter_map(<[Reading]>::last);
    let remaining = last_readings.zip(cycles).map(|(last, cycles)| Remaining {
        unit: last.unit,
        last_cycle: last.cycle,
        cycles,
    });
    Ok(remaining.collect())
}

fn parse_number(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("{text:?} is not a number"))
}

fn parse_count(text: &str) -> Result<u32, String> {
    let count = text
        .parse::<u32>()
        .ok()
        .filter(|count| (1..u32::MAX).contains(count));
    count.ok_or_else(|| format!("{text:?} is not an engine or cycle number"))
}

#[cfg(test)]
mod tests;
