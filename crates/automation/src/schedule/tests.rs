//! Windows of lengths and patterns, also where clocks change, and that they follow one another without a gap.

use proptest::prelude::*;

use super::*;

fn nanos(text: &str) -> i64 {
    let time = DateTime::parse_from_rfc3339(text).expect("a time");
    time.timestamp_nanos_opt().expect("in range")
}

fn text(time: i64) -> String {
    Utc.timestamp_nanos(time).format("%FT%TZ").to_string()
}

/// The boundaries after a time, and that they are the same seen from behind.
fn check(schedule: &Schedule, after: &str, expected: &[&str]) {
    let mut time = nanos(after);
    for expected in expected {
        let window = schedule.window_after(time).unwrap();
        assert_eq!(text(window.stop), *expected, "after {}", text(time));
        assert_eq!(schedule.last_through(window.stop), Some(window.stop));
        assert!(window.start <= time && time < window.stop, "{window:?}");
        time = window.stop;
    }
}

fn every(text: &str) -> Schedule {
    Schedule::every(text).unwrap()
}

fn cron(pattern: &str, zone: &str) -> Schedule {
    Schedule::cron(pattern, Some(zone)).unwrap()
}

#[test]
fn lengths_are_counted_from_1970() {
    check(
        &every("10m"),
        "2026-01-01T00:03:00Z",
        &["2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z"],
    );
    check(
        &every("1h"),
        "2026-01-01T01:00:00Z",
        &["2026-01-01T02:00:00Z"],
    );
    check(
        &every("1s"),
        "1969-12-31T23:59:58Z",
        &["1969-12-31T23:59:59Z"],
    );
    check(
        &every("1day"),
        "2026-03-29T12:00:00Z",
        &["2026-03-30T00:00:00Z"],
    );
    assert_eq!(
        every("1m").back(nanos("2026-01-01T01:00:00Z"), 60),
        Some(nanos("2026-01-01T00:00:00Z"))
    );
}

#[test]
fn patterns_are_in_the_time_of_their_zone() {
    check(
        &cron("0 6 * * *", "Europe/Zurich"),
        "2026-03-27T12:00:00Z",
        // Summer begins on 29 March.
        &[
            "2026-03-28T05:00:00Z",
            "2026-03-29T04:00:00Z",
            "2026-03-30T04:00:00Z",
        ],
    );
    check(
        &cron("10 0 * * * *", "UTC"),
        "2026-01-01T00:00:10Z",
        &["2026-01-01T01:00:10Z"],
    );
    check(
        &cron("0 0 29 2 *", "UTC"),
        "2026-01-01T00:00:00Z",
        &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
    );
    check(
        &cron("*/30 * * * *", "Asia/Kathmandu"),
        "2026-01-01T00:00:00Z",
        &["2026-01-01T00:15:00Z", "2026-01-01T00:45:00Z"],
    );
}

#[test]
fn a_time_that_clocks_leap_over_comes_at_the_end_of_the_gap() {
    check(
        &cron("30 2 * * *", "Europe/Zurich"),
        "2026-03-28T00:00:00Z",
        &[
            "2026-03-28T01:30:00Z",
            "2026-03-29T01:00:00Z",
            "2026-03-30T00:30:00Z",
        ],
    );
}

#[test]
fn an_hour_that_comes_twice_counts_once_for_patterns_that_name_it() {
    check(
        &cron("30 2 * * *", "Europe/Zurich"),
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    );
    check(
        &cron("30 * * * *", "Europe/Zurich"),
        "2026-10-25T00:00:00Z",
        &[
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:30:00Z",
        ],
    );
}

#[test]
fn what_is_no_schedule_is_refused() {
    for text in ["", "0s", "500ms", "-1m", "ten", "100 years"] {
        assert!(
            matches!(Schedule::every(text), Err(Error::InvalidLength { .. })),
            "{text}"
        );
    }
    for pattern in ["", "* * * *", "61 * * * *", "x * * * *", "* * * * * * * *"] {
        let found = Schedule::cron(pattern, None);
        assert!(
            matches!(found, Err(Error::InvalidCron { .. })),
            "{pattern} {found:?}"
        );
    }
    assert!(matches!(
        Schedule::cron("0 0 30 2 *", None),
        Err(Error::NeverDue { .. })
    ));
    assert!(matches!(
        Schedule::cron("* * * * *", Some("Mars/Olympus")),
        Err(Error::UnknownZone { .. })
    ));
}

/// Patterns of all kinds, in zones whose clocks change by an hour, by half of one, and not at all.
fn any_schedule() -> impl Strategy<Value = Schedule> {
    let patterns = [
        "*/5 * * * *",
        "30 2 * * *",
        "0 * * * *",
        "15,45 1-3 * * *",
        "0 0 * * SUN",
        "0 0 1 * *",
        "*/20 30 2 * * *",
        "0 3 L * *",
        "59 1 * * *",
        "0 2 * * *",
    ];
    let zones = [
        "UTC",
        "Europe/Zurich",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Havana",
    ];
    (
        prop::sample::select(patterns.to_vec()),
        prop::sample::select(zones.to_vec()),
    )
        .prop_map(|(pattern, zone)| cron(pattern, zone))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Forwards and backwards find the same boundaries: windows have neither gaps nor overlaps.
    #[test]
    fn windows_follow_one_another(schedule in any_schedule(), day in 0..3650i64, second in 0..86_400i64) {
        let mut time = (1_735_689_600 + day * 86_400 + second) * SECOND;
        let mut before: Option<Window> = None;
        for _ in 0..8 {
            let window = schedule.window_after(time).unwrap();
            prop_assert!(window.start <= time && time < window.stop);
            prop_assert_eq!(schedule.last_through(window.stop), Some(window.stop));
            prop_assert_eq!(schedule.next_after(window.start), Some(window.stop));
            if let Some(before) = before {
                prop_assert_eq!(before.stop, window.start);
            }
            before = Some(window);
            time = window.stop;
        }
    }
}
