//! The program ends, or the network does, at every request: there is no half backup, and no half store.

use super::*;
use crate::io::simulated::{Death, SimulatedDisk};
use crate::object_stores::faults::{FaultStore, Rates};

/// More requests than any of the operations makes.
const REQUESTS_MAX: u64 = 500;

/// A store that ends at its `request`th request, after it has had its effect or before.
fn ending(inner: &Arc<dyn ObjectStore>, request: u64, has_effect: bool) -> Arc<dyn ObjectStore> {
    let life = SimulatedDisk::new().mount();
    let store = FaultStore::new(Arc::clone(inner), life, request);
    store.die_at(request, has_effect, Death::Kill);
    Arc::new(store)
}

/// Every backup that is there has all of its files, undamaged.
async fn check_whole(backups: &Arc<dyn ObjectStore>) -> usize {
    let numbers = record::numbers(backups).await.unwrap();
    for &number in &numbers {
        let record = record::read(backups, number).await.unwrap();
        for file in &record.files {
            let found = copy::check(backups, file).await.unwrap();
            assert_eq!(found, copy::Copied::Done, "{number}: {}", file.path);
        }
    }
    numbers.len()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Store,
    Backups,
}

async fn interrupted_backups_leave_nothing_half(side: Side, has_effect: bool) {
    let plant = Plant::in_memory();
    let running = plant.start().await;
    running.flush(&FIRST).await;
    running.flush(&SECOND).await;
    let rows = running.rows().await;
    for request in 1..REQUESTS_MAX {
        let backups = memory();
        let (mut from, mut to) = (Arc::clone(&plant.store), Arc::clone(&backups));
        match side {
            Side::Store => from = ending(&from, request, has_effect),
            Side::Backups => to = ending(&to, request, has_effect),
        }
        let attempt = create(&from, &to, &Stopped(10), &unwatched).await;
        let whole = check_whole(&backups).await;
        let is_done = attempt.is_ok();
        assert!(whole == 1 || !is_done, "{side:?} {request}");
        let again = back_up(&plant, &backups, 20).await.unwrap();
        assert_eq!(again.existed, whole == 1, "{side:?} {request}");
        assert_eq!(check_whole(&backups).await, 1);
        if is_done {
            assert!(request > 4, "nothing was interrupted");
            let restored = restored_rows(&backups, Choice::Newest, Plant::in_memory()).await;
            assert_eq!(restored, rows);
            return;
        }
    }
    panic!("it never ends");
}

#[tokio::test]
async fn interrupted_backups_are_not_there_and_can_be_repeated() {
    for side in [Side::Store, Side::Backups] {
        for has_effect in [false, true] {
            interrupted_backups_leave_nothing_half(side, has_effect).await;
        }
    }
}

#[tokio::test]
async fn interrupted_prunes_leave_whole_backups_and_can_be_repeated() {
    for has_effect in [false, true] {
        for request in 1..REQUESTS_MAX {
            let (plant, backups) = (Plant::in_memory(), memory());
            let running = plant.start().await;
            three_backups(&running, &plant, &backups).await;
            let dying = ending(&backups, request, has_effect);
            let attempt = prune(&dying, 1, &Stopped(50), &unwatched).await;
            assert!(check_whole(&backups).await >= 1);
            prune(&backups, 1, &Stopped(i64::MAX), &unwatched)
                .await
                .unwrap();
            assert_eq!(check_whole(&backups).await, 1);
            let kept = copy::sizes(&backups).await.unwrap().len();
            let number = record::numbers(&backups).await.unwrap()[0];
            let record = record::read(&backups, number).await.unwrap();
            assert_eq!(kept, record.files.len());
            running.engine.shutdown().await.unwrap();
            if attempt.is_ok() {
                assert!(request > 4, "nothing was interrupted");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn interrupted_restores_leave_no_store_or_a_whole_one() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    running.flush(&FIRST).await;
    running.flush(&SECOND).await;
    let rows = running.rows().await;
    back_up(&plant, &backups, 10).await.unwrap();
    for has_effect in [false, true] {
        for request in 1..REQUESTS_MAX {
            let target = Plant::in_memory();
            let dying = ending(&target.store, request, has_effect);
            let lock = target.lock().await;
            let attempt = restore(&backups, Choice::Newest, &dying, &lock, &unwatched).await;
            drop(lock);
            if !inspect_has_manifest(&target).await {
                let again = restore_to(&target, &backups, Choice::Newest).await;
                again.unwrap();
            }
            let started = target.start().await;
            assert_eq!(started.rows().await, rows, "{request}");
            started.engine.shutdown().await.unwrap();
            if attempt.is_ok() {
                assert!(request > 4, "nothing was interrupted");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unreliable_stores_make_whole_backups_in_the_end() {
    let plant = Plant::in_memory();
    let running = plant.start().await;
    running.flush(&FIRST).await;
    running.flush(&SECOND).await;
    let rows = running.rows().await;
    for seed in 0..20 {
        let backups = memory();
        let unreliable = |inner: &Arc<dyn ObjectStore>| -> Arc<dyn ObjectStore> {
            let store = FaultStore::new(Arc::clone(inner), SimulatedDisk::new().mount(), seed);
            store.set_rates(Rates {
                fails_before: 40,
                fails_after: 40,
                throttled: 40,
                truncated: 80,
                slow: 100,
            });
            Arc::new(store)
        };
        let (from, to) = (unreliable(&plant.store), unreliable(&backups));
        let mut attempts = 0;
        while create(&from, &to, &Stopped(10), &unwatched).await.is_err() {
            check_whole(&backups).await;
            attempts += 1;
            assert!(attempts < 1000, "{seed}");
        }
        assert_eq!(check_whole(&backups).await, 1);
        let restored = restored_rows(&backups, Choice::Newest, Plant::in_memory()).await;
        assert_eq!(restored, rows);
    }
}
