//! A running server: every part opened in order, and closed in reverse.
//!
//! ```text
//! bind ─▶ answer `starting` ─▶ object store ─▶ catalog ─▶ storage (replay) ─▶ query ─▶ token ─▶ ready
//! ```

mod bootstrap;
mod endpoints;
mod open_files;
pub(crate) mod restoring;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use catalog::{Actor, Catalog, Clock, SystemClock};
use serde::{Deserialize, Serialize};
use server::{Auth, Profile, Readiness, Server, Services, TaskOwners, Tls, TlsSettings};
use storage::object_store_settings::{Kind, ObjectStore, probe};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::cli::OptionalAddr;
pub(crate) use bootstrap::AdminToken;
pub(crate) use endpoints::Endpoints;

/// The longest pause between two attempts to reach the object store at start.
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// All settings of a server: one section per subsystem.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Addresses, and who may call.
    pub(crate) listen: ListenSettings,
    /// What one catalog may hold.
    pub(crate) limits: catalog::Limits,
    /// Where files and the manifest are.
    pub(crate) object_store: storage::object_store_settings::Settings,
    /// The write-ahead log.
    pub(crate) wal: storage::wal_settings::Settings,
    /// Rows in memory.
    pub(crate) buffer: storage::buffer_settings::Settings,
    /// Small files to large ones.
    pub(crate) compaction: storage::compaction_settings::Settings,
    /// What else keeps the store in shape.
    pub(crate) maintenance: storage::MaintenanceSettings,
    /// The last row of every series.
    pub(crate) last_rows: storage::last_rows_settings::Settings,
    /// How queries run.
    pub(crate) query: query::Settings,
    /// Statements that run by themselves.
    pub(crate) tasks: query::TaskSettings,
    /// Connections, bodies and requests.
    pub(crate) server: server::Settings,
    /// Queries that say how bad things are.
    pub(crate) checks: query::CheckSettings,
    /// What is sent to others.
    pub(crate) notifications: query::NotificationSettings,
}

/// Settings of what the server listens on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListenSettings {
    /// The address that answers as InfluxDB v1 and v2 do; port 0 picks a free one. Default
    /// `127.0.0.1:8086`.
    pub(crate) http_bind: SocketAddr,
    /// The address that answers as InfluxDB v3 does, or `none`. Default `127.0.0.1:8181`.
    pub(crate) v3_bind: OptionalAddr,
    /// Lets everyone in; only for loopback addresses. Default false.
    pub(crate) without_auth: bool,
    /// Takes tokens over unencrypted connections on other than loopback addresses too: for networks that
    /// nobody listens in on, or behind a proxy that speaks TLS. Default false.
    pub(crate) allow_insecure: bool,
    /// Encryption, on all addresses.
    pub(crate) tls: TlsSettings,
}

impl Default for ListenSettings {
    fn default() -> Self {
        Self {
            http_bind: SocketAddr::from(([127, 0, 0, 1], 8086)),
            v3_bind: OptionalAddr::Addr(SocketAddr::from(([127, 0, 0, 1], 8181))),
            without_auth: false,
            allow_insecure: false,
            tls: TlsSettings::default(),
        }
    }
}

