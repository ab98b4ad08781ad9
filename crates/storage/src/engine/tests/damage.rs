//! Every bit of small files of each kind, flipped: the damage is found, or does no harm. The log has
//! the like in its own tests.

use super::*;
use crate::check_file;

/// A store with a few commits, and with a checkpoint when `tokens` makes enough of them.
async fn store_with(tokens: usize) -> Arc<InMemory> {
    let setup = Setup::new();
    let (engine, table) = setup.open().await;
    let rows: Vec<_> = (0..20)
        .map(|time| {
            (
                (Some("x".to_owned()), time),
                (Some(time as f64 / 3.0), Some(time)),
            )
        })
        .collect();
    engine
        .write(batch(table, &rows), Durability::Synced)
        .await
        .unwrap();
    engine.flush().await.unwrap();
    for token in 0..tokens {
        let digest = [u8::try_from(token).unwrap(); 32];
        engine
            .core
            .catalog
            .put_admin_token("token", digest, 0)
            .await
            .unwrap();
    }
    engine.shutdown().await.unwrap();
    Arc::clone(&setup.store)
}

async fn object(store: &InMemory, path: &str) -> Vec<u8> {
    let got = store.get(&path.into()).await.unwrap();
    got.bytes().await.unwrap().to_vec()
}

/// Everything that a state says, in an order that does not depend on hashes.
fn describe(state: &State) -> String {
    let tables = state.databases().flat_map(|database| database.tables());
    let tables: Vec<_> = tables
        .map(|table| (table.id, &table.name, table.columns(), table.files()))
        .collect();
    let databases: Vec<_> = state.databases().map(|db| (db.id, &db.name)).collect();
    let tokens: Vec<_> = state.tokens().collect();
    let log = (state.wal(), state.wal_applied_through());
    format!(
        "{} {} {log:?} {databases:?} {tables:?} {tokens:?}",
        state.number(),
        state.cluster()
    )
}

async fn opened(store: &Arc<InMemory>) -> catalog::Result<String> {
    let catalog = Catalog::open(Arc::clone(store) as _, Limits::default()).await?;
    Ok(describe(&catalog.state()))
}

/// Flips every bit of an object; returns how many flips were found out, and how many did no harm.
async fn flip_all(store: &Arc<InMemory>, path: &str) -> (usize, usize) {
    let intact = opened(store).await.unwrap();
    let content = object(store, path).await;
    let (mut found, mut harmless) = (0, 0);
    for bit in 0..content.len() * 8 {
        let mut damaged = content.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        store.put(&path.into(), damaged.into()).await.unwrap();
        match opened(store).await {
            Ok(state) => {
                assert_eq!(state, intact, "{path}: bit {bit} changes the state");
                harmless += 1;
            }
            Err(error) => {
                assert_eq!(
                    error.kind(),
                    catalog::ErrorKind::Corrupt,
                    "{path}: bit {bit}: {error}"
                );
                found += 1;
            }
        }
    }
    store.put(&path.into(), content.into()).await.unwrap();
    (found, harmless)
}

#[tokio::test]
async fn every_flipped_bit_of_a_commit_is_found_or_does_no_harm() {
    let store = store_with(0).await;
    // The commit that holds the flushed file: database, table, opening, flush.
    let mut commits = 0;
    for number in 1..=5 {
        let path = format!("manifest/{number:020}.json");
        let size = object(&store, &path).await.len();
        let (found, harmless) = flip_all(&store, &path).await;
        assert_eq!(found + harmless, size * 8);
        // What does no harm is the writer's name, which only a commit of the same number looks at,
        // and letters' case and the like.
        assert!(harmless * 4 < found, "{path}: {harmless} of {}", size * 8);
        commits += 1;
    }
    assert_eq!(commits, 5);
}

#[tokio::test]
async fn every_flipped_bit_of_a_checkpoint_is_found_or_does_no_harm() {
    let store = store_with(60).await;
    let path = format!("manifest/{:020}.checkpoint.json", 64);
    let (found, harmless) = flip_all(&store, &path).await;
    assert!(harmless * 4 < found, "{harmless} of {}", found + harmless);
}

#[tokio::test]
async fn every_flipped_bit_of_a_parquet_file_is_found_by_its_checksum() {
    let store = store_with(0).await;
    let catalog = Catalog::open(Arc::clone(&store) as _, Limits::default()).await;
    let state = catalog.unwrap().state();
    let table = Arc::clone(state.database("db").unwrap().table("t").unwrap());
    let file = &table.files()[0];
    let mut content = object(&store, &file.path()).await;
    check_file(&content, file).unwrap();
    for bit in 0..content.len() * 8 {
        content[bit / 8] ^= 1 << (bit % 8);
        let error = check_file(&content, file).unwrap_err();
        assert_eq!(error.kind(), catalog::ErrorKind::Corrupt);
        content[bit / 8] ^= 1 << (bit % 8);
    }
    for cut in 0..content.len() {
        check_file(&content[..cut], file).unwrap_err();
    }
}
