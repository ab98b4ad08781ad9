//! Verification of stores that are sound, and of stores that somebody has damaged.

pub(crate) mod fixture;
mod recorded;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use object_store::path::Path as Place;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use fixture::{DAY, Plant, Row, unwatched};

const ROWS: [Row; 4] = [
    ("m1", 1, Some(1.5), Some(1)),
    ("m1", 2, Some(0.5), Some(2)),
    ("m2", 1, None, Some(3)),
    ("m2", DAY, Some(0.1), None),
];

async fn verified(plant: &Plant, options: &Options) -> Report {
    let data_dir = Some(plant.data_dir.path());
    let report = run(&plant.store, data_dir, options, &unwatched).await;
    report.unwrap()
}

/// A plant with two files, and rows in the log only; its engine has ended.
async fn plant() -> (Plant, Vec<String>) {
    let plant = Plant::in_memory();
    let running = plant.start().await;
    running.flush(&ROWS).await;
    running.write(&[("m3", 5, Some(1.0), Some(1))]).await;
    running.write(&[("m3", 6, Some(1.0), Some(1))]).await;
    let paths = running.paths();
    drop(running);
    // Until its last task has ended.
    drop(plant.lock().await);
    (plant, paths)
}

#[tokio::test]
async fn sound_stores_are_found_sound() {
    for plant in [Plant::in_memory(), Plant::on_disk()] {
        let running = plant.start().await;
        running.flush(&ROWS).await;
        running.flush(&[("m1", 1, None, Some(8))]).await;
        running.delete_asset("m2").await;
        running.delete_greater(7).await;
        running.settle().await;
        running.write(&ROWS).await;
        for options in [Options::default(), Options::quick()] {
            let report = verified(&plant, &options).await;
            assert!(report.is_sound(), "{report:?}");
            assert_eq!(report.files, running.paths().len() as u64);
            assert_eq!(report.tables, 1);
            assert_eq!(report.manifest, running.catalog.state().number());
            assert_eq!(report.commits, report.manifest);
            let log = report.log.unwrap();
            assert_eq!((log.records, log.damages), (1, 0));
        }
        running.engine.shutdown().await.unwrap();
        let report = verified(&plant, &Options::default()).await;
        assert!(report.is_sound() && report.log.unwrap().records == 0);
    }
}

#[tokio::test]
async fn progress_reaches_the_end() {
    let (plant, paths) = plant().await;
    let last = parking_lot::Mutex::new(crate::Progress::default());
    let watch = |progress| *last.lock() = progress;
    let options = Options::default();
    run(&plant.store, None, &options, &watch).await.unwrap();
    let last = *last.lock();
    assert_eq!(last.files_done, paths.len() as u64);
    assert_eq!(
        (last.files_done, last.bytes_done),
        (last.files_total, last.bytes_total)
    );
    assert!(last.bytes_done > 0);
}

#[tokio::test]
async fn store_that_is_not_there_is_no_damage() {
    let plant = Plant::in_memory();
    let missing = run(&plant.store, None, &Options::default(), &unwatched).await;
    assert!(matches!(missing, Err(Error::EmptyStore)), "{missing:?}");
    let stray = Place::from("data/1/1/0/a.parquet");
    let content = PutPayload::from_static(b"x");
    plant.store.put(&stray, content).await.unwrap();
    let report = verified(&plant, &Options::default()).await;
    assert_eq!(report.damages[0].place, "manifest/");
}

enum Harm {
    Flip,
    Cut,
    Append,
    Remove,
    /// With the other file.
    Swap,
}

async fn harm(plant: &Plant, paths: &[String], harm: Harm) {
    let read = async |path: &str| {
        let object = plant.store.get(&path.into()).await.unwrap();
        object.bytes().await.unwrap().to_vec()
    };
    let mut bytes = read(&paths[0]).await;
    let middle = bytes.len() / 2;
    match harm {
        Harm::Flip => bytes[middle] ^= 0x10,
        Harm::Cut => bytes.truncate(middle),
        Harm::Append => bytes.push(0),
        Harm::Remove => {
            let path = paths[0].as_str().into();
            return plant.store.delete(&path).await.unwrap();
        }
        Harm::Swap => {
            let other = std::mem::replace(&mut bytes, read(&paths[1]).await);
            write(plant, &paths[1], other).await;
        }
    }
    write(plant, &paths[0], bytes).await;
}

async fn write(plant: &Plant, path: &str, bytes: Vec<u8>) {
    let payload = PutPayload::from(bytes);
    plant.store.put(&path.into(), payload).await.unwrap();
}

#[tokio::test]
async fn damaged_files_are_found() {
    let check = async |done: Harm, wanted: &str, damages: usize, quick: usize| {
        let (plant, paths) = plant().await;
        harm(&plant, &paths, done).await;
        let report = verified(&plant, &Options::default()).await;
        assert_eq!(report.damages.len(), damages, "{report:?}");
        assert_eq!(report.damages[0].place, paths[0], "{report:?}");
        assert!(report.damages[0].problem.contains(wanted), "{report:?}");
        assert_eq!(report.files as usize, paths.len() - damages);
        let report = verified(&plant, &Options::quick()).await;
        assert_eq!(report.damages.len(), quick, "{report:?}");
    };
    check(Harm::Flip, "checksum", 1, 0).await;
    check(Harm::Cut, "bytes, not", 1, 1).await;
    check(Harm::Append, "bytes, not", 1, 1).await;
    check(Harm::Remove, "missing", 1, 1).await;
    let (plant, paths) = plant().await;
    harm(&plant, &paths, Harm::Swap).await;
    let report = verified(&plant, &Options::default()).await;
    assert_eq!(report.damages.len(), 2, "{report:?}");
}

