//! Backups of an engine that goes on, and what is restored of them.

mod interrupted;

use std::sync::Mutex;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::verify::tests::fixture::{DAY, Plant, Row, Running, Stopped, directory, unwatched};

/// Rows of two days; some keys come again later.
const FIRST: [Row; 4] = [
    ("m1", 1, Some(1.5), Some(1)),
    ("m2", 1, Some(2.5), Some(2)),
    ("m1", 2, None, Some(3)),
    ("m1", DAY, Some(0.1), None),
];
const SECOND: [Row; 3] = [
    ("m1", 1, Some(9.5), None),
    ("m3", 3, Some(3.5), Some(30)),
    ("m2", 2 * DAY, None, Some(7)),
];

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

async fn back_up(plant: &Plant, backups: &Arc<dyn ObjectStore>, at: i64) -> Result<Created> {
    create(&plant.store, backups, &Stopped(at), &unwatched).await
}

async fn restore_to(
    plant: &Plant,
    backups: &Arc<dyn ObjectStore>,
    choice: Choice,
) -> Result<Restored> {
    let lock = plant.lock().await;
    restore(backups, choice, &plant.store, &lock, &unwatched).await
}

/// Restores into a new place and reads everything there.
async fn restored_rows(
    backups: &Arc<dyn ObjectStore>,
    choice: Choice,
    plant: Plant,
) -> Vec<String> {
    let restored = restore_to(&plant, backups, choice).await.unwrap();
    assert!(restored.report.is_sound(), "{:?}", restored.report);
    assert_eq!(restored.report.files, restored.backup.files);
    let running = plant.start().await;
    let rows = running.rows().await;
    // It takes writes, and is not the store that was backed up.
    running.flush(&[("m9", 9, Some(9.0), Some(9))]).await;
    assert_eq!(running.rows().await.len(), rows.len() + 1);
    let cluster = running.catalog.state().cluster().to_string();
    assert_eq!(cluster, restored.cluster);
    assert_ne!(cluster, restored.backup.cluster);
    running.engine.shutdown().await.unwrap();
    let refused = back_up(&plant, backups, 99).await;
    assert!(
        matches!(refused, Err(Error::OtherStore { .. })),
        "{refused:?}"
    );
    rows
}

/// What the store goes through between three backups; returns its rows at each.
async fn three_backups(
    running: &Running,
    plant: &Plant,
    backups: &Arc<dyn ObjectStore>,
) -> Vec<(Created, Vec<String>)> {
    let mut made = Vec::new();
    running.flush(&FIRST).await;
    made.push((
        back_up(plant, backups, 10).await.unwrap(),
        running.rows().await,
    ));
    running.flush(&SECOND).await;
    running.delete_asset("m2").await;
    made.push((
        back_up(plant, backups, 20).await.unwrap(),
        running.rows().await,
    ));
    running.settle().await;
    running.delete_greater(5).await;
    made.push((
        back_up(plant, backups, 30).await.unwrap(),
        running.rows().await,
    ));
    made
}

async fn every_backup_is_restored(
    plant: Plant,
    backups: Arc<dyn ObjectStore>,
    target: fn() -> Plant,
) {
    let running = plant.start().await;
    let made = three_backups(&running, &plant, &backups).await;
    // Two days; two more files at least; and some are shared.
    let files = |at: usize| (made[at].0.files_copied, made[at].0.backup.files);
    assert_eq!(files(0), (2, 2));
    assert!(files(1).0 >= 2 && files(2).0 >= 1);
    let copied: u64 = made.iter().map(|(made, _)| made.files_copied).sum();
    let kept = copy::sizes(&backups).await.unwrap().len() as u64;
    assert_eq!(copied, kept);
    assert!(copied < files(0).1 + files(1).1 + files(2).1);
    assert!(made.iter().all(|(made, _)| !made.existed));
    let again = back_up(&plant, &backups, 40).await.unwrap();
    assert!(again.existed && again.backup == made[2].0.backup);
    assert_eq!(again.files_copied, 0);

    let found = check(&backups, &unwatched).await.unwrap();
    assert_eq!(
        (found.backups, found.files, found.damages),
        (3, kept, vec![])
    );
    let listing = list(&backups).await.unwrap();
    let expected: Vec<_> = made.iter().map(|(made, _)| made.backup.clone()).collect();
    assert_eq!((listing.backups, listing.damages), (expected, vec![]));
    let number = |at: usize| made[at].0.backup.number;
    let check = async |choice, expected: usize| {
        let rows = restored_rows(&backups, choice, target()).await;
        assert_eq!(rows, made[expected].1, "{choice:?}");
    };
    check(Choice::Newest, 2).await;
    check(Choice::Number(number(0)), 0).await;
    check(Choice::Number(number(1)), 1).await;
    check(Choice::Number(number(2) - 1), 1).await;
    check(Choice::Number(u64::MAX), 2).await;
    check(Choice::Time(10), 0).await;
    check(Choice::Time(29), 1).await;
    check(Choice::Time(30), 2).await;
    for choice in [Choice::Time(9), Choice::Number(number(0) - 1)] {
        let none = restore_to(&target(), &backups, choice).await;
        assert!(matches!(none, Err(Error::NoBackup)), "{none:?}");
    }
    running.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn every_backup_is_restored_as_it_was_in_memory() {
    every_backup_is_restored(Plant::in_memory(), memory(), Plant::in_memory).await;
}

#[tokio::test]
async fn every_backup_is_restored_as_it_was_on_disk() {
    let place = tempfile::tempdir().unwrap();
    let backups = directory(place.path());
    every_backup_is_restored(Plant::on_disk(), backups, Plant::on_disk).await;
}

#[tokio::test]
async fn rows_that_are_in_memory_only_are_not_in_a_backup() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    running.flush(&FIRST).await;
    let flushed = running.rows().await;
    running.write(&SECOND).await;
    let made = back_up(&plant, &backups, 10).await.unwrap();
    assert!(made.backup.flushed_at_nanos.is_some());
    let rows = restored_rows(&backups, Choice::Newest, Plant::in_memory()).await;
    assert_eq!(rows, flushed);
}

