//! What every kind of store promises, checked on the ones that need no network, and what only the
//! local one has to.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests look at the real files behind the local store"
)]

mod power;

use std::collections::BTreeSet;
use std::fs;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Name;
use object_store::{
    Error as StoreError, GetRange, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use tempfile::TempDir;

use super::cached::{CachedStore, ReadCache};
use super::*;
use crate::io::simulated::SimulatedDisk;

fn payload(text: &str) -> PutPayload {
    PutPayload::from(text.as_bytes().to_vec())
}

async fn read(store: &dyn ObjectStore, name: &str) -> Option<String> {
    match store.get(&Name::from(name)).await {
        Ok(result) => {
            let bytes = result.bytes().await.unwrap();
            Some(String::from_utf8(bytes.to_vec()).unwrap())
        }
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => panic!("{name}: {error}"),
    }
}

async fn names(store: &dyn ObjectStore, prefix: Option<&str>) -> Vec<String> {
    let prefix = prefix.map(Name::from);
    let objects = store.list(prefix.as_ref());
    let names = objects.map_ok(|object| object.location.to_string());
    names.try_collect().await.unwrap()
}

fn local() -> (TempDir, Arc<dyn ObjectStore>) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&Settings::default(), &directory.path().join("new/data")).unwrap();
    (directory, store)
}

fn simulated() -> Arc<dyn ObjectStore> {
    let disk = SimulatedDisk::new();
    Arc::new(DurableLocal::open(disk.mount(), Path::new("/new/data/objects")).unwrap())
}

fn memory() -> Arc<dyn ObjectStore> {
    let settings = Settings {
        kind: Kind::Memory,
        ..Settings::default()
    };
    open(&settings, Path::new("unused")).unwrap()
}

/// Every file below the data directory, staging included.
fn files(directory: &TempDir) -> BTreeSet<String> {
    fn walk(path: &Path, files: &mut BTreeSet<String>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, files),
                false => drop(files.insert(path.display().to_string())),
            }
        }
    }
    let mut files = BTreeSet::new();
    walk(directory.path(), &mut files);
    files
}

#[tokio::test]
async fn stores_conform() {
    let (_directory, local) = local();
    let cached = CachedStore::new(memory(), ReadCache::new(64 << 20));
    for store in [local, memory(), simulated(), Arc::new(cached)] {
        puts_and_gets(store.as_ref()).await;
        creates_once(store.as_ref()).await;
        reads_ranges(store.as_ref()).await;
        lists(store.as_ref()).await;
        uploads_in_parts(store.as_ref()).await;
        copies(store.as_ref()).await;
        deletes(store.as_ref()).await;
    }
}

async fn puts_and_gets(store: &dyn ObjectStore) {
    let name = Name::from("manifest/a");
    assert_eq!(read(store, "manifest/a").await, None);
    let first = store.put(&name, payload("first")).await.unwrap();
    assert_eq!(store.head(&name).await.unwrap().e_tag, first.e_tag);
    let second = store.put(&name, payload("second!")).await.unwrap();
    let meta = store.head(&name).await.unwrap();
    assert_eq!((meta.e_tag, meta.size), (second.e_tag.clone(), 7));
    assert_ne!(first.e_tag, second.e_tag);
    assert_eq!(read(store, "manifest/a").await.as_deref(), Some("second!"));
    store.put(&Name::from("empty"), payload("")).await.unwrap();
    assert_eq!(read(store, "empty").await.as_deref(), Some(""));
    let chunks: PutPayload = ["a", "b", "c"]
        .into_iter()
        .map(bytes::Bytes::from)
        .collect();
    store.put(&Name::from("chunks"), chunks).await.unwrap();
    assert_eq!(read(store, "chunks").await.as_deref(), Some("abc"));
}

async fn creates_once(store: &dyn ObjectStore) {
    let name = Name::from("manifest/00000000000000000001");
    let create = |index: usize| {
        let options = PutOptions::from(PutMode::Create);
        let name = name.clone();
        async move {
            let payload = payload(&index.to_string());
            (index, store.put_opts(&name, payload, options).await)
        }
    };
    let results: Vec<_> = stream::iter((0..20).map(create))
        .buffer_unordered(20)
        .collect()
        .await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, put)| put.is_ok());
    assert_eq!(won.len(), 1);
    for (_, error) in lost {
        let error = error.unwrap_err();
        assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    }
    let content = read(store, name.as_ref()).await;
    assert_eq!(content, Some(won[0].0.to_string()), "losers change nothing");
}

