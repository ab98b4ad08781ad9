//! `generate`: the rows of a shape as a file of line protocol.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;

use crate::data::{Disorder, Shape, Spec, Values};
use crate::datafile;
use crate::error::{Error, Result};
use crate::record::say;

/// Options of `generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateOptions {
    /// The use case.
    #[arg(long, value_enum, default_value_t = Shape::Cpu)]
    shape: Shape,
    /// Hosts, trucks or machines.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Time between two rows of one of them.
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = time)]
    interval: Duration,
    /// Time that the rows cover.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = time)]
    duration: Duration,
    /// Share of the rows that come late, such as `30%`. The order changes, the rows do not.
    #[arg(long, default_value = "0%", value_name = "SHARE", value_parser = share)]
    disorder: f64,
    /// How late at most. `0s` holds rows back for some dozens of places, as the iot case of the
    /// Time Series Benchmark Suite does.
    #[arg(long, default_value = "0s", value_name = "TIME", value_parser = humantime::parse_duration)]
    delay: Duration,
    /// Sensors of a machine (pdm).
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    sensors: u32,
    /// What the sensors show (pdm).
    #[arg(long, value_enum, default_value_t = Values::Drift)]
    values: Values,
    /// Equal seeds give equal rows.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Time of the first rows.
    #[arg(long, default_value = "2026-01-01T00:00:00Z", value_name = "RFC3339", value_parser = instant)]
    start: i64,
    /// File to write; `.gz` compresses it. What is in it goes to FILE.json.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the files.
pub(crate) fn generate(options: &GenerateOptions) -> Result<()> {
    let contents = datafile::write(&options.spec()?, &options.out)?;
    say(&format!(
        "{} lines, {} bytes of line protocol, {} lines late",
        contents.lines, contents.line_bytes, contents.delayed_lines
    ));
    Ok(())
}

impl GenerateOptions {
    fn spec(&self) -> Result<Spec> {
        let nanoseconds = |time: Duration, name: &str| {
            i64::try_from(time.as_nanos()).map_err(|_| Error::Usage {
                detail: format!("--{name} is too long for nanoseconds"),
            })
        };
        let spec = Spec {
            shape: self.shape,
            scale: self.scale,
            interval_ns: nanoseconds(self.interval, "interval")?,
            duration_ns: nanoseconds(self.duration, "duration")?,
            seed: self.seed,
            start_ns: self.start,
            sensors: self.sensors,
            values: self.values,
            disorder: Disorder {
                share: self.disorder,
                delay_ns: nanoseconds(self.delay, "delay")?,
            },
        };
        if spec.instants() == 0 {
            let detail = "--duration is shorter than --interval: there would be no row".to_owned();
            return Err(Error::Usage { detail });
        }
        Ok(spec)
    }
}

/// A time above zero.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be above zero".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse::<f64>();
    match percent {
        Ok(percent) if text.ends_with('%') && (0.0..=100.0).contains(&percent) => {
            Ok(percent / 100.0)
        }
        _ => Err("must be a share between 0% and 100%".to_owned()),
    }
}

/// Nanoseconds since 1970.
pub(crate) fn instant(text: &str) -> Result<i64, String> {
    let time = humantime::parse_rfc3339(text).map_err(|error| error.to_string())?;
    let since = time.duration_since(UNIX_EPOCH);
    let since = since.map_err(|_| "must not be before 1970".to_owned())?;
    i64::try_from(since.as_nanos()).map_err(|_| "is too late for nanoseconds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked() {
        let times = [
            ("2026-01-01T00:00:00Z", Some(1_767_225_600_000_000_000)),
            ("1970-01-01T00:00:01Z", Some(1_000_000_000)),
            ("2400-01-01T00:00:00Z", None),
            ("yesterday", None),
        ];
        for (text, expected) in times {
            assert_eq!(instant(text).ok(), expected, "{text}");
        }
        let shares = [
            ("30%", Some(0.3)),
            ("0%", Some(0.0)),
            ("100%", Some(1.0)),
            ("101%", None),
            ("0.3", None),
            ("%", None),
        ];
        for (text, expected) in shares {
            assert_eq!(share(text).ok(), expected, "{text}");
        }
        for (text, seconds) in [("10s", Some(10)), ("0s", None), ("ten", None)] {
            assert_eq!(time(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
