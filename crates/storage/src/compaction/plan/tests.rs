//! Plans by value: which files of a table become one.

use std::time::Duration;

use bytesize::ByteSize;
use catalog::{DatabaseId, FileId, TableId};

use super::*;
use crate::testing::table_with_files;

const DAY: i64 = DAY_NANOS;

/// A file with records `first..=last`, of this level, in a window of `days` that starts at a day.
fn file(first: u64, level: u8, day: i64, days: i64, size_bytes: u64) -> FileRecord {
    FileRecord {
        id: FileId {
            first_sequence: first,
            last_sequence: first,
            discriminator: 0,
        },
        database: DatabaseId(1),
        table: TableId(1),
        partition_start: day * DAY,
        partition_nanos: days * DAY,
        level,
        checksum: 0,
        deletes_through: 0,
        size_bytes,
        rows: 1,
        time_min: day * DAY,
        time_max: day * DAY + 1,
        keys_are_new: true,
        last_rows: None,
    }
}

struct Case {
    files: Vec<FileRecord>,
    now_days: i64,
    retention: Retention,
    is_settled: bool,
}

impl Case {
    fn new(now_days: i64, files: impl IntoIterator<Item = FileRecord>) -> Self {
        Self {
            files: files.into_iter().collect(),
            now_days,
            retention: Retention::Forever,
            is_settled: true,
        }
    }

    fn plan(&self) -> Option<Job> {
        let settings = Settings {
            fan_in: 3,
            file_bytes_max: ByteSize(100),
            window_bytes_min: ByteSize(10),
            settle_age: Duration::from_secs(3600),
        };
        let circumstances = Circumstances {
            settings: &settings,
            now: self.now_days * DAY,
            retention: self.retention,
            is_settled: &|_| self.is_settled,
        };
        next_job(&table_with_files(&self.files), &circumstances)
    }

    /// Records, level and window in days of what is to be done.
    fn check(&self, expected: Option<(&[u64], u8, Range<i64>)>) {
        let planned = self.plan().map(|job| {
            let inputs: Vec<_> = job.inputs.iter().map(|f| f.id.first_sequence).collect();
            (
                inputs,
                job.level,
                job.window.start / DAY..job.window.end / DAY,
            )
        });
        let expected = expected.map(|(inputs, level, window)| (inputs.to_vec(), level, window));
        assert_eq!(planned, expected, "{:?}", self.files);
    }
}

#[test]
fn neighbours_of_one_level_become_one_of_the_next() {
    let flushed = |n: u64| (1..=n).map(|i| file(i, 0, 5, 1, 1));
    Case::new(5, flushed(2)).check(None);
    Case::new(5, flushed(3)).check(Some((&[1, 2, 3], 1, 5..6)));
    Case::new(5, flushed(7)).check(Some((&[1, 2, 3], 1, 5..6)));
    // The small ones first.
    let large = (1..=3).map(|i| file(i, 1, 5, 1, 1));
    let small = (4..=6).map(|i| file(i, 0, 5, 1, 1));
    Case::new(5, large.chain(small)).check(Some((&[4, 5, 6], 1, 5..6)));
    // Not neighbours: another level lies between them.
    let levels = [0, 0, 1, 0, 0];
    let files = (1..).zip(levels).map(|(i, level)| file(i, level, 5, 1, 1));
    Case::new(5, files).check(None);
    // Of different days.
    let files = (1..=4).map(|i| file(i, 0, 5 + i as i64 % 2, 1, 1));
    Case::new(6, files).check(None);
    // Together they would be too large.
    let files = (1..=3).map(|i| file(i, 0, 5, 1, 40));
    Case::new(5, files).check(None);
}

#[test]
fn a_day_that_is_over_and_quiet_becomes_one_file() {
    let files = || [file(1, 1, 5, 1, 50), file(2, 0, 5, 1, 20)];
    Case::new(6, files()).check(None); // just over
    Case::new(7, files()).check(Some((&[1, 2], 2, 5..6)));
    let restless = Case {
        is_settled: false,
        ..Case::new(7, files())
    };
    restless.check(None);
    Case::new(7, [file(1, 1, 5, 1, 50)]).check(None);
    // Those that fit together: a file that is large enough is left alone.
    let files = [90, 20, 30, 40].into_iter().zip(1..);
    let files = files.map(|(size, i)| file(i, 1, 5, 1, size));
    Case::new(7, files).check(Some((&[2, 3, 4], 2, 5..6)));
    Case::new(7, (1..=3).map(|i| file(i, 1, 5, 1, 90))).check(None);
}

#[test]
fn late_rows_join_the_long_window_they_fall_into() {
    let files = || [file(1, 2, 0, 8, 50), file(2, 0, 3, 1, 1)];
    Case::new(20, files()).check(Some((&[1, 2], 3, 0..8)));
    let job = Case::new(20, files()).plan().unwrap();
    assert!(job.is_whole_window);
}

#[test]
fn quiet_tables_get_long_windows() {
    let days = |days: Range<i64>, size| {
        days.map(move |day| file(day as u64 + 1, 1, day, 1, size))
            .collect::<Vec<_>>()
    };
    Case::new(20, days(0..8, 1)).check(Some((&[1, 2, 3, 4, 5, 6, 7, 8], 2, 0..8)));
    Case::new(20, days(3..10, 1)).check(Some((&[4, 5, 6, 7, 8], 2, 0..8)));
    // Too much, not over yet, or kept for too short a time.
    Case::new(20, days(0..8, 2)).check(None);
    Case::new(7, days(0..4, 1)).check(None);
    let kept = |days: i64| Case {
        retention: Retention::from_nanos(Some((days * DAY) as u64)),
        ..Case::new(20, days_of_eight())
    };
    fn days_of_eight() -> Vec<FileRecord> {
        (0..2)
            .map(|day| file(day as u64 + 1, 1, day, 1, 1))
            .collect()
    }
    kept(31).check(None);
    kept(32).check(Some((&[1, 2], 2, 0..8)));
    // And longer ones still.
    let weeks = (0..8).map(|week| file(week as u64 + 1, 2, week * 8, 8, 1));
    Case::new(80, weeks).check(Some((&[1, 2, 3, 4, 5, 6, 7, 8], 3, 0..64)));
    let longest = [file(1, 4, 0, 512, 1), file(2, 4, 512, 512, 1)];
    Case::new(4096, longest).check(None);
}

#[test]
fn a_job_of_part_of_a_window_says_so() {
    let is_whole = |files: Vec<FileRecord>| Case::new(5, files).plan().unwrap().is_whole_window;
    assert!(is_whole((1..=3).map(|i| file(i, 0, 5, 1, 1)).collect()));
    assert!(!is_whole((1..=4).map(|i| file(i, 0, 5, 1, 1)).collect()));
}