/// Why a server did not start, or did not stop well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServeError {
    #[error("authentication may only be turned off on loopback addresses, and {addr} is not one")]
    OpenToTheWorld { addr: SocketAddr },
    #[error(
        "tokens would travel unencrypted to {addr}, which is no loopback address: give `listen.tls` a \
         certificate and a key, or allow it with --allow-insecure"
    )]
    Unencrypted { addr: SocketAddr },
    #[error(transparent)]
    Tls(#[from] server::TlsError),
    #[error("cannot listen on {addr}")]
    Bind {
        addr: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "a restore to {} has not come to its end, and what is there is no store: repeat it, or serve \
         another directory",
        data_dir.display()
    )]
    HalfRestored { data_dir: PathBuf },
    #[error("the admin token in {} is empty or has characters that no header can carry", path.display())]
    BadToken { path: PathBuf },
    #[error(transparent)]
    ObjectStore(#[from] storage::object_store_settings::Error),
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// A retention is not one.
    #[error("TIDEMILL_INIT_RETENTION: {0}")]
    Retention(#[from] catalog::InvalidRetention),
    #[error("what TIDEMILL_INIT_… asks for cannot be made: {0}")]
    Onboarding(#[from] server::OnboardingError),
    #[error(transparent)]
    Query(#[from] query::Error),
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingsError),
    #[error("cannot wait for signals")]
    Signals { source: std::io::Error },
    #[error("cannot start threads")]
    Runtime { source: std::io::Error },
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) endpoints: Endpoints,
    pub(crate) admin_token: AdminToken,
    data_dir: PathBuf,
    storage: Arc<storage::Engine>,
    tasks: query::TaskRunner,
    rollups: query::RollupRunner,
    readiness: Arc<Readiness>,
    listeners: JoinSet<()>,
    stop: CancellationToken,
}

impl Running {
    /// Starts everything on a data directory. Must be called on a runtime.
    pub(crate) async fn start(
        settings: Settings,
        data_dir: &Path,
        admin_token_file: Option<&Path>,
    ) -> Result<Self, ServeError> {
        let shown_settings = crate::settings::listed(&settings)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let readiness = Arc::new(Readiness::new(clock.now_nanos()));
        std::fs::create_dir_all(data_dir).map_err(|source| ServeError::Write {
            path: data_dir.to_owned(),
            source,
        })?;
        let server = Server::new(settings.server.clone());
        let stop = CancellationToken::new();
        // The ports open before the write-ahead log is replayed: a probe gets an answer at once.
        let (endpoints, listeners) = listen(&settings.listen, &server, &stop).await?;
        let connections = settings.server.connections.connections_max;
        open_files::allow(connections.saturating_mul(listeners.len()) as u64);

        // Before anything is read: another process may be about to flush and delete its log.
        let lock = storage::DirectoryLock::acquire(data_dir)?;
        let store = storage::object_store_settings::open(&settings.object_store, data_dir)?;
        wait_for(store.as_ref(), settings.object_store.kind).await;
        restoring::check_ended(data_dir, &store).await?;
        let catalog = Arc::new(Catalog::open(Arc::clone(&store), settings.limits).await?);
        let storage_settings = storage::Settings {
            wal: settings.wal,
            buffer: settings.buffer,
            compaction: settings.compaction,
            maintenance: settings.maintenance,
            last_rows: settings.last_rows,
            read_cache_bytes: settings.object_store.cache_bytes(),
        };
        let (storage, _report) = storage::Engine::open(
            storage_settings,
            lock,
            Arc::clone(&catalog),
            store,
            Arc::clone(&clock),
        )
        .await?;
        let storage = Arc::new(storage);
        let query = query::QueryEngine::new(
            settings.query,
            data_dir,
            Arc::clone(&catalog),
            Arc::clone(&storage),
            Arc::clone(&clock),
        )?
        .with_shown_settings(shown_settings)
        .with_checks(settings.checks, settings.notifications)?;
        let start = Actor {
            who: "the start".into(),
            at_nanos: clock.now_nanos(),
        };
        let first_start = async {
            let given = admin_token_file;
            let token = bootstrap::admin_token(&catalog, &*clock, data_dir, given).await?;
            bootstrap::first_records(&catalog, &*clock).await?;
            Ok::<_, ServeError>(token)
        };
        let admin_token = catalog::acting(start, first_start).await?;
        let auth = if settings.listen.without_auth {
            Auth::Disabled
        } else {
            Auth::Required
        };
        let query = Arc::new(query);
        let owners = TaskOwners::new(Arc::clone(&catalog), Arc::clone(&clock), auth);
        let tasks = query::start_tasks(Arc::clone(&query), settings.tasks, Arc::new(owners));
        let rollups = query::start_rollups(Arc::clone(&query));
        server.start(Services {
            catalog,
            storage: Arc::clone(&storage),
            query,
            clock,
            auth,
            readiness: Arc::clone(&readiness),
        });
        endpoints.save(data_dir)?;
        info!(http = %endpoints.http, v3 = ?endpoints.v3, "ready");
        Ok(Self {
            endpoints,
            admin_token,
            data_dir: data_dir.to_owned(),
            storage,
            tasks,
            rollups,
            readiness,
            listeners,
            stop,
        })
    }

    /// Answers what is under way, flushes, and ends.
    pub(crate) async fn stop(mut self) -> Result<(), ServeError> {
        self.readiness.stop();
        self.stop.cancel();
        while self.listeners.join_next().await.is_some() {}
        self.tasks.stop().await;
        self.rollups.stop().await;
        self.storage.shutdown().await?;
        Endpoints::remove(&self.data_dir);
        info!("stopped");
        Ok(())
    }
}

/// Waits for a service that does not answer: it may be starting too, as after a power failure. What it
/// answers, and what a local directory says, is for the catalog to judge.
async fn wait_for(store: &dyn ObjectStore, kind: Kind) {
    let mut pause = Duration::from_secs(1);
    while kind == Kind::S3
        && let Err(error) = probe(store).await
    {
        warn!(%error, retry_in = ?pause, "the object store does not answer; waiting for it");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn listen(
    settings: &ListenSettings,
    server: &Arc<Server>,
    stop: &CancellationToken,
) -> Result<(Endpoints, JoinSet<()>), ServeError> {
    let v3 = match settings.v3_bind {
        OptionalAddr::Addr(addr) => Some(addr),
        OptionalAddr::None => None,
    };
    let wanted = [(Some(settings.http_bind), Profile::V1V2), (v3, Profile::V3)];
    let open = wanted
        .iter()
        .filter_map(|(addr, _)| *addr)
        .find(|addr| !addr.ip().is_loopback());
    if let (true, Some(addr)) = (settings.without_auth, open) {
        return Err(ServeError::OpenToTheWorld { addr });
    }
    let tls = Tls::load(&settings.tls)?;
    if let (None, false, Some(addr)) = (&tls, settings.allow_insecure, open) {
        return Err(ServeError::Unencrypted { addr });
    }
    let mut bound = [None; 2];
    let mut listeners = JoinSet::new();
    for (place, (addr, profile)) in wanted.into_iter().enumerate() {
        let Some(addr) = addr else { continue };
        let listener = server::bind(addr)
            .await
            .map_err(|source| ServeError::Bind { addr, source })?;
        bound[place] = Some(listener.local_addr());
        let (server, tls) = (Arc::clone(server), tls.clone());
        listeners.spawn(listener.serve(profile, server, tls, stop.clone()));
    }
    let [http, v3] = bound;
    let http = http.expect("the v1 and v2 address is always wanted");
    let scheme = if tls.is_some() { "https" } else { "http" };
    if let Some(tls) = tls {
        listeners.spawn(tls.follow_files(stop.clone()));
    }
    Ok((Endpoints { http, v3, scheme }, listeners))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    /// Every setting can be given in every layer, secrets too, and no secret is shown.
    #[test]
    fn secrets_are_settings_that_are_not_shown() {
        let variable = "TIDEMILL_OBJECT_STORE_S3__SECRET_ACCESS_KEY";
        let environment = [(variable.to_owned(), "hush".to_owned())].into_iter();
        let settings: Settings = settings::layered(None, environment, Vec::new()).unwrap();
        assert_eq!(
            settings.object_store.s3.secret_access_key,
            Some(storage::object_store_settings::Secret::new("hush"))
        );
        let shown = settings::to_toml(&settings).unwrap();
        assert!(
            shown.contains("secret_access_key") && !shown.contains("hush"),
            "{shown}"
        );
    }
}