async fn reads_ranges(store: &dyn ObjectStore) {
    let name = Name::from("ranges");
    store.put(&name, payload("0123456789")).await.unwrap();
    assert_eq!(store.get_range(&name, 2..5).await.unwrap(), "234");
    let ranges = store.get_ranges(&name, &[0..1, 8..10]).await.unwrap();
    assert_eq!(ranges, ["0", "89"]);
    let options = object_store::GetOptions {
        range: Some(GetRange::Suffix(4)),
        ..Default::default()
    };
    let suffix = store.get_opts(&name, options).await.unwrap();
    assert_eq!(suffix.bytes().await.unwrap(), "6789");
}

async fn lists(store: &dyn ObjectStore) {
    for name in ["list/b/2", "list/c", "list/a", "list/b/1", "listing"] {
        store.put(&Name::from(name), payload("x")).await.unwrap();
    }
    let below = ["list/a", "list/b/1", "list/b/2", "list/c"];
    assert_eq!(names(store, Some("list")).await, below);
    assert!(names(store, None).await.is_sorted());
    assert_eq!(names(store, Some("nothing")).await, [""; 0]);
    let (prefix, offset) = (Name::from("list"), Name::from("list/b/1"));
    let rest: Vec<_> = store
        .list_with_offset(Some(&prefix), &offset)
        .map_ok(|object| object.location.to_string())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(rest, below[2..]);
    let level = store.list_with_delimiter(Some(&prefix)).await.unwrap();
    let objects: Vec<_> = level.objects.iter().map(|o| o.location.as_ref()).collect();
    assert_eq!(objects, ["list/a", "list/c"]);
    assert_eq!(level.common_prefixes, [Name::from("list/b")]);
    let top = store.list_with_delimiter(None).await.unwrap();
    assert!(
        top.common_prefixes
            .iter()
            .all(|p| !p.as_ref().starts_with('.'))
    );
}

async fn uploads_in_parts(store: &dyn ObjectStore) {
    let name = Name::from("data/1/parts");
    let mut upload = store.put_multipart(&name).await.unwrap();
    let parts: Vec<_> = ["first ", "second ", "third"]
        .map(|part| upload.put_part(payload(part)))
        .into_iter()
        .rev()
        .collect();
    assert_eq!(read(store, name.as_ref()).await, None, "not visible yet");
    for part in parts {
        part.await.unwrap();
    }
    assert!(!names(store, None).await.contains(&name.to_string()));
    let result = upload.complete().await.unwrap();
    assert_eq!(
        read(store, name.as_ref()).await.as_deref(),
        Some("first second third")
    );
    assert_eq!(store.head(&name).await.unwrap().e_tag, result.e_tag);

    let gone = Name::from("data/1/gone");
    let mut upload = store.put_multipart(&gone).await.unwrap();
    upload.put_part(payload("lost")).await.unwrap();
    upload.abort().await.unwrap();
    assert_eq!(read(store, gone.as_ref()).await, None);
}

async fn copies(store: &dyn ObjectStore) {
    let (from, to) = (Name::from("copy/from"), Name::from("copy/new/to"));
    store.put(&from, payload("copied")).await.unwrap();
    store.copy_if_not_exists(&from, &to).await.unwrap();
    let error = store.copy_if_not_exists(&from, &to).await.unwrap_err();
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    store.put(&from, payload("changed")).await.unwrap();
    assert_eq!(read(store, to.as_ref()).await.as_deref(), Some("copied"));
    store.copy(&from, &to).await.unwrap();
    store.copy(&from, &to).await.unwrap();
    assert_eq!(read(store, to.as_ref()).await.as_deref(), Some("changed"));
    store.rename(&to, &Name::from("copy/moved")).await.unwrap();
    assert_eq!(
        names(store, Some("copy")).await,
        ["copy/from", "copy/moved"]
    );
    let error = store.copy(&Name::from("missing"), &to).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
}