/// The engine replaces a file, and deletes it, between the manifest that was read and the copy.
#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_replaced_meanwhile_makes_it_begin_anew() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    running.flush(&FIRST).await;
    let is_first = Mutex::new(true);
    let replace = |_| {
        if !std::mem::take(&mut *is_first.lock().unwrap()) {
            return;
        }
        let replaced = async {
            let before = running.paths();
            running.delete_greater(2).await;
            let after = running.paths();
            for path in before.iter().filter(|path| !after.contains(path)) {
                plant.store.delete(&path.as_str().into()).await.unwrap();
            }
            assert_ne!(before, after);
        };
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| runtime.block_on(replaced));
    };
    let made = create(&plant.store, &backups, &Stopped(10), &replace).await;
    let made = made.unwrap();
    assert_eq!(made.backup.number, running.catalog.state().number());
    let rows = restored_rows(&backups, Choice::Newest, Plant::in_memory()).await;
    assert_eq!(rows, running.rows().await);
}

async fn harm(store: &Arc<dyn ObjectStore>, path: &str) {
    let path = Path::from(path);
    let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    store.put(&path, PutPayload::from(bytes)).await.unwrap();
}

#[tokio::test]
async fn damaged_and_missing_files_of_the_store_are_not_backed_up() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    running.flush(&FIRST).await;
    let path = running.paths()[0].clone();
    harm(&plant.store, &path).await;
    let damaged = back_up(&plant, &backups, 10).await;
    assert!(
        matches!(&damaged, Err(Error::Storage(crate::Error::DamagedFile { path: at, .. })) if *at == path),
        "{damaged:?}"
    );
    plant.store.delete(&path.as_str().into()).await.unwrap();
    let missing = back_up(&plant, &backups, 10).await;
    assert!(
        matches!(&missing, Err(Error::Missing { path: at }) if *at == path),
        "{missing:?}"
    );
    assert_eq!(list(&backups).await.unwrap(), Listing::default());
}

#[tokio::test]
async fn damage_in_the_backups_is_found() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    let made = three_backups(&running, &plant, &backups).await;
    let path = record::path(made[1].0.backup.number).to_string();
    harm(&backups, &path).await;
    let listing = list(&backups).await.unwrap();
    assert_eq!(listing.backups.len(), 2);
    assert_eq!(listing.damages[0].place, path);
    let is_damaged = |at: &str, error| matches!(error, Error::Damaged { path, .. } if path == at);
    let number = Choice::Number(made[1].0.backup.number);
    let target = Plant::in_memory();
    let error = restore_to(&target, &backups, number).await.unwrap_err();
    assert!(is_damaged(&path, error));
    // What a backup that is to be kept needs is not known.
    let error = prune(&backups, 2, &Stopped(50), &unwatched).await;
    assert!(is_damaged(&path, error.unwrap_err()));
    assert_eq!(record::numbers(&backups).await.unwrap().len(), 3);

    let file = record::read(&backups, made[2].0.backup.number)
        .await
        .unwrap();
    let file = &file.files[0].path;
    harm(&backups, file).await;
    let found = check(&backups, &unwatched).await.unwrap();
    let places: Vec<_> = found.damages.iter().map(|damage| &damage.place).collect();
    assert_eq!(places, [&path, file]);
    let error = restore_to(&target, &backups, Choice::Newest)
        .await
        .unwrap_err();
    assert!(is_damaged(file, error));
    assert!(!inspect_has_manifest(&target).await);
    backups.delete(&file.as_str().into()).await.unwrap();
    let error = restore_to(&target, &backups, Choice::Newest)
        .await
        .unwrap_err();
    assert!(is_damaged(file, error));
}

