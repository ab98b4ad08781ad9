//! The bytes of models: there before their name, read as they were written, gone some time after it.

use bytes::Bytes;
use catalog::{DatabaseId, Model, ModelBlob, ModelVersion, Undrop};

use super::*;

/// Commits a model of one version, or of one version more.
async fn commit(engine: &Engine, blob: ModelBlob) -> catalog::Result<()> {
    let version = |number| ModelVersion {
        number,
        kind: "pca".to_owned(),
        features: vec!["a".to_owned()],
        target: None,
        group: None,
        options: vec![],
        query: None,
        rows: 0,
        times: None,
        seed: None,
        metrics: vec![],
        created_at_nanos: 0,
        created_by: None,
        blob,
    };
    let make = |id| Model {
        id,
        database: DatabaseId(1),
        name: "wear".to_owned(),
        current: 1,
        versions: vec![Arc::new(version(1))],
        last_version: 1,
        created_at_nanos: 0,
        updated_at_nanos: 0,
    };
    engine.core.catalog.create_record(make).await.map(drop)
}

async fn kept(engine: &Engine, bytes: &'static [u8]) -> ModelBlob {
    let keep = engine.keep_model(DatabaseId(1), Bytes::from_static(bytes), async |blob| {
        commit(engine, blob).await?;
        Ok::<_, Error>(blob)
    });
    keep.await.unwrap()
}

async fn is_there(setup: &Setup, blob: &ModelBlob) -> bool {
    setup.store.head(&blob.path().into()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_kept_and_read_back_after_a_restart() {
    let setup = Setup::new();
    let (engine, _) = setup.open().await;
    let blob = kept(&engine, b"what was learned").await;
    assert_eq!((blob.database, blob.size_bytes), (DatabaseId(1), 16));
    drop(engine);
    let (engine, _) = setup.open().await;
    sweep::orphans(&engine.core, Duration::ZERO).await.unwrap();
    assert_eq!(&engine.model(&blob).await.unwrap()[..], b"what was learned");
    setup
        .store
        .put(&blob.path().into(), "what was learnt ".into())
        .await
        .unwrap();
    let damaged = engine.model(&blob).await.unwrap_err();
    assert_eq!(damaged.reason(), "corrupt_file");
    assert!(damaged.to_string().contains(&blob.path()), "{damaged}");
    setup.store.delete(&blob.path().into()).await.unwrap();
    let missing = engine.model(&blob).await.unwrap_err();
    assert_eq!(missing.reason(), "corrupt_file");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_committed_is_swept() {
    let setup = Setup::new();
    let (engine, _) = setup.open().await;
    let live = kept(&engine, b"first").await;
    let mut orphan = None;
    let refused = engine.keep_model(DatabaseId(1), Bytes::from_static(b"second"), async |blob| {
        orphan = Some(blob);
        // The name is taken.
        Ok::<_, Error>(commit(&engine, blob).await?)
    });
    assert_eq!(refused.await.unwrap_err().reason(), "model_exists");
    let orphan = orphan.unwrap();
    assert!(is_there(&setup, &orphan).await);
    sweep::orphans(&engine.core, Duration::from_secs(3600))
        .await
        .unwrap();
    assert!(is_there(&setup, &orphan).await, "too young");
    sweep::orphans(&engine.core, Duration::ZERO).await.unwrap();
    assert!(!is_there(&setup, &orphan).await);
    assert!(is_there(&setup, &live).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_no_more_is_deleted() {
    let setup = Setup::new();
    let (engine, _) = setup.open().await;
    let blob = kept(&engine, b"first").await;
    let catalog = &engine.core.catalog;
    let before = catalog.state();
    catalog.drop_database("db", 0).await.unwrap();
    engine.forget_models(&before);
    assert_eq!(engine.stats().replaced_files, 0, "it can come back");
    catalog.undrop_database("db", Undrop::LAST).await.unwrap();
    engine.purge_database("db").await.unwrap();
    assert_eq!(engine.stats().replaced_files, 1);
    assert!(is_there(&setup, &blob).await, "a backup may be copying it");
}
