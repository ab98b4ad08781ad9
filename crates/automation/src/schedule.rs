//! Schedules: where one window ends and the next begins.
//!
//! | schedule | boundaries |
//! |---|---|
//! | every so long | multiples of the length since 1970-01-01T00:00:00Z |
//! | cron, in a time zone | the times of the pattern on the clocks of the zone |
//!
//! When clocks are put forward, a pattern's time that they leap over comes at the end of the gap; when they
//! are put back, a pattern that names the hour comes once, one that comes every hour comes in both. Either
//! way windows follow one another without gap or overlap: a boundary is one instant.

use chrono::{DateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use crate::error::{Error, Result};
use crate::window::Window;

const SECOND: i64 = 1_000_000_000;

/// The longest length of time, in seconds: 10 years.
const LENGTH_MAX_SECS: u64 = 10 * 366 * 86_400;

/// Where windows begin and end.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// Nanoseconds, more than 0.
    Every(i64),
    Cron(Box<Cron>, Tz),
}

/// A length of time such as `10m`, at least a second, in nanoseconds.
pub fn length(text: &str) -> Result<i64> {
    let parsed = humantime::parse_duration(text.trim()).ok();
    let is_fit = |length: &std::time::Duration| (1..=LENGTH_MAX_SECS).contains(&length.as_secs());
    let nanos = parsed
        .filter(is_fit)
        .and_then(|length| i64::try_from(length.as_nanos()).ok());
    nanos.ok_or_else(|| Error::InvalidLength {
        text: text.to_owned(),
    })
}

impl Schedule {
    /// Windows of this length, given as in `10m`.
    pub fn every(text: &str) -> Result<Self> {
        length(text).map(|nanos| Self(Kind::Every(nanos)))
    }

    /// Windows between the times of a cron pattern of 5 fields, or 6 with seconds in front; in a time zone,
    /// or UTC.
    pub fn cron(pattern: &str, zone: Option<&str>) -> Result<Self> {
        let zone: Tz = match zone {
            None => Tz::UTC,
            Some(name) => name.parse().map_err(|_| Error::UnknownZone {
                zone: name.to_owned(),
            })?,
        };
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser
            .parse(pattern)
            .map_err(|problem| Error::InvalidCron {
                pattern: pattern.to_owned(),
                problem: problem.to_string(),
            })?;
        let schedule = Self(Kind::Cron(Box::new(cron), zone));
        // 2000-01-01: a leap year, and every time of day exists.
        match schedule.next_after(946_684_800 * SECOND) {
            Some(_) => Ok(schedule),
            None => Err(Error::NeverDue {
                pattern: pattern.to_owned(),
            }),
        }
    }

    /// The first boundary after a time, if there is one before time ends.
    pub fn next_after(&self, time: i64) -> Option<i64> {
        match &self.0 {
            Kind::Every(length) => floor(time, *length)?.checked_add(*length),
            Kind::Cron(cron, zone) => {
                let next = cron.find_next_occurrence(&second(time, *zone), false);
                next.ok()?.timestamp_nanos_opt()
            }
        }
    }

    /// The last boundary at or before a time.
    pub fn last_through(&self, time: i64) -> Option<i64> {
        match &self.0 {
            Kind::Every(length) => floor(time, *length),
            Kind::Cron(cron, zone) => {
                let last = cron.find_previous_occurrence(&second(time, *zone), true);
                last.ok()?.timestamp_nanos_opt()
            }
        }
    }

    /// The window that ends at the first boundary after a time.
    pub fn window_after(&self, time: i64) -> Option<Window> {
        let stop = self.next_after(time)?;
        let start = self.last_through(stop - 1)?;
        Some(Window { start, stop })
    }

    /// The boundary that lies so many windows before another.
    pub fn back(&self, boundary: i64, windows: u32) -> Option<i64> {
        match &self.0 {
            Kind::Every(length) => boundary.checked_sub(length.checked_mul(windows.into())?),
            Kind::Cron(..) => {
                (0..windows).try_fold(boundary, |boundary, _| self.last_through(boundary - 1))
            }
        }
    }
}

/// The multiple of a length at or before a time.
fn floor(time: i64, length: i64) -> Option<i64> {
    time.checked_sub(time.rem_euclid(length))
}

/// The whole second at or before a time: patterns know nothing shorter.
fn second(time: i64, zone: Tz) -> DateTime<Tz> {
    let seconds = time.div_euclid(SECOND);
    Utc.timestamp_nanos(seconds.saturating_mul(SECOND))
        .with_timezone(&zone)
}

#[cfg(test)]
mod tests;
