//! Logs that are sound, and logs that somebody has damaged.

use futures::TryStreamExt;
use object_store::PutPayload;
use object_store::memory::InMemory;

use super::*;
use crate::{Catalog, DatabaseName, Limits, Retention};

/// A log of this many commits.
async fn log_of(commits: u64) -> Arc<dyn ObjectStore> {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let catalog = open(&store).await;
    let name = DatabaseName::new("plant").unwrap();
    catalog
        .create_database(&name, Retention::Forever)
        .await
        .unwrap();
    for number in catalog.state().number()..commits {
        let digest = [u8::try_from(number % 256).unwrap(); 32];
        catalog.put_admin_token("token", digest, 0).await.unwrap();
    }
    store
}

async fn open(store: &Arc<dyn ObjectStore>) -> Catalog {
    let limits = Limits::default();
    Catalog::open(Arc::clone(store), limits).await.unwrap()
}

async fn checked(store: &Arc<dyn ObjectStore>) -> LogCheck {
    check(store).await.unwrap()
}

async fn read(store: &Arc<dyn ObjectStore>, path: &str) -> Vec<u8> {
    let got = store.get(&path.into()).await.unwrap();
    got.bytes().await.unwrap().to_vec()
}

async fn write(store: &Arc<dyn ObjectStore>, path: &str, bytes: Vec<u8>) {
    let payload = PutPayload::from(bytes);
    store.put(&path.into(), payload).await.unwrap();
}

fn commit(number: u64) -> String {
    format!("manifest/{number:020}.json")
}

fn checkpoint(number: u64) -> String {
    format!("manifest/{number:020}.checkpoint.json")
}

#[tokio::test]
async fn sound_logs_have_no_damage() {
    let check = async |commits, expected: (usize, usize)| {
        let store = log_of(commits).await;
        let found = checked(&store).await;
        assert_eq!(found.damages, [], "{commits}");
        assert_eq!((found.commits, found.checkpoints), expected, "{commits}");
        assert_eq!(found.state.unwrap().number(), commits);
        assert_eq!(newest(&store).await.unwrap().unwrap().number(), commits);
    };
    check(2, (2, 0)).await;
    check(63, (63, 0)).await;
    check(64, (1, 1)).await;
    check(130, (67, 2)).await;
    check(200, (73, 2)).await;
}

#[tokio::test]
async fn store_without_a_log_has_no_state() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    assert!(newest(&store).await.unwrap().is_none());
    assert!(!has_manifest(&store).await.unwrap());
    let found = checked(&store).await;
    assert!(found.state.is_none() && found.damages.is_empty());
}

enum Harm {
    Flip,
    Cut,
    Remove,
    SwapWith(String),
}

/// A log of 200 commits, checkpoints at 128 and 192.
async fn harmed(path: &str, harm: Harm) -> LogCheck {
    let store = log_of(200).await;
    let bytes = read(&store, path).await;
    match harm {
        Harm::Flip => {
            let mut bytes = bytes;
            let middle = bytes.len() * 2 / 3;
            bytes[middle] ^= 4;
            write(&store, path, bytes).await;
        }
        Harm::Cut => write(&store, path, bytes[..bytes.len() / 2].to_vec()).await,
        Harm::Remove => store.delete(&path.into()).await.unwrap(),
        Harm::SwapWith(other) => {
            let others = read(&store, &other).await;
            write(&store, path, others).await;
            write(&store, &other, bytes).await;
        }
    }
    checked(&store).await
}