#[tokio::test]
async fn damaged_manifests_are_reported_with_the_rest() {
    let (plant, paths) = plant().await;
    let first = "manifest/00000000000000000001.json";
    write(&plant, first, b"{}\n".to_vec()).await;
    let report = verified(&plant, &Options::default()).await;
    assert_eq!(report.damages.len(), 1, "{report:?}");
    assert_eq!(report.damages[0].place, first);
    assert!(report.files == 0 && !paths.is_empty());
}

#[tokio::test]
async fn files_that_nothing_refers_to_are_no_damage() {
    let (plant, _) = plant().await;
    write(&plant, "data/1/1/0/left.parquet", vec![0; 7]).await;
    let report = verified(&plant, &Options::default()).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.orphans.files, report.orphans.bytes), (1, 7));
    assert_eq!(report.orphans.paths, ["data/1/1/0/left.parquet"]);
}

/// The only segment of the log that has records.
fn segment(plant: &Plant) -> PathBuf {
    let wal = plant.data_dir.path().join("wal");
    let files = LocalFileSystem.list(&wal).unwrap();
    let mut names: Vec<_> = files.into_iter().map(|file| file.name).collect();
    names.sort();
    wal.join(names.pop().unwrap())
}

fn flip(path: &Path, at: u64) {
    let file = LocalFileSystem.open_to_write(path).unwrap();
    let mut byte = [0];
    crate::io::read_full_at(file.as_ref(), at, &mut byte).unwrap();
    crate::io::write_all_at(file.as_ref(), at, &[byte[0] ^ 1]).unwrap();
}

#[tokio::test]
async fn damaged_logs_are_found_and_left_as_they_are() {
    let content = |path: &Path| {
        let file = LocalFileSystem.open_to_read(path).unwrap();
        let size = file.metadata().unwrap().size_bytes;
        let mut bytes = vec![0; usize::try_from(size).unwrap()];
        crate::io::read_full_at(file.as_ref(), 0, &mut bytes).unwrap();
        bytes
    };
    // The first record in the log alone: another one follows it.
    let (plant, _) = plant().await;
    let path = segment(&plant);
    let whole = content(&path);
    let report = verified(&plant, &Options::default()).await;
    let intact = report.log.unwrap();
    assert_eq!((intact.records, intact.torn_bytes), (2, 0));
    let end = whole.iter().rposition(|&byte| byte != 0).unwrap() as u64;
    // Within the last record: nothing proves that it had been whole.
    flip(&path, end - 2);
    let report = verified(&plant, &Options::default()).await;
    assert!(report.is_sound(), "{report:?}");
    let torn = report.log.unwrap();
    assert!(torn.records == 1 && torn.torn_bytes > 0, "{torn:?}");
    flip(&path, end - 2);
    // Within the record before it.
    let second = end - intact.bytes / 2 - 40;
    flip(&path, second);
    let before = content(&path);
    let report = verified(&plant, &Options::default()).await;
    assert_eq!(report.damages.len(), 1, "{report:?}");
    assert_eq!(report.damages[0].place, "wal/");
    let log = report.log.unwrap();
    assert_eq!((log.damages, log.records_lost, log.records), (1, 1, 1));
    assert_eq!(content(&path), before);
}

#[tokio::test]
async fn log_of_another_store_is_damage() {
    let ((one, _), (other, _)) = (plant().await, plant().await);
    let mixed = Plant {
        store: one.store,
        data_dir: other.data_dir,
    };
    let report = verified(&mixed, &Options::default()).await;
    assert_eq!(report.damages.len(), 1, "{report:?}");
    assert!(report.damages[0].problem.contains("belongs to log"));
}

/// A server writes, flushes, replaces files and deletes them; whenever one looks, all is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn running_server_looks_sound() {
    let plant = Plant::on_disk();
    let running = plant.start().await;
    running.flush(&ROWS).await;
    let is_over = AtomicBool::new(false);
    let serve = async {
        for round in 0..150 {
            let before = running.paths();
            running
                .flush(&[("m5", round, Some(0.5), Some(round))])
                .await;
            if round % 3 == 2 {
                running.delete_greater(round - 2).await;
            }
            let after = running.paths();
            for path in before.iter().filter(|path| !after.contains(path)) {
                plant.store.delete(&path.as_str().into()).await.unwrap();
            }
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let look = async {
        let mut looks = 0;
        while !is_over.load(Ordering::Relaxed) {
            let report = verified(&plant, &Options::default()).await;
            assert!(report.is_sound(), "{report:?}");
            looks += 1;
        }
        looks
    };
    let ((), looks) = tokio::join!(serve, look);
    assert!(looks > 0);
}
