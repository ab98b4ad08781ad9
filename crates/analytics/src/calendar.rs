//! Calendar arithmetic on the clock of a wall: bins that begin at local midnight, whatever daylight saving time does.
//!
//! ```text
//! instant ──offset of the zone──▶ wall clock reading ──bin──▶ reading at the start of the bin ──which instant?──▶ instant
//! ```
//!
//! The last step is the interesting one, because a reading may name no instant or two:
//!
//! | the reading at the start of the bin      | instant                                                              |
//! |------------------------------------------|----------------------------------------------------------------------|
//! | exists once                              | that one                                                             |
//! | is skipped (clocks were put forward)     | the moment at which they were put forward                            |
//! | exists twice (clocks were put back)      | the later one that is not after the binned instant, else the earlier |
//!
//! So a day has 23, 24 or 25 hours and starts at local midnight, and bins of an hour or less keep the repeated hour apart.
//! A bin longer than that which begins before the clocks go back holds both passes through it.
//!
//! Instants are nanoseconds since the Unix epoch; readings are nanoseconds since 1970-01-01 00:00 on the wall. The rules of
//! a zone come from the caller ([`Zone`]).

use std::ops::Range;

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// The rules of a time zone.
pub trait Zone {
    /// How far its clocks are ahead of UTC at an instant, in nanoseconds; less than a day either way.
    fn offset_at(&self, instant: i64) -> i64;
}

/// The width of a bin on the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stride {
    /// A fixed number of nanoseconds, above zero. A day is 24 hours of the wall clock.
    Nanos(i64),
    /// A number of calendar months, above zero.
    Months(i32),
}

/// Puts instants into bins of the wall clock of `zone`, remembering the last bin: sorted times cost little.
#[derive(Debug)]
pub struct WallClockBins<Z> {
    zone: Z,
    stride: Stride,
    /// A reading at which a bin starts.
    origin: i64,
    /// The instants known to share the last bin, and its start.
    last: Option<(Range<i64>, i64)>,
}

impl<Z: Zone> WallClockBins<Z> {
    /// Bins of `stride`, one of which starts at the wall clock reading `origin`; `None` when the stride is not above zero.
    pub fn new(zone: Z, stride: Stride, origin: i64) -> Option<Self> {
        let is_positive = match stride {
            Stride::Nanos(nanos) => nanos > 0,
            Stride::Months(months) => months > 0,
        };
        is_positive.then_some(Self {
            zone,
            stride,
            origin,
            last: None,
        })
    }

    /// The instant at which the bin of `instant` starts; `None` when it is out of range.
    pub fn start(&mut self, instant: i64) -> Option<i64> {
        if let Some((instants, start)) = &self.last
            && instants.contains(&instant)
        {
            return Some(*start);
        }
        let offset = self.zone.offset_at(instant);
        let reading = instant.checked_add(offset)?;
        let bin = self.bin_of(reading)?;
        let start = instant_of(&self.zone, bin.start, instant)?;
        self.last = self
            .same_bin(instant, offset, &bin)
            .map(|end| (instant..end, start));
        Some(start)
    }

    /// The readings of the bin that `reading` is in.
    fn bin_of(&self, reading: i64) -> Option<Range<i64>> {
        match self.stride {
            Stride::Nanos(nanos) => {
                let into = reading.checked_sub(self.origin)?.rem_euclid(nanos);
                let start = reading.checked_sub(into)?;
                Some(start..start.saturating_add(nanos))
            }
            Stride::Months(months) => months_bin(reading, self.origin, months),
        }
    }

    /// Until when instants after `instant` are certainly in the same bin: at most a day, while the offset stays as it is.
    ///
    /// No zone ever changed its offset twice within a day, so equal offsets at both ends mean that it did not change.
    fn same_bin(&self, instant: i64, offset: i64, bin: &Range<i64>) -> Option<i64> {
        let end = bin.end.checked_sub(offset)?;
        let end = end.min(instant.checked_add(NANOS_PER_DAY)?);
        (self.zone.offset_at(end - 1) == offset).then_some(end)
    }
}

/// The instant at which the clocks of `zone` show `reading`: see the table of the module for none and for two.
pub fn instant_of(zone: &impl Zone, reading: i64, not_after: i64) -> Option<i64> {
    // Offsets are below a day, so these two lie on either side of whatever change makes the reading ambiguous.
    let before = zone.offset_at(reading.checked_sub(NANOS_PER_DAY)?);
    let after = zone.offset_at(reading.checked_add(NANOS_PER_DAY)?);
    let shows = |offset: i64| {
        let instant = reading.checked_sub(offset)?;
        (zone.offset_at(instant) == offset).then_some(instant)
    };
    match (shows(before), shows(after)) {
        (Some(first), Some(second)) => {
            let (first, second) = (first.min(second), first.max(second));
            Some(if second <= not_after { second } else { first })
        }
        (Some(only), None) | (None, Some(only)) => Some(only),
        (None, None) => Some(change_between(
            zone,
            reading.checked_sub(before.max(after))?,
            reading.checked_sub(before.min(after))?,
        )),
    }
}

/// The first instant after `low` whose offset is that of `high`.
fn change_between(zone: &impl Zone, mut low: i64, mut high: i64) -> i64 {
    let new = zone.offset_at(high);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if zone.offset_at(middle) == new {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// The bin of whole months around `reading`. An origin that is not the first of a month moves every bin by as much.
fn months_bin(reading: i64, origin: i64, months: i32) -> Option<Range<i64>> {
    let (origin_month, into_month) = month_of(origin);
    let start_of = |number: i64| month_start(number)?.checked_add(into_month);
    let (month, _) = month_of(reading);
    let months = i64::from(months);
    let mut first = month - (month - origin_month).rem_euclid(months);
    if start_of(first)? > reading {
        first -= months;
    }
    Some(start_of(first)?..start_of(first + months)?)
}

/// The month of a reading, counted from January 1970, and the nanoseconds since it began.
fn month_of(reading: i64) -> (i64, i64) {
    let (year, month) = civil_month(reading.div_euclid(NANOS_PER_DAY));
    let number = (year - 1970) * 12 + month - 1;
    let start = days_before(year, month) * NANOS_PER_DAY;
    (number, reading - start)
}

fn month_start(number: i64) -> Option<i64> {
    let year = 1970 + number.div_euclid(12);
    days_before(year, number.rem_euclid(12) + 1).checked_mul(NANOS_PER_DAY)
}

/// Year and month (1 to 12) of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil_month(day: i64) -> (i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

/// Days from 1970-01-01 to the first of a month: `days_from_civil` of the same paper.
fn days_before(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests;
