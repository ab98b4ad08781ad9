//! The loop that keeps rollups up to date while the server runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::maintainer::Maintainer;
use crate::engine::QueryEngine;

/// Writes are gathered for so long.
const GATHER: Duration = Duration::from_millis(250);

/// The longest sleep: as late may a window that has ended be noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// How often it is noted how far rollups have come. After a crash as much is computed again.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Keeps rollups up to date until it is stopped.
#[derive(Debug)]
pub struct RollupRunner {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Begins to keep the rollups of the catalog up to date. Must be called on a runtime, once.
pub fn start(engine: Arc<QueryEngine>) -> RollupRunner {
    let stop = CancellationToken::new();
    RollupRunner {
        task: tokio::spawn(run(engine, stop.clone())),
        stop,
    }
}

impl RollupRunner {
    /// Stops, and returns when it is noted how far rollups have come. Windows that were being computed are
    /// computed again when the process comes back.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            error!(%error, "what keeps rollups up to date ended badly");
        }
    }
}

async fn run(engine: Arc<QueryEngine>, stop: CancellationToken) {
    let opened = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        opened = open(&engine) => opened,
    };
    let mut maintainer = opened;
    let mut saved = Instant::now();
    loop {
        let has_more = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            has_more = maintainer.step() => has_more,
        };
        if saved.elapsed() >= SAVE_EVERY {
            save(&mut maintainer).await;
            saved = Instant::now();
        }
        if has_more {
            continue;
        }
        let changed = async {
            tokio::select! {
                () = engine.storage().followed_changed() => {}
                () = engine.rollups().changed.notified() => return,
                () = tokio::time::sleep(SLEEP_MAX) => return,
            }
            tokio::time::sleep(GATHER).await;
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = changed => {}
        }
    }
    save(&mut maintainer).await;
}

async fn open(engine: &Arc<QueryEngine>) -> Maintainer {
    let mut pause = Duration::from_millis(200);
    loop {
        match Maintainer::open(Arc::clone(engine)).await {
            Ok(maintainer) => return maintainer,
            Err(error) => {
                error!(%error, retry_in = ?pause, "rollups wait: it cannot be read how far they are");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

async fn save(maintainer: &mut Maintainer) {
    if let Err(error) = maintainer.save().await {
        warn!(%error, "it cannot be noted how far rollups have come");
    }
}