#[tokio::test]
async fn damage_of_every_kind_is_found() {
    // What is harmed, how, what is reported, and whether a server would still start.
    let check = async |path: String, harm, places: &[String], starts: bool| {
        let found = harmed(&path, harm).await;
        let paths: Vec<_> = found.damages.iter().map(|damage| &damage.path).collect();
        let expected: Vec<_> = places.iter().collect();
        assert_eq!(paths, expected, "{path}: {:?}", found.damages);
        assert_eq!(found.state.is_some(), starts, "{path}");
    };
    for number in [128, 130, 191, 192] {
        // Superseded by the newest checkpoint: nobody needs it to start.
        let place = || [commit(number)];
        check(commit(number), Harm::Flip, &place(), true).await;
        check(commit(number), Harm::Cut, &place(), true).await;
        match number {
            // Where the oldest checkpoint stands the log may begin without the commit.
            128 => check(commit(number), Harm::Remove, &[], true).await,
            _ => check(commit(number), Harm::Remove, &place(), true).await,
        }
    }
    for number in [193, 199] {
        let place = || [commit(number)];
        check(commit(number), Harm::Flip, &place(), false).await;
        check(commit(number), Harm::Cut, &place(), false).await;
        check(commit(number), Harm::Remove, &place(), false).await;
    }
    let both = [commit(195), commit(197)];
    check(commit(195), Harm::SwapWith(commit(197)), &both, false).await;
    check(checkpoint(128), Harm::Flip, &[checkpoint(128)], true).await;
    check(checkpoint(192), Harm::Flip, &[checkpoint(192)], false).await;
    let both = [checkpoint(128), checkpoint(192)];
    check(
        checkpoint(128),
        Harm::SwapWith(checkpoint(192)),
        &both,
        false,
    )
    .await;
}

#[tokio::test]
async fn checkpoint_of_another_state_is_damage() {
    let store = log_of(200).await;
    let other = log_of(128).await;
    write(
        &store,
        &checkpoint(128),
        read(&other, &checkpoint(128)).await,
    )
    .await;
    // The identity of the store differs, which shows at the next checkpoint.
    let found = checked(&store).await;
    let paths: Vec<_> = found.damages.iter().map(|damage| &damage.path).collect();
    assert_eq!(paths, [&checkpoint(192)]);
}

#[tokio::test]
async fn kept_state_is_read_back_and_founds_a_store_of_its_own() {
    let store = log_of(70).await;
    let state = newest(&store).await.unwrap().unwrap();
    let bytes = encode_state(&state);
    let kept = decode_state(&bytes, 70, "kept").unwrap();
    assert_eq!(encode_state(&kept), bytes);
    decode_state(&bytes[..bytes.len() - 9], 70, "kept").unwrap_err();
    decode_state(&bytes, 71, "kept").unwrap_err();

    let restored: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let founded = found(&restored, &kept).await.unwrap();
    assert_ne!(founded.cluster(), state.cluster());
    assert_ne!(founded.wal(), state.wal());
    let objects: Vec<_> = restored.list(None).try_collect().await.unwrap();
    assert_eq!(objects.len(), 1, "{objects:?}");
    assert_eq!(checked(&restored).await.damages, []);
    let catalog = open(&restored).await;
    assert_eq!(catalog.state().number(), 71);
    assert_eq!(
        catalog.state().tokens().collect::<Vec<_>>(),
        state.tokens().collect::<Vec<_>>()
    );
    // It goes on from there.
    for number in 0..200 {
        let digest = [number; 32];
        catalog.put_admin_token("token", digest, 0).await.unwrap();
    }
    assert_eq!(checked(&restored).await.damages, []);
}

#[tokio::test]
async fn flushes_are_dated_and_other_commits_are_not() {
    let store = log_of(3).await;
    assert_eq!(flushed_at(&store, 3).await.unwrap(), None);
    let catalog = open(&store).await;
    catalog.commit_flush(Vec::new(), 9).await.unwrap();
    catalog.put_admin_token("token", [1; 32], 0).await.unwrap();
    let meta = store.head(&commit(4).as_str().into()).await.unwrap();
    let at = meta.last_modified.timestamp_nanos_opt();
    assert!(at.is_some());
    assert_eq!(flushed_at(&store, 5).await.unwrap(), at);
    assert_eq!(flushed_at(&store, 3).await.unwrap(), None);
}