async fn inspect_has_manifest(plant: &Plant) -> bool {
    catalog::inspect::has_manifest(&plant.store).await.unwrap()
}

#[tokio::test]
async fn pruning_keeps_what_the_kept_backups_need() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    let made = three_backups(&running, &plant, &backups).await;
    let stranger = Path::from("data/1/1/0/left-behind.parquet");
    let content = PutPayload::from_static(b"x");
    backups.put(&stranger, content).await.unwrap();

    let none = prune(&backups, 0, &Stopped(50), &unwatched).await;
    assert!(matches!(none, Err(Error::KeepNothing)), "{none:?}");
    let pruned = prune(&backups, 5, &Stopped(50), &unwatched).await.unwrap();
    assert_eq!(pruned, Pruned::default());
    let pruned = prune(&backups, 1, &Stopped(50), &unwatched).await.unwrap();
    let numbers: Vec<u64> = made.iter().map(|(made, _)| made.backup.number).collect();
    assert_eq!(pruned.backups, numbers[..2]);
    assert!(pruned.files > 0);
    backups.head(&stranger).await.unwrap();
    let rows = restored_rows(&backups, Choice::Newest, Plant::in_memory()).await;
    assert_eq!(rows, made[2].1);
    // What an interrupted backup left behind goes when it is old.
    let pruned = prune(&backups, 1, &Stopped(i64::MAX), &unwatched).await;
    assert_eq!((pruned.unwrap().files), 1);
    backups.head(&stranger).await.unwrap_err();
    let kept = copy::sizes(&backups).await.unwrap().len() as u64;
    assert_eq!(kept, made[2].0.backup.files);
}

#[tokio::test]
async fn store_is_restored_only_where_there_is_none() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    running.flush(&FIRST).await;
    back_up(&plant, &backups, 10).await.unwrap();
    let check = async |target: &Plant, wanted: &str| {
        let refused = restore_to(target, &backups, Choice::Newest).await;
        let refused = refused.unwrap_err();
        assert!(matches!(refused, Error::NotEmpty { .. }), "{refused:?}");
        assert!(refused.to_string().contains(wanted), "{refused}");
    };
    // Another store; the log of one whose store is elsewhere; files that nobody knows.
    let other = Plant::in_memory();
    let started = other.start().await;
    started.write(&FIRST).await;
    drop(started);
    check(&other, "the write-ahead log").await;
    let moved = Plant {
        store: memory(),
        data_dir: other.data_dir,
    };
    check(&moved, "the write-ahead log").await;
    check(&Plant::on(Arc::clone(&other.store)), "the store").await;
    let littered = Plant::in_memory();
    let content = PutPayload::from_static(b"x");
    let stranger = Path::from("data/1/1/0/a.parquet");
    littered.store.put(&stranger, content).await.unwrap();
    check(&littered, "a.parquet").await;
    // The place of the backups, and the store itself as that place.
    check(&Plant::on(Arc::clone(&backups)), "holds backups").await;
    let refused = back_up(&plant, &plant.store, 20).await;
    assert!(matches!(refused, Err(Error::IsStore { .. })), "{refused:?}");
}

/// A log of the original, put where the restored store is, is not replayed into it.
#[tokio::test]
async fn log_of_the_original_is_refused() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    running.flush(&FIRST).await;
    back_up(&plant, &backups, 10).await.unwrap();
    running.write(&SECOND).await;
    drop(running);
    let target = Plant::in_memory();
    restore_to(&target, &backups, Choice::Newest).await.unwrap();
    let mixed = Plant {
        store: target.store,
        data_dir: plant.data_dir,
    };
    let lock = mixed.lock().await;
    let catalog = catalog::Catalog::open(Arc::clone(&mixed.store), Default::default()).await;
    let opened = crate::Engine::open(
        Default::default(),
        lock,
        Arc::new(catalog.unwrap()),
        Arc::clone(&mixed.store),
        Arc::new(Stopped(0)),
    );
    let error = opened.await.unwrap_err();
    assert!(error.to_string().contains("belongs to log"), "{error}");
}

#[tokio::test]
async fn store_that_was_put_back_is_not_mixed_with_what_it_was() {
    let (plant, backups) = (Plant::in_memory(), memory());
    let running = plant.start().await;
    running.flush(&FIRST).await;
    back_up(&plant, &backups, 10).await.unwrap();
    let path = format!("manifest/{:020}.json", running.catalog.state().number());
    running.engine.shutdown().await.unwrap();
    plant.store.delete(&path.as_str().into()).await.unwrap();
    let refused = back_up(&plant, &backups, 20).await;
    assert!(
        matches!(refused, Err(Error::OtherHistory { .. })),
        "{refused:?}"
    );
}
