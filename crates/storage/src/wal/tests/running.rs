//! The log with its threads: order, sharing of syncs, limits, closing.

use std::pin::Pin;
use std::task::{Context, Waker};

use futures::future::join_all;

use super::*;
use crate::wal::Durability::{Buffered, Synced};

fn start(disk: &Arc<SimulatedDirectory>, settings: Settings) -> (Arc<Wal<u32>>, Applied) {
    let applied = Applied::default();
    let (opened, _) = reopen(disk, settings, 0).unwrap();
    let wal = opened.start(applied.clone()).unwrap();
    (Arc::new(wal), applied)
}

type Append = Pin<Box<dyn Future<Output = Result<u64>>>>;

/// Starts appends in this order: each is in the queue, or further, on return.
fn queue(wal: &Arc<Wal<u32>>, items: impl IntoIterator<Item = u32>) -> Vec<Append> {
    let start = |item| {
        let wal = Arc::clone(wal);
        let mut append: Append = Box::pin(async move { wal.append(entry(item, Synced)).await });
        let mut context = Context::from_waker(Waker::noop());
        assert!(append.as_mut().poll(&mut context).is_pending());
        append
    };
    items.into_iter().map(start).collect()
}

#[tokio::test]
async fn records_are_numbered_applied_and_answered_in_order() {
    let disk = SimulatedDirectory::new();
    let (wal, applied) = start(&disk, settings());
    for item in 0..50 {
        let sequence = wal.append(entry(item, Synced)).await.unwrap();
        assert_eq!(sequence, u64::from(item) + 1);
        assert_eq!(applied.0.lock().last(), Some(&(sequence, item)));
    }
    wal.close().await.unwrap();
    wal.close().await.unwrap();
    let error = wal.append(entry(0, Synced)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(wal.rotate().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn writers_that_arrive_during_a_sync_share_the_next_one() {
    let disk = SimulatedDirectory::new();
    let roomy = Settings {
        group_bytes_max: ByteSize::kib(64),
        segment_size: ByteSize::kib(64),
        ..settings()
    };
    let (wal, applied) = start(&disk, roomy);
    disk.hold_syncs(true);
    let first = queue(&wal, [0]);
    disk.wait_for_held_sync();
    let others = queue(&wal, 1..=200);
    assert_eq!(wal.stats().queued_bytes, 200 * 132);
    disk.hold_syncs(false);
    for answer in join_all(first.into_iter().chain(others)).await {
        answer.unwrap();
    }
    assert_eq!(disk.syncs(), 2);
    assert_eq!(wal.stats().syncs_total, 2);
    assert_eq!(wal.stats().groups_total, 2);
    assert_eq!(applied.0.lock().len(), 201);
}

#[tokio::test]
async fn unsynced_writers_do_not_wait_for_the_disk() {
    let disk = SimulatedDirectory::new();
    let (wal, applied) = start(&disk, settings());
    disk.hold_syncs(true);
    for item in 0..5 {
        wal.append(entry(item, Buffered)).await.unwrap();
    }
    let stats = wal.stats();
    assert_eq!(disk.syncs(), 0);
    assert_eq!(applied.0.lock().len(), 5);
    assert_eq!((stats.last_sequence, stats.synced_sequence), (5, 0));
    assert_eq!(stats.records_unsynced_total, 5);
    disk.hold_syncs(false);
    wal.append(entry(5, Synced)).await.unwrap();
    assert_eq!(wal.stats().synced_sequence, 6);
}

#[tokio::test]
async fn unsynced_records_are_synced_when_they_are_old_enough() {
    let disk = SimulatedDirectory::new();
    let impatient = Settings {
        unsynced_age_max: Duration::ZERO,
        ..settings()
    };
    let (wal, _) = start(&disk, impatient);
    disk.hold_syncs(true);
    wal.append(entry(1, Buffered)).await.unwrap();
    // Nothing else is going on: the sync that comes is the overdue one.
    disk.wait_for_held_sync();
    disk.hold_syncs(false);
    wal.close().await.unwrap();
    assert_eq!(wal.stats().synced_sequence, 1);
}

#[tokio::test]
async fn closing_syncs_what_is_not_yet_synced() {
    let disk = SimulatedDirectory::new();
    let (wal, _) = start(&disk, settings());
    wal.append(entry(1, Buffered)).await.unwrap();
    wal.close().await.unwrap();
    assert_eq!(wal.stats().synced_sequence, 1);
    disk.lose_power(|| false);
    assert_eq!(reopen(&disk, settings(), 0).unwrap().1.len(), 1);
}

#[tokio::test]
async fn closing_fails_while_acknowledged_records_cannot_be_synced() {
    use crate::wal::simulated::{Fault, Operation};
    let disk = SimulatedDirectory::new();
    let (wal, _) = start(&disk, settings());
    wal.append(entry(1, Buffered)).await.unwrap();
    disk.fail(Operation::Sync, u64::MAX, Fault::Error);
    assert_eq!(wal.close().await.unwrap_err().kind(), ErrorKind::ReadOnly);
}

#[tokio::test]
async fn unsynced_writes_can_be_forbidden() {
    let strict = Settings {
        allow_no_sync: false,
        ..settings()
    };
    let (wal, _) = start(&SimulatedDirectory::new(), strict);
    let error = wal.append(entry(1, Buffered)).await.unwrap_err();
    assert!(matches!(error, Error::UnsyncedRefused), "{error}");
    wal.append(entry(1, Synced)).await.unwrap();
}

#[tokio::test]
async fn writer_that_gives_up_changes_nothing_for_the_others() {
    let disk = SimulatedDirectory::new();
    let (wal, applied) = start(&disk, settings());
    disk.hold_syncs(true);
    let first = queue(&wal, [0]);
    disk.wait_for_held_sync();
    let others = queue(&wal, 1..=9);
    let kept = others.into_iter().skip(1).step_by(2);
    disk.hold_syncs(false);
    let answers = join_all(first.into_iter().chain(kept)).await;
    let sequences: Result<Vec<u64>> = answers.into_iter().collect();
    assert_eq!(sequences.unwrap(), [1, 3, 5, 7, 9]);
    wal.close().await.unwrap();
    let expected: Vec<_> = (0..=9).map(|item| (u64::from(item) + 1, item)).collect();
    assert_eq!(*applied.0.lock(), expected);
}

#[tokio::test]
async fn full_queue_and_full_quota_refuse_at_once() {
    let disk = SimulatedDirectory::new();
    let (wal, _) = start(&disk, settings());
    let large = |size| Entry {
        payload: vec![1; size],
        ..entry(0, Synced)
    };
    let error = wal.append(large(40 * 1024)).await.unwrap_err();
    assert!(matches!(error, Error::RecordTooLarge { .. }), "{error}");

    disk.hold_syncs(true);
    let first = queue(&wal, [0]);
    disk.wait_for_held_sync();
    let waiting = queue(&wal, 0..496);
    let error = wal.append(entry(1, Synced)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    disk.hold_syncs(false);
    for answer in join_all(first.into_iter().chain(waiting)).await {
        answer.unwrap();
    }

    let error = loop {
        match wal.append(large(8 * 1024)).await {
            Ok(_) => assert!(wal.stats().bytes <= ByteSize::mib(1).as_u64()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
    wal.rotate().await.unwrap();
    wal.delete_through(wal.stats().last_sequence).unwrap();
    assert_eq!(wal.stats().bytes, 0);
    wal.append(large(8 * 1024)).await.unwrap();
}

#[tokio::test]
async fn only_whole_covered_and_closed_segments_are_deleted() {
    let disk = SimulatedDirectory::new();
    let (wal, _) = start(&disk, settings());
    for item in 0..6 {
        wal.append(entry(item, Synced)).await.unwrap();
        if item % 2 == 1 && item < 5 {
            wal.rotate().await.unwrap();
            wal.rotate().await.unwrap();
        }
    }
    // Segments: records 1 and 2, 3 and 4, and the active one with 5 and 6.
    let cases = [
        (0, 3),
        (1, 3),
        (2, 2),
        (3, 2),
        (4, 1),
        (6, 1),
        (u64::MAX, 1),
    ];
    for (sequence, left) in cases {
        wal.delete_through(sequence).unwrap();
        assert_eq!(wal.stats().segments, left, "{sequence}");
        assert_eq!(disk.names().len() as u64, left);
    }
    wal.close().await.unwrap();
    disk.lose_power(|| false);
    let (opened, replay) = reopen(&disk, settings(), 4).unwrap();
    assert_eq!(replay.into_keys().collect::<Vec<_>>(), [5, 6]);
    assert_eq!(opened.shared.stats().segments, 1);
}

#[tokio::test]
async fn segments_are_closed_by_size_and_by_age() {
    let disk = SimulatedDirectory::new();
    let (wal, _) = start(&disk, settings());
    for _ in 0..20 {
        let payload = vec![1; 1000];
        wal.append(Entry {
            payload,
            ..entry(0, Synced)
        })
        .await
        .unwrap();
    }
    assert_eq!(wal.stats().segments, 20 / 3 + 1);
    drop(wal);

    let aged = Settings {
        segment_age: Duration::ZERO,
        ..settings()
    };
    let (wal, _) = start(&SimulatedDirectory::new(), aged);
    for item in 0..3 {
        wal.append(entry(item, Synced)).await.unwrap();
    }
    wal.close().await.unwrap();
    assert_eq!(wal.stats().segments, 3);
}

#[tokio::test]
async fn panic_while_applying_closes_the_log_and_leaves_nobody_waiting() {
    struct Failing;
    impl Apply<u32> for Failing {
        fn apply(&mut self, _: u64, item: u32) {
            assert_ne!(item, 1, "this record cannot be applied");
        }
    }
    let disk = SimulatedDirectory::new();
    let (opened, _) = reopen(&disk, settings(), 0).unwrap();
    let wal = opened.start(Failing).unwrap();
    wal.append(entry(0, Synced)).await.unwrap();
    for item in [1, 2, 3] {
        let error = wal.append(entry(item, Synced)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
    assert_eq!(wal.close().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn log_in_a_real_directory_is_read_back() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data").join("wal");
    let directory = Arc::new(Directory::new(Arc::new(LocalFileSystem), &path));
    let mut expected = Vec::new();
    for round in 0..3 {
        let mut found = Vec::new();
        let decode = |record: ReplayedRecord<'_>| Ok(record.payload.to_vec());
        let opened = open(
            Arc::clone(&directory),
            CLUSTER,
            settings(),
            0,
            decode,
            |sequence, payload| {
                found.push((sequence, payload));
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(found, expected, "round {round}");
        let wal = opened.start(Applied::default()).unwrap();
        for item in 0..100_u32 {
            let durability = if item % 10 == 0 { Synced } else { Buffered };
            let payload = vec![item as u8; 100];
            let entry = Entry {
                payload: payload.clone(),
                ..entry(item, durability)
            };
            expected.push((wal.append(entry).await.unwrap(), payload));
        }
        wal.close().await.unwrap();
    }
    let opened = open(
        Arc::clone(&directory),
        CLUSTER,
        settings(),
        150,
        |_| Ok(()),
        |_, ()| Ok(()),
    )
    .unwrap();
    assert_eq!(opened.report().records, 150);
    let wal = opened.start(Applied::default()).unwrap();
    let before = wal.stats().segments;
    assert!(wal.delete_through(150).unwrap() > 0);
    let left = directory.list().unwrap().len() as u64;
    assert!(left < before && left == wal.stats().segments);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let cases = [
        (
            "segment_size",
            Settings {
                segment_size: ByteSize::b(100),
                ..settings()
            },
        ),
        (
            "quota",
            Settings {
                quota: ByteSize::kib(7),
                ..settings()
            },
        ),
        (
            "group_bytes_max",
            Settings {
                group_bytes_max: ByteSize::b(0),
                ..settings()
            },
        ),
        (
            "queue_bytes_max",
            Settings {
                queue_bytes_max: ByteSize::b(9),
                ..settings()
            },
        ),
    ];
    Settings::default().validate().unwrap();
    for (expected, settings) in cases {
        match settings.validate() {
            Err(Error::InvalidSetting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}