async fn deletes(store: &dyn ObjectStore) {
    let doomed: Vec<Name> = (0..300)
        .map(|n| Name::from(format!("delete/{}/{n}", n % 7)))
        .collect();
    for name in &doomed {
        store.put(name, payload("x")).await.unwrap();
    }
    store
        .put(&Name::from("delete/kept"), payload("x"))
        .await
        .unwrap();
    let locations = stream::iter(doomed.clone()).map(Ok).boxed();
    let deleted: Vec<Name> = store.delete_stream(locations).try_collect().await.unwrap();
    assert_eq!(deleted, doomed);
    assert_eq!(names(store, Some("delete")).await, ["delete/kept"]);
    store.delete(&Name::from("delete/kept")).await.unwrap();
    assert_eq!(read(store, "delete/kept").await, None);
    // S3 does not tell that there was nothing to delete; the file system does.
    match store.delete(&Name::from("delete/kept")).await {
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn local_store_leaves_nothing_in_its_staging_directory() {
    let (directory, store) = local();
    let before = files(&directory);
    let name = Name::from("a/b");
    store.put(&name, payload("x")).await.unwrap();
    let create = PutOptions::from(PutMode::Create);
    store
        .put_opts(&name, payload("y"), create)
        .await
        .unwrap_err();
    store.copy(&name, &name).await.unwrap();
    let mut upload = store.put_multipart(&name).await.unwrap();
    upload.put_part(payload("z")).await.unwrap();
    upload.abort().await.unwrap();
    upload.abort().await.unwrap_err();
    upload.complete().await.unwrap_err();
    upload.put_part(payload("z")).await.unwrap_err();
    drop(store.put_multipart(&name).await.unwrap());
    store.delete(&name).await.unwrap();
    assert_eq!(files(&directory), before);
}

#[tokio::test]
async fn local_upload_with_a_missing_part_is_not_completed() {
    let (_directory, store) = local();
    let name = Name::from("a");
    let mut upload = store.put_multipart(&name).await.unwrap();
    drop(upload.put_part(payload("never written")));
    upload.put_part(payload("written")).await.unwrap();
    upload.complete().await.unwrap_err();
    assert_eq!(read(store.as_ref(), "a").await, None);
}

#[tokio::test]
async fn opening_removes_what_a_dead_process_left_and_nothing_else() {
    let (directory, store) = local();
    let root = directory.path().join("new/data/objects");
    let mut upload = store.put_multipart(&Name::from("alive")).await.unwrap();
    upload.put_part(payload("alive")).await.unwrap();
    let dead = root.join(".staging/7");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("lock#0"), "").unwrap();
    fs::write(dead.join("upload#3"), "half an obj").unwrap();
    assert_eq!(names(store.as_ref(), None).await, [""; 0]);

    let second = open(&Settings::default(), &directory.path().join("new/data")).unwrap();
    assert!(!dead.exists());
    upload.complete().await.unwrap();
    assert_eq!(
        read(second.as_ref(), "alive").await.as_deref(),
        Some("alive")
    );
    second.put(&Name::from("b"), payload("b")).await.unwrap();
    drop((store, second, upload));
    let left = files(&directory);
    assert_eq!(left.len(), 3, "two objects and a lock file: {left:?}");
}

#[tokio::test]
async fn local_store_survives_the_removal_of_a_directory_by_others() {
    let (directory, store) = local();
    let name = Name::from("a/b/c");
    store.put(&name, payload("1")).await.unwrap();
    fs::remove_dir_all(directory.path().join("new/data/objects/a")).unwrap();
    store.put(&name, payload("2")).await.unwrap();
    assert_eq!(read(store.as_ref(), "a/b/c").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn local_store_removes_directories_that_have_become_empty() {
    let (directory, store) = local();
    let root = directory.path().join("new/data/objects");
    for name in ["a/b/c/1", "a/b/c/2", "a/b/d/3", "top"] {
        store.put(&Name::from(name), payload("x")).await.unwrap();
    }
    for (name, left) in [
        ("a/b/c/1", &["a", "a/b", "a/b/c", "a/b/d"][..]),
        ("a/b/c/2", &["a", "a/b", "a/b/d"]),
        ("top", &["a", "a/b", "a/b/d"]),
        ("a/b/d/3", &[]),
    ] {
        store.delete(&Name::from(name)).await.unwrap();
        let mut found = directories(&root);
        found.retain(|found| !found.starts_with(".staging"));
        assert_eq!(found, left, "after {name}");
    }
    assert!(root.is_dir());
    // What somebody else put there stays, with the directories above it.
    store.put(&Name::from("a/b/1"), payload("x")).await.unwrap();
    fs::write(root.join("a/#note"), "mine").unwrap();
    store.delete(&Name::from("a/b/1")).await.unwrap();
    assert!(root.join("a/#note").is_file() && !root.join("a/b").exists());
}

/// The directories below a path, sorted, relative to it.
fn directories(root: &Path) -> Vec<String> {
    fn walk(root: &Path, path: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
                walk(root, &path, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

/// Several tasks put and delete in the same few directories: each finds what it has put.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn puts_into_directories_that_are_being_removed_succeed() {
    let (directory, store) = local();
    let tasks = (0..8).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for round in 0..60 {
                let name = format!("data/{}/{}/{task}", round % 2, round % 3);
                let (location, text) = (Name::from(&*name), format!("{task} {round}"));
                let options = match round % 2 {
                    0 => PutOptions::from(PutMode::Create),
                    _ => PutOptions::from(PutMode::Overwrite),
                };
                let put = store.put_opts(&location, payload(&text), options).await;
                put.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(read(store.as_ref(), &name).await, Some(text), "{name}");
                store.delete(&location).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let root = directory.path().join("new/data/objects");
    assert_eq!(directories(&root), [".staging", ".staging/0"]);
}

#[tokio::test]
async fn local_store_refuses_what_it_cannot_do() {
    let (_directory, store) = local();
    let version = object_store::UpdateVersion {
        e_tag: None,
        version: None,
    };
    let update = PutOptions::from(PutMode::Update(version));
    let cases = [
        store
            .put_opts(&Name::from("a"), payload(""), update)
            .await
            .err(),
        store
            .put(&Name::from(".staging/0/x"), payload(""))
            .await
            .err(),
        store
            .copy(&Name::from("a"), &Name::from(".staging"))
            .await
            .err(),
    ];
    for error in cases {
        use StoreError::{NotImplemented, NotSupported};
        let error = error.expect("refused");
        assert!(
            matches!(error, NotImplemented { .. } | NotSupported { .. }),
            "{error}"
        );
    }
}

fn s3() -> S3Settings {
    S3Settings {
        bucket: "history".into(),
        endpoint: Some("http://127.0.0.1:9000".into()),
        region: Some("eu-central-1".into()),
        allow_http: true,
        access_key_id: Some("key".into()),
        secret_access_key: Some(Secret::new("hush")),
        ..S3Settings::default()
    }
}

fn open_s3_with(change: impl FnOnce(&mut S3Settings)) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut settings = Settings {
        kind: Kind::S3,
        s3: s3(),
        ..Settings::default()
    };
    change(&mut settings.s3);
    open(&settings, Path::new("unused"))
}

#[test]
fn s3_store_is_built_from_settings() {
    let plain = open_s3_with(|_| {}).unwrap();
    assert_eq!(plain.to_string(), "AmazonS3(history)");
    let prefixed = open_s3_with(|s3| s3.prefix = "plant/one".into()).unwrap();
    assert_eq!(prefixed.to_string(), "PrefixObjectStore(plant/one)");
    open_s3_with(|s3| s3.session_token = Some(Secret::new("token"))).unwrap();
    open_s3_with(|s3| s3.endpoint = Some("https://store.example".into())).unwrap();
}

#[test]
fn s3_settings_that_cannot_work_are_refused() {
    type Change = fn(&mut S3Settings);
    let cases: [(&str, Change); 4] = [
        ("s3.bucket", |s3| s3.bucket.clear()),
        ("s3.endpoint", |s3| s3.allow_http = false),
        ("s3.endpoint", |s3| s3.endpoint = Some("store:9000".into())),
        ("s3.secret_access_key", |s3| s3.secret_access_key = None),
    ];
    for (expected, change) in cases {
        match open_s3_with(change) {
            Err(Error::InvalidSetting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", s3());
    assert!(
        printed.contains("history") && !printed.contains("hush"),
        "{printed}"
    );
}
