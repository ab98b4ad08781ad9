//! The simulated fleet of motors to line protocol: its rows, and what was injected into them.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use simulator::{Fleet, FleetConfig};

/// Rows that are rendered at once.
const CHUNK_ROWS: usize = 10_000;

/// What is wrong with the fleet that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MotorsError {
    #[error("the fleet cannot be simulated")]
    Fleet(#[from] simulator::Error),
    #[error("cannot read {path:?}")]
    Read {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
    #[error("with this start and number of days it is not within the years 1677 to 2262")]
    OutOfTime,
}

/// A fleet between two times.
#[derive(Debug)]
pub(crate) struct Motors {
    fleet: Fleet,
    from_ns: i64,
    to_ns: i64,
}

impl Motors {
    /// The fleet of a file, or the built-in one, over so many days. Its faults are placed relative to the end of these.
    pub(crate) fn read(
        file: Option<&Path>,
        motors: Option<u32>,
        start: SystemTime,
        days: f64,
    ) -> Result<Self, MotorsError> {
        let mut config = match file {
            None => FleetConfig::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| MotorsError::Read {
                    path: path.to_owned(),
                    source,
                })?;
                FleetConfig::parse(&text)?
            }
        };
        if let Some(motors) = motors {
            config = config.resized(motors);
        }
        let nanos = |time: Duration| i64::try_from(time.as_nanos()).ok();
        let from_ns = match start.duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => nanos(before.duration()).map(|nanos| -nanos),
        };
        let length = Duration::try_from_secs_f64(days * 86_400.0)
            .ok()
            .and_then(nanos);
        let to_ns = from_ns
            .zip(length)
            .and_then(|(from, length)| from.checked_add(length));
        let (from_ns, to_ns) = from_ns.zip(to_ns).ok_or(MotorsError::OutOfTime)?;
        Ok(Self {
            fleet: Fleet::new(config, to_ns)?,
            from_ns,
            to_ns,
        })
    }

    /// How many rows it makes.
    pub(crate) fn row_count(&self) -> u64 {
        let rows = self.fleet.rows(self.from_ns, self.to_ns).remaining();
        rows + self.fleet.ground_truth().len() as u64
    }

    /// Calls `send` with every row as a line of line protocol, in the order of time.
    pub(crate) fn for_each_line<E>(
        &self,
        mut send: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut lines = Vec::new();
        self.fleet.ground_truth_line_protocol(&mut lines);
        let mut rows = self.fleet.rows(self.from_ns, self.to_ns);
        loop {
            lines
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .try_for_each(&mut send)?;
            lines.clear();
            if rows.next_chunk(CHUNK_ROWS, &mut lines) == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_is_the_same_whenever_it_is_loaded() {
        let start = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let lines = || {
            let motors = Motors::read(None, Some(3), start, 0.001).unwrap();
            let mut lines = Vec::new();
            let taken: Result<(), ()> = motors.for_each_line(|line| {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
                Ok(())
            });
            taken.unwrap();
            assert_eq!(lines.len() as u64, motors.row_count());
            lines
        };
        let once = lines();
        assert_eq!(once, lines());
        let of = |table: &str| once.iter().filter(|line| line.starts_with(table)).count();
        // A thousandth of a day is 86.4 seconds.
        assert_eq!(of("sensor_data,"), 3 * 87);
        assert!(of("injected_faults,") > 0);
    }

    #[test]
    fn times_out_of_range_are_refused() {
        let refuse = |days: f64| {
            Motors::read(None, None, UNIX_EPOCH, days)
                .unwrap_err()
                .to_string()
        };
        assert!(refuse(1e6).contains("1677 to 2262"), "{}", refuse(1e6));
        let error = Motors::read(Some(Path::new("no-such-file")), None, UNIX_EPOCH, 1.0);
        assert!(error.unwrap_err().to_string().contains("no-such-file"));
    }
}
