//! The catalog of a running process: the current [`State`], and the operations that change it. Each
//! family of operations has a file of its own; all of them end in [`Catalog::commit`].

mod databases;
mod extend;
mod files;
mod records;
mod tables;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use object_store::ObjectStore;
use tokio::sync::Mutex;
use tracing::info;
use uuid::Uuid;

use crate::audit;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::manifest::{Commit, ManifestLog};
use crate::records::Organization;
use crate::state::State;
pub use databases::Undrop;
pub use extend::TableExtension;
pub use files::Replacement;
pub use tables::TableOptions;

/// Everything that exists, for reading at once and for changing one durable commit at a time.
#[derive(Debug)]
pub struct Catalog {
    log: ManifestLog,
    limits: Limits,
    current: ArcSwap<State>,
    /// Held for the length of a commit; commits are rare beside reads and writes of rows.
    commit_lock: Mutex<()>,
    /// A commit ended without an answer, or nobody waited for it: the store may hold more than
    /// `current`.
    may_lag: AtomicBool,
}

impl Catalog {
    /// Opens the catalog of an object store, or makes a new one in an empty store.
    pub async fn open(store: Arc<dyn ObjectStore>, limits: Limits) -> Result<Self> {
        let log = ManifestLog::new(store);
        let state = log.load().await?;
        let is_new = state.number() == 0;
        let catalog = Self {
            log,
            limits,
            current: ArcSwap::from_pointee(state),
            commit_lock: Mutex::new(()),
            may_lag: AtomicBool::new(false),
        };
        if is_new {
            let cluster = Uuid::new_v4();
            catalog
                .commit(|_| Ok(vec![Edit::InitializeCluster { cluster }]))
                .await?;
            info!(%cluster, "created a new store");
        }
        Ok(catalog)
    }

    /// The newest committed state.
    pub fn state(&self) -> Arc<State> {
        self.current.load_full()
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Makes this process the one that writes to the store, through this write-ahead log. A process
    /// that did so before finds its next commit refused. A store without an organization gets one.
    pub async fn open_for_writing(&self, wal: Uuid, now_nanos: i64) -> Result<()> {
        self.commit(|state| {
            let mut edits = vec![Edit::OpenForWriting { wal }];
            if state.default_organization().is_none() {
                let id = state.records().next_id();
                edits.push(Edit::PutRecord {
                    record: Organization::first(id, now_nanos).into(),
                });
            }
            Ok(edits)
        })
        .await?;
        Ok(())
    }

    /// Fails with [`Error::Fenced`] when another process has taken the store over. A commit of this one
    /// whose answer was lost is made current on the way: [`Catalog::state`] is what the store holds.
    pub async fn check_ownership(&self) -> Result<()> {
        let _guard = self.commit_lock.lock().await;
        self.catch_up().await
    }

    /// Runs `change` on the newest state and makes its edits durable, then current. The closure
    /// may run more than once. No edits means nothing to do.
    async fn commit(
        &self,
        mut change: impl FnMut(&State) -> Result<Vec<Edit>>,
    ) -> Result<Arc<State>> {
        let _guard = self.commit_lock.lock().await;
        loop {
            let state = self.current.load_full();
            let mut edits = change(&state)?;
            edits.extend(audit::entries(&state, &edits));
            if edits.is_empty() {
                if !self.may_lag.load(Ordering::Relaxed) {
                    return Ok(state);
                }
                // What was asked for may be undone by a commit whose answer was lost.
                self.catch_up().await?;
                continue;
            }
            let number = state.number() + 1;
            self.may_lag.store(true, Ordering::Relaxed);
            let committed = self.log.commit(number, &edits).await;
            self.may_lag.store(committed.is_err(), Ordering::Relaxed);
            match committed? {
                Commit::Done => {
                    let next = Arc::new(self.applied(&state, number, &edits)?);
                    self.current.store(Arc::clone(&next));
                    self.log.checkpoint_if_due(&next).await;
                    return Ok(next);
                }
                Commit::Rebase(earlier) => {
                    let next = self.applied(&state, number, &earlier)?;
                    self.current.store(Arc::new(next));
                }
            }
        }
    }

    /// Makes commits of this process current whose answers were lost. The commit lock must be held.
    async fn catch_up(&self) -> Result<()> {
        loop {
            let state = self.current.load_full();
            let number = state.number() + 1;
            let Some(edits) = self.log.unseen_commit(number).await? else {
                self.may_lag.store(false, Ordering::Relaxed);
                return Ok(());
            };
            let next = self.applied(&state, number, &edits)?;
            self.current.store(Arc::new(next));
        }
    }

    fn applied(&self, state: &State, number: u64, edits: &[Edit]) -> Result<State> {
        state
            .after(number, edits)
            .map_err(|problem| Error::Corrupt {
                path: format!("manifest {number}"),
                problem,
            })
    }
}

#[cfg(test)]
mod tests;
