//! Bins of zones whose clocks jump at an hour that is easy to reckon with.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000_000_000;

/// One hour ahead; two hours between the instants `forward` and `back`.
#[derive(Debug, Clone, Copy)]
struct Summer {
    forward: i64,
    back: i64,
}

impl Zone for Summer {
    fn offset_at(&self, instant: i64) -> i64 {
        if (self.forward..self.back).contains(&instant) {
            2 * HOUR
        } else {
            HOUR
        }
    }
}

/// Clocks go from 02:00 to 03:00 on the tenth day and from 03:00 back to 02:00 on the twentieth.
const SUMMER: Summer = Summer {
    forward: (10 * 24 + 1) * HOUR,
    back: (20 * 24 + 1) * HOUR,
};

/// The bins of some instants, all in hours; every instant is also asked for on its own.
fn check(stride_hours: i64, origin: i64, instants: &[i64], expected: &[i64]) {
    let bins =
        || WallClockBins::new(SUMMER, Stride::Nanos(stride_hours * HOUR), origin * HOUR).unwrap();
    let mut in_turn = bins();
    let starts: Vec<i64> = instants
        .iter()
        .map(|i| in_turn.start(i * HOUR).unwrap() / HOUR)
        .collect();
    assert_eq!(starts, expected, "in turn");
    let alone: Vec<i64> = instants
        .iter()
        .map(|i| bins().start(i * HOUR).unwrap() / HOUR)
        .collect();
    assert_eq!(alone, expected, "alone");
}

#[test]
fn days_start_at_local_midnight_and_have_23_or_25_hours() {
    // Local midnight is 23:00 UTC of the day before in winter, 22:00 in summer.
    let day = |n: i64| n * 24;
    check(
        24,
        0,
        &[day(9), day(9) + 22, day(9) + 23],
        &[day(9) - 1, day(9) - 1, day(10) - 1],
    );
    check(
        24,
        0,
        &[day(10), day(10) + 21, day(10) + 22],
        &[day(10) - 1, day(10) - 1, day(11) - 2],
    );
    check(
        24,
        0,
        &[day(20), day(20) + 22, day(20) + 23],
        &[day(20) - 2, day(20) - 2, day(21) - 1],
    );
}

#[test]
fn hours_keep_the_repeated_hour_apart() {
    let night = 20 * 24;
    check(
        1,
        0,
        &[night - 1, night, night + 1, night + 2],
        &[night - 1, night, night + 1, night + 2],
    );
}

#[test]
fn a_bin_that_began_before_the_clocks_went_back_holds_both_passes() {
    let night = 20 * 24;
    // Readings 01:00 to 03:00 twice over: 23:00, 00:00 and 01:00 UTC.
    check(
        2,
        1,
        &[night - 1, night, night + 1, night + 2],
        &[night - 1, night - 1, night - 1, night + 2],
    );
}

#[test]
fn a_bin_that_begins_in_the_skipped_hour_begins_when_clocks_are_put_forward() {
    let night = 10 * 24;
    // Bins from 02:00 and 14:00: 02:00 does not exist; the clocks jump at 01:00 UTC.
    check(
        12,
        2,
        &[night, night + 1, night + 11, night + 12],
        &[night - 11, night + 1, night + 1, night + 12],
    );
}

#[test]
fn months_are_calendar_months() {
    let mut bins = WallClockBins::new(SUMMER, Stride::Months(1), 0).unwrap();
    let day = 24 * HOUR;
    assert_eq!(bins.start(0), Some(-HOUR));
    assert_eq!(bins.start(31 * day - HOUR - 1), Some(-HOUR));
    assert_eq!(bins.start(31 * day - HOUR), Some(31 * day - HOUR));
    assert_eq!(bins.start(-2 * HOUR), Some(-31 * day - HOUR));
    let mut quarters = WallClockBins::new(SUMMER, Stride::Months(3), 0).unwrap();
    assert_eq!(quarters.start(89 * day), Some(-HOUR));
    assert_eq!(quarters.start(90 * day), Some(90 * day - HOUR));
    // From the fifteenth to the fifteenth.
    let mut shifted = WallClockBins::new(SUMMER, Stride::Months(1), 14 * day).unwrap();
    assert_eq!(shifted.start(13 * day), Some(-17 * day - HOUR));
    assert_eq!(shifted.start(15 * day), Some(14 * day - 2 * HOUR));
}

#[test]
fn dates_go_there_and_back() {
    for day in (-800_000..800_000).step_by(13) {
        let (year, month) = civil_month(day);
        let next = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
        let range = days_before(year, month)..days_before(next.0, next.1);
        assert!(range.contains(&day), "{day} is in {year}-{month}");
        assert!((28..=31).contains(&(range.end - range.start)));
    }
    assert_eq!(days_before(2000, 3), 11_017);
}

#[test]
fn what_is_out_of_range_has_no_bin_and_strides_are_above_zero() {
    let mut bins = WallClockBins::new(SUMMER, Stride::Nanos(7 * HOUR), 0).unwrap();
    assert_eq!(bins.start(i64::MAX), None);
    assert_eq!(bins.start(i64::MIN), None);
    assert!(WallClockBins::new(SUMMER, Stride::Nanos(0), 0).is_none());
    assert!(WallClockBins::new(SUMMER, Stride::Months(-1), 0).is_none());
}

proptest! {
    #[test]
    fn a_bin_starts_at_or_before_its_instants_and_within_it(
        instants in prop::collection::vec(0..35 * 24 * 60_i64, 1..50), stride in 1..3000_i64, origin in -3000..3000_i64
    ) {
        let minute = HOUR / 60;
        let bins = || WallClockBins::new(SUMMER, Stride::Nanos(stride * minute), origin * minute).unwrap();
        let mut in_turn = bins();
        for instant in instants {
            let instant = instant * minute;
            let start = in_turn.start(instant).unwrap();
            prop_assert_eq!(Some(start), bins().start(instant), "what came before does not matter");
            prop_assert!(start <= instant);
            // On the wall the bin is one stride wide; clocks that went back let it last an hour longer.
            prop_assert!(instant - start < stride * minute + HOUR);
            let reading = instant + SUMMER.offset_at(instant);
            let bin = bins().bin_of(reading).unwrap();
            let shown = start + SUMMER.offset_at(start);
            prop_assert!(shown == bin.start || (start == SUMMER.forward && bin.contains(&shown)));
        }
    }
}
