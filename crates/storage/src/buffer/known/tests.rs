//! Series numbers and claims of new keys against a naive model, with forgetting at any time.

use std::collections::{BTreeSet, HashMap as Map};

use catalog::ColumnId;
use proptest::prelude::*;

use super::*;

fn key(name: u32) -> SeriesKey {
    SeriesKey::new([(ColumnId(0), &*format!("series-{name}"))])
}

fn keys(names: &[u32]) -> Vec<SeriesKey> {
    names.iter().map(|&name| key(name)).collect()
}

#[test]
fn numbers_are_stable_and_dense() {
    let mut known = KnownSeries::new(i64::MIN, &Account::default());
    let names: Vec<u32> = (0..10_000).collect();
    for round in 0..2 {
        for names in names.chunks(700) {
            assert_eq!(known.intern(&keys(names)), names, "round {round}");
        }
    }
    assert_eq!(known.len(), names.len());
}

#[test]
fn a_series_named_twice_in_one_batch_has_one_number() {
    let mut known = KnownSeries::new(i64::MIN, &Account::default());
    assert_eq!(known.intern(&keys(&[5, 6, 5, 5])), [0, 1, 0, 0]);
}

#[test]
fn memory_is_bounded_while_every_series_is_seen_once() {
    let account = Account::default();
    let mut known = KnownSeries::new(i64::MIN, &account);
    let per_flush = SERIES_KEPT as u32;
    let mut peaks = Vec::new();
    for flush in 0..12 {
        let names: Vec<u32> = (flush * per_flush..(flush + 1) * per_flush).collect();
        let numbers = known.intern(&keys(&names));
        known.take(u64::from(flush) + 1, &numbers, &vec![0; names.len()]);
        peaks.push((known.len(), account.bytes()));
        drop(known.forget(Forget::Idle));
    }
    let (series, bytes) = peaks[4..].iter().copied().max().unwrap();
    assert!(series <= 3 * SERIES_KEPT, "{peaks:?}");
    assert!(bytes / series < 100, "{} bytes a series", bytes / series);
    drop(known.forget(Forget::All));
    assert_eq!(known.len(), 0);
    assert!(account.bytes() < 10_000, "{} bytes left", account.bytes());
}

#[test]
fn series_in_use_are_kept_while_others_come_and_go() {
    let mut known = KnownSeries::new(i64::MIN, &Account::default());
    let steady: Vec<u32> = (0..1000).collect();
    for round in 0..10u32 {
        let churn: Vec<u32> = (0..SERIES_KEPT as u32)
            .map(|i| 10_000_000 + round * 1_000_000 + i)
            .collect();
        known.intern(&keys(&churn));
        let numbers = known.intern(&keys(&steady));
        // One earlier than what a series that was forgotten could claim.
        let sequence = u64::from(round) + 1;
        let late: Vec<i64> = vec![i64::from(round); steady.len()];
        let future = known.intern(&keys(&[1]));
        known.take(sequence, &future, &[i64::MAX - 100 + i64::from(round)]);
        let is_new = known.take(sequence, &numbers[2..], &late[2..]);
        assert!(is_new.iter().all(|is_new| *is_new), "round {round}");
        drop(known.forget(Forget::Idle));
    }
}

#[test]
fn a_large_table_that_is_idle_between_flushes_is_forgotten() {
    let account = Account::default();
    let mut known = KnownSeries::new(i64::MIN, &account);
    known.intern(&keys(&(0..=SERIES_KEPT as u32).collect::<Vec<_>>()));
    drop(known.forget(Forget::Idle));
    assert_eq!(known.len(), SERIES_KEPT + 1);
    drop(known.forget(Forget::Idle));
    assert_eq!((known.len(), account.bytes()), (0, 0));
}

#[test]
fn a_stable_set_of_series_is_never_forgotten() {
    let mut known = KnownSeries::new(i64::MIN, &Account::default());
    let names: Vec<u32> = (0..2 * SERIES_KEPT as u32).collect();
    let first = known.intern(&keys(&names));
    for _ in 0..5 {
        drop(known.forget(Forget::Idle));
        assert_eq!(known.intern(&keys(&names)), first);
    }
}

#[test]
fn a_record_that_many_have_overtaken_is_known_to_be_new() {
    let mut known = KnownSeries::new(i64::MIN, &Account::default());
    let names: Vec<u32> = (0..4).collect();
    let numbers = known.intern(&keys(&names));
    // Each has two instants of all series, the sixth of which comes again.
    for (sequence, record) in (1..).zip([1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 6]) {
        let series = [&numbers[..], &numbers].concat();
        let times = [[2 * record; 4], [2 * record + 1; 4]].concat();
        let is_new = known.take(sequence, &series, &times);
        assert_eq!(is_new, [sequence < 11; 8], "record {record}");
    }
    let twice = known.take(12, &[numbers[1]; 2], &[-5, -5]);
    assert_eq!(twice, [true, false], "the second has the key of the first");
}

#[derive(Debug, Clone)]
enum Action {
    Write(Vec<(u32, i64)>),
    Forget(Forget),
}

fn action() -> impl Strategy<Value = Action> {
    let records = |start, length| {
        let rows = prop::collection::vec((0u32..8, 0..length), 1..8);
        let records = (rows, start).prop_map(|(rows, start): (Vec<(u32, i64)>, i64)| {
            let rows = rows.into_iter();
            rows.map(|(name, time)| (name, start + time)).collect()
        });
        records.prop_map(Action::Write)
    };
    prop_oneof![
        3 => records(-20i64..-19, 40i64),
        // Records of which each has times of its own, many of them overtaken.
        3 => records(-20i64..100, 3i64),
        1 => Just(Action::Forget(Forget::Idle)),
        1 => Just(Action::Forget(Forget::All)),
    ]
}

proptest! {
    #[test]
    fn a_claim_of_a_new_key_is_never_wrong(actions in prop::collection::vec(action(), 1..60)) {
        let account = Account::default();
        let mut known = KnownSeries::new(-15, &account);
        let mut taken: BTreeSet<(u32, i64)> = (0..8).flat_map(|name| (-20..=-15).map(move |time| (name, time))).collect();
        for (sequence, action) in (1..).zip(actions) {
            match action {
                Action::Forget(Forget::All) => drop(known.forget(Forget::All)),
                Action::Forget(Forget::Idle) => {
                    // As in a large table.
                    drop(known.rotate());
                }
                Action::Write(rows) => {
                    let names: Vec<u32> = rows.iter().map(|row| row.0).collect();
                    let times: Vec<i64> = rows.iter().map(|row| row.1).collect();
                    let numbers = known.intern(&keys(&names));
                    let by_number: Map<u32, u32> = numbers.iter().copied().zip(names.iter().copied()).collect();
                    prop_assert_eq!(
                        by_number.len(),
                        names.iter().collect::<BTreeSet<_>>().len(),
                        "one number for each series"
                    );
                    let is_new = known.take(sequence, &numbers, &times);
                    for (row, claims) in rows.iter().zip(is_new) {
                        let was_new = taken.insert(*row);
                        prop_assert!(was_new || !claims, "{:?} was taken", row);
                    }
                }
            }
        }
        drop(known);
        prop_assert_eq!(account.bytes(), 0);
    }
}
