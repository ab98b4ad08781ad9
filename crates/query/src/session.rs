//! The one recipe by which every session is built, and what all sessions share.
//!
//! Invariant: *no statement can reach a file, a URL or a setting*. The object store registry knows
//! one address, which no SQL can name; there is no dynamic file catalog; and only plans that read
//! are let through (`engine/reading.rs`).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use catalog::Database;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::StreamingTableExec;
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use parking_lot::Mutex;
use url::Url;

use crate::builtins;
use crate::catalog_provider::DatabaseCatalogs;
use crate::models::Scope;
use crate::plan;
use crate::scan_size::Threads;
use crate::settings::Settings;
use crate::system;

/// The catalog that clients expect.
pub(crate) const CATALOG: &str = "public";
/// The schema of user tables; clients hard-code it.
pub(crate) const SCHEMA: &str = "iox";

const STORE_URL: &str = "tidemill://data";

/// The address of our files in plans.
pub(crate) fn store_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse(STORE_URL).expect("the address is well-formed")
}

/// What all sessions share: memory, spill space, caches and the object store.
pub(crate) fn runtime_env(
    settings: &Settings,
    data_dir: &Path,
    store: Arc<dyn ObjectStore>,
) -> Result<Arc<RuntimeEnv>> {
    let spill_dir = data_dir.join("tmp");
    // What an earlier process left behind is of no use to anyone.
    match std::fs::remove_dir_all(&spill_dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => std::fs::create_dir_all(&spill_dir)?,
    }
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![spill_dir]))
        .with_max_temp_directory_size(settings.spill.as_u64());
    let consumers_named = std::num::NonZeroUsize::new(5).expect("5 is not 0");
    let pool = FairSpillPool::new(bytes(settings.memory));
    RuntimeEnvBuilder::new()
        .with_object_store_registry(Arc::new(OneStore(store)))
        .with_memory_pool(Arc::new(TrackConsumersPool::new(pool, consumers_named)))
        .with_disk_manager_builder(disk)
        .with_metadata_cache_limit(bytes(settings.metadata_cache))
        .build_arc()
}

/// So many sessions that nobody uses are kept.
const SPARE_MAX: usize = 16;

/// What every session begins as; made once, because there are hundreds of functions to be registered.
#[derive(Debug)]
pub(crate) struct Sessions {
    first: SessionState,
    /// Sessions that have been given back, as they began: a copy of the first has the names of all functions copied.
    spare: Mutex<Vec<SessionState>>,
}

impl Sessions {
    pub(crate) fn new(settings: &Settings, runtime: Arc<RuntimeEnv>) -> Result<Self> {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_create_default_catalog_and_schema(false)
            // There is one all the same: ours.
            .with_information_schema(false);
        let options = config.options_mut();
        // Whether rows are filtered while they are decoded is decided for each scan (`filter_share.rs`).
        options.execution.parquet.pushdown_filters = false;
        options.execution.parquet.reorder_filters = true;
        // A query that recurses without end would only be stopped by its deadline.
        options.execution.enable_recursive_ctes = false;
        // It makes a query fail in which two columns beside a field of a record are the same. Files have no
        // columns of records, of which it could spare reading the rest.
        options.optimizer.enable_leaf_expression_pushdown = false;
        // So that an error can say where in the text it is.
        options.sql_parser.collect_spans = true;
        let builder = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features();
        let mut session = plan::extend(builder).build();
        functions::register_all(&mut session)?;
        plan::register_functions(&mut session)?;
        builtins::register(&mut session, settings.function_bytes_max.as_u64())?;
        Ok(Self {
            first: session,
            spare: Mutex::default(),
        })
    }

    /// A session on one database, as of one catalog state. `view` is what its schema `system` shows.
    pub(crate) fn begin(&self, view: system::View, database: &Arc<Database>) -> SessionState {
        let spare = self.spare.lock().pop();
        let mut session = spare.unwrap_or_else(|| self.first.clone());
        plan::register_table_functions(&mut session, &view.storage, database);
        let scope = Arc::new(Scope::new(&view, database));
        session.config_mut().set_extension(scope);
        let hot = Arc::clone(&view.hot_pages);
        session.config_mut().set_extension(hot);
        let tag_rows = Arc::clone(&view.tag_rows);
        session.config_mut().set_extension(tag_rows);
        if let Some(threads) = view.threads {
            session
                .config_mut()
                .set_extension(Arc::new(Threads(threads)));
        }
        let catalogs = DatabaseCatalogs::new(view, database);
        catalogs.set_table_functions(session.table_functions().clone());
        session.register_catalog_list(Arc::new(catalogs));
        // Fixes what `now()` is for this query.
        session.mark_start_execution();
        session
    }

    /// Takes back a session that has planned all it was to plan.
    pub(crate) fn give_back(&self, mut session: SessionState) {
        plan::forget_table_functions(&mut session);
        *session.config_mut() = self.first.config().clone();
        session.register_catalog_list(Arc::clone(self.first.catalog_list()));
        let mut spare = self.spare.lock();
        if spare.len() < SPARE_MAX {
            spare.push(session);
        }
    }
}

/// What the operators of one query run with: what all sessions share, but for the memory, which is taken
/// from `pool`. Only `information_schema` asks it for the functions that there are.
pub(crate) fn task_context(
    session: &SessionState,
    plan: &Arc<dyn ExecutionPlan>,
    pool: Arc<dyn MemoryPool>,
) -> Result<TaskContext> {
    let may_ask = plan.exists(|operator| Ok(operator.is::<StreamingTableExec>()))?;
    let shared = session.runtime_env();
    let runtime = RuntimeEnv {
        memory_pool: pool,
        disk_manager: Arc::clone(&shared.disk_manager),
        cache_manager: Arc::clone(&shared.cache_manager),
        object_store_registry: Arc::clone(&shared.object_store_registry),
    };
    Ok(TaskContext::new(
        None,
        session.session_id().to_owned(),
        session.config().clone(),
        known(session.scalar_functions(), may_ask),
        known(session.higher_order_functions(), may_ask),
        known(session.aggregate_functions(), may_ask),
        known(session.window_functions(), may_ask),
        Arc::new(runtime),
    ))
}

/// Functions by name, for those who may ask.
fn known<T>(functions: &HashMap<String, Arc<T>>, may_ask: bool) -> HashMap<String, Arc<T>> {
    match may_ask {
        true => functions.clone(),
        false => HashMap::new(),
    }
}

fn bytes(size: bytesize::ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

/// A registry that knows our store and takes no other.
#[derive(Debug)]
struct OneStore(Arc<dyn ObjectStore>);

impl ObjectStoreRegistry for OneStore {
    fn register_store(
        &self,
        _url: &Url,
        _store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, DataFusionError> {
        if url.scheme() == "tidemill" && url.host_str() == Some("data") {
            return Ok(Arc::clone(&self.0));
        }
        plan_err!("no object store is reachable from a query")
    }
}
