//! Runs queries: one statement, checked, planned and executed on threads of its own, within a
//! deadline and a memory budget.

mod delivery;
mod describe;
mod models;
mod reading;
mod turns;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use catalog::{Action, Catalog, Clock, Database};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::execute_stream;
use tokio::runtime::{self, Runtime};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::advice::Subject;
use crate::caller::{Caller, TokenUses};
use crate::checks::{CheckSettings, Checks};
use crate::complexity;
use crate::error::{Error, Result};
use crate::hot_pages::HotPages;
use crate::kept_plans::KeptPlans;
use crate::models::ModelCache;
use crate::plan;
use crate::registry::{Handle, Registry, State};
use crate::rollups::Rollups;
use crate::scan_size;
use crate::session::{self, Sessions};
use crate::settings::Settings;
use crate::statement_settings::{self, StatementSettings};
use crate::statements::{self, Statement};
use crate::stream::{self, Deadline, Limits, QueryStream};
use crate::system;
use crate::tag_rows::TagRows;
use crate::tasks::Tasks;
pub use describe::{Description, TableListing};
pub use models::{ModelImport, ModelSummary};
pub(crate) use reading::plan;
use reading::{optimized, plan_open};
use turns::Turns;

/// Stack of a query thread: what planning a query of `Settings::depth_max` takes in an unoptimised
/// build, several times over. Only what is used takes memory.
const STACK_BYTES: usize = 32 << 20;

/// A query to run.
#[derive(Debug, Clone)]
pub struct SqlRequest {
    /// The database whose tables it reads.
    pub database: String,
    /// One statement.
    pub sql: String,
    /// Values for `$name` and `$1` in the text, without the `$`.
    pub params: Vec<(String, ScalarValue)>,
    /// The deadline it asks for; the setting `query.timeout` if it does not.
    pub timeout: Option<Duration>,
    /// What the statement may do, whoever asks.
    pub access: Access,
    /// Who asks, which decides what they may do and see.
    pub caller: Caller,
}

/// What a statement may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read the tables of its database.
    Read,
    /// Besides that, what statements that change things do.
    Change,
}

/// Runs queries over the tables of all databases.
#[derive(Debug)]
pub struct QueryEngine {
    settings: Settings,
    catalog: Arc<Catalog>,
    storage: Arc<storage::Engine>,
    clock: Arc<dyn Clock>,
    runtime_env: Arc<RuntimeEnv>,
    sessions: Arc<Sessions>,
    /// Threads of their own, so that a busy query never delays an answer to `/ping`.
    runtime: Option<Runtime>,
    turns: Turns,
    registry: Arc<Registry>,
    shown_settings: Arc<[(String, Option<String>)]>,
    token_uses: Arc<TokenUses>,
    models: Arc<ModelCache>,
    hot_pages: Arc<HotPages>,
    tag_rows: Arc<TagRows>,
    kept_plans: Arc<KeptPlans>,
    tasks: Arc<Tasks>,
    rollups: Arc<Rollups>,
    checks: Arc<Checks>,
    check_settings: CheckSettings,
    notification_settings: notify::Settings,
    sender: notify::Sender,
    vault: notify::Vault,
}

impl QueryEngine {
    /// Makes the engine. Queries spill to `<data_dir>/tmp`.
    pub fn new(
        settings: Settings,
        data_dir: &Path,
        catalog: Arc<Catalog>,
        storage: Arc<storage::Engine>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = runtime::Builder::new_multi_thread()
            .thread_name("query")
            .worker_threads(cores)
            // Planning recurses over the query's expressions.
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(DataFusionError::from)?;
        let running = if settings.concurrent == 0 {
            2 * cores
        } else {
            settings.concurrent
        };
        let runtime_env = session::runtime_env(&settings, data_dir, storage.object_store())?;
        Ok(Self {
            sessions: Arc::new(Sessions::new(&settings, Arc::clone(&runtime_env))?),
            runtime_env,
            models: Arc::new(ModelCache::new(settings.model_cache.as_u64())),
            hot_pages: Arc::new(HotPages::new(settings.hot_pages.as_u64())),
            tag_rows: Arc::new(TagRows::new(settings.tag_rows.as_u64())),
            kept_plans: Arc::new(KeptPlans::new(settings.kept_plans)),
            turns: Turns::new(running, settings.queued),
            settings,
            catalog,
            storage,
            registry: Registry::new(Arc::clone(&clock)),
            clock,
            runtime: Some(runtime),
            shown_settings: Arc::default(),
            token_uses: Arc::default(),
            tasks: Arc::default(),
            rollups: Arc::default(),
            checks: Arc::default(),
            check_settings: CheckSettings::default(),
            sender: notify::Sender::new(&notify::Settings::default())?,
            notification_settings: notify::Settings::default(),
            vault: notify::Vault::new(data_dir),
        })
    }

    /// With these settings of checks and of what is sent to others.
    pub fn with_checks(
        mut self,
        settings: CheckSettings,
        notifications: notify::Settings,
    ) -> Result<Self> {
        self.sender = notify::Sender::new(&notifications)?;
        self.check_settings = settings;
        self.notification_settings = notifications;
        Ok(self)
    }

    /// The settings that `system.settings` shows: names, and values where there are any. Secrets must not
    /// be among them.
    pub fn with_shown_settings(mut self, settings: Vec<(String, Option<String>)>) -> Self {
        self.shown_settings = settings.into();
        self
    }

    /// When tokens were used last, to be noted by whoever lets their holders in.
    pub fn token_uses(&self) -> &TokenUses {
        &self.token_uses
    }

    /// What there is to see of tasks.
    pub fn tasks(&self) -> &Arc<Tasks> {
        &self.tasks
    }

    /// What there is to see of rollups.
    pub fn rollups(&self) -> &Arc<Rollups> {
        &self.rollups
    }

    /// What there is to see of checks.
    pub fn checks(&self) -> &Arc<Checks> {
        &self.checks
    }

    pub(crate) fn check_settings(&self) -> &CheckSettings {
        &self.check_settings
    }

    pub(crate) fn notification_settings(&self) -> &notify::Settings {
        &self.notification_settings
    }

    pub(crate) fn sender(&self) -> &notify::Sender {
        &self.sender
    }

    pub(crate) fn vault(&self) -> &notify::Vault {
        &self.vault
    }

    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn storage(&self) -> &Arc<storage::Engine> {
        &self.storage
    }

    /// Plans a query and starts it. Errors of the text come from this call; errors while running
    /// come out of the stream.
    pub async fn sql(&self, request: SqlRequest) -> Result<QueryStream> {
        let SqlRequest {
            sql,
            database,
            caller,
            ..
        } = &request;
        let query = self
            .registry
            .begin(statements::shown(sql), database, caller);
        let started = tokio::select! {
            biased;
            () = query.stopped() => Err(query.cancelled()),
            started = Box::pin(self.start(request, &query)) => started,
        };
        started.inspect_err(|error| query.fail(error))
    }

    async fn start(&self, mut request: SqlRequest, query: &Arc<Handle>) -> Result<QueryStream> {
        self.check_text(&request.sql)?;
        let settings = statement_settings::take(&mut request.sql)?;
        let ours = statements::parse(&request.sql)?;
        authorize(ours.as_ref(), &request)?;
        let deadline = match &ours {
            Some((_, Statement::Change(change))) if change.takes_long() => {
                self.training_deadline(request.timeout)
            }
            _ => self.deadline(request.timeout),
        };
        let needs_turn = ours.as_ref().is_none_or(|(_, ours)| ours.needs_turn());
        let turn = match needs_turn {
            true => Some(self.turns.take(deadline).await?),
            false => None,
        };
        query.enter(State::Planning);
        let run = Run {
            query: Arc::clone(query),
            turn,
            deadline,
            settings,
        };
        match ours {
            Some((_, Statement::Change(change))) => self.change(change, request, run).await,
            Some((_, Statement::Query(standing))) => {
                let database = self.database(&request.database)?;
                let database = request.caller.part_of(&database, Action::Read);
                let view = self.view(&request.caller);
                request.sql = standing.sql(&request.sql, &view, &database)?;
                self.query(request, run).await
            }
            None => self.query(request, run).await,
        }
    }

    fn check_text(&self, sql: &str) -> Result<()> {
        let (size, limit) = (ByteSize(sql.len() as u64), self.settings.text_bytes_max);
        if size > limit {
            return Err(Error::TooLarge { size, limit });
        }
        let Settings {
            depth_max: depth,
            references_max: references,
            ..
        } = self.settings;
        complexity::check(sql, complexity::Limits { depth, references })
    }

    /// Plans a statement that reads, and runs it.
    async fn query(&self, request: SqlRequest, run: Run) -> Result<QueryStream> {
        let Run {
            query,
            turn,
            deadline,
            settings,
        } = run;
        let SqlRequest {
            sql,
            params,
            database,
            caller,
            ..
        } = request;
        let view = system::View {
            threads: settings.threads,
            use_rollups: settings.use_rollups.unwrap_or(self.settings.use_rollups),
            ..self.view(&caller)
        };
        let database = caller.part_of(&self.database(&database)?, Action::Read);
        let session = self.sessions.begin(view, &database);
        let pool = query.memory_pool(&self.runtime_env.memory_pool);
        let worker = Arc::clone(&query);
        let kept = Arc::clone(&self.kept_plans);
        let sessions = Arc::clone(&self.sessions);
        let in_hand = (turn, Arc::clone(&query));
        let (announce, announced) = oneshot::channel();
        let (sender, batches) = mpsc::channel(delivery::BATCHES_AHEAD);
        // One task from the plan to the last row, so that no other thread is waited for in between.
        let rows = async move {
            let planned = execute(session, &kept, database, sql, params, &worker, pool).await;
            let planned = planned.map(|(results, session)| {
                sessions.give_back(session);
                results
            });
            let results = match planned {
                Ok(results) => results,
                Err(error) => {
                    // Whoever is told finds its turn free.
                    drop(in_hand);
                    return drop(announce.send(Err(error)));
                }
            };
            delivery::deliver(results, in_hand, announce, sender).await;
        };
        // A set aborts its tasks when it is dropped: a query ends with whoever waits for it.
        let mut running = JoinSet::new();
        // A reader that never reads must not keep its turn for ever.
        running.spawn_on(tokio::time::timeout_at(deadline.at, rows), self.threads());
        let schema = announced_until(deadline, announced, &mut running).await?;
        let limits = Limits::of(&self.settings);
        Ok(QueryStream::new(
            schema, batches, running, query, limits, deadline,
        ))
    }

    fn deadline(&self, asked: Option<Duration>) -> Deadline {
        let timeout = asked.unwrap_or(self.settings.timeout);
        Deadline::after(timeout.min(self.settings.timeout_max))
    }

    fn training_deadline(&self, asked: Option<Duration>) -> Deadline {
        let longest = self.settings.training_timeout;
        Deadline::after(asked.map_or(longest, |asked| asked.min(longest)))
    }

    /// Plans on the threads of queries. What is in hand for it comes back when it is done, and stays
    /// with it until it has really ended if nobody waits any more.
    async fn plan_until<T: Send + 'static, H: Send + 'static>(
        &self,
        deadline: Deadline,
        in_hand: H,
        planning: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<(T, H)> {
        let (announce, announced) = oneshot::channel();
        // A set aborts its tasks when it is dropped: a query ends with whoever waits for it.
        let mut tasks = JoinSet::new();
        let planning = async move {
            let planned = planning.await;
            drop(announce.send(planned.map(|planned| (planned, in_hand))));
        };
        tasks.spawn_on(planning, self.threads());
        announced_until(deadline, announced, &mut tasks).await
    }

    /// The threads of queries.
    fn threads(&self) -> &runtime::Handle {
        let runtime = self.runtime.as_ref();
        runtime.expect("it is only taken when dropped").handle()
    }

    /// Runs one of our statements that changes something, which is done when this returns.
    async fn change(
        &self,
        change: Box<dyn statements::Change>,
        request: SqlRequest,
        run: Run,
    ) -> Result<QueryStream> {
        let Run {
            query,
            turn,
            deadline,
            ..
        } = run;
        // It is about rows that are to be changed.
        let session = self.session(&request.database, &request.caller, Action::Write);
        if change.needs_database()
            && let Err(error) = session
        {
            return Err(error);
        }
        query.enter(State::Running);
        let context = statements::Context {
            engine: self,
            catalog: &self.catalog,
            storage: &self.storage,
            clock: &self.clock,
            registry: &self.registry,
            caller: &request.caller,
            database: &request.database,
            session: session.map(|(session, _)| session),
            params: request.params,
            text: &request.sql,
            query: &query,
            turn,
            deadline,
        };
        let columns = change.columns();
        let done = change.run(context).await;
        let done = done.map_err(|error| {
            let (database, caller) = (&request.database, &request.caller);
            self.explain_change(error, &request.sql, database, caller)
        })?;
        let result = statements::result(columns, done)?;
        let limits = Limits::of(&self.settings);
        Ok(QueryStream::of_batch(result, query, limits, deadline))
    }

    /// What is wrong with a statement that changes something, in words that help.
    fn explain_change(&self, error: Error, sql: &str, database: &str, caller: &Caller) -> Error {
        match self.session(database, caller, Action::Write) {
            Err(_) => error,
            Ok((session, database)) => {
                let subject = Subject {
                    sql,
                    session: &session,
                    database: &database,
                };
                subject.explain_change(error)
            }
        }
    }

    pub(crate) fn database(&self, name: &str) -> Result<Arc<Database>> {
        let state = self.catalog.state();
        let missing = || Error::DatabaseNotFound {
            name: name.to_owned(),
        };
        state.database(name).map(Arc::clone).ok_or_else(missing)
    }

    /// A session on those tables of a database to which the caller may do this.
    fn session(
        &self,
        database: &str,
        caller: &Caller,
        action: Action,
    ) -> Result<(SessionState, Arc<Database>)> {
        let database = caller.part_of(&self.database(database)?, action);
        let view = self.view(caller);
        Ok((self.sessions.begin(view, &database), database))
    }

    /// What a caller sees.
    fn view(&self, caller: &Caller) -> system::View {
        system::View {
            catalog: Arc::clone(&self.catalog),
            storage: Arc::clone(&self.storage),
            runtime: Arc::clone(&self.runtime_env),
            registry: Arc::clone(&self.registry),
            settings: Arc::clone(&self.shown_settings),
            token_uses: Arc::clone(&self.token_uses),
            models: Arc::clone(&self.models),
            hot_pages: Arc::clone(&self.hot_pages),
            tag_rows: Arc::clone(&self.tag_rows),
            kept_plans: Arc::clone(&self.kept_plans),
            tasks: Arc::clone(&self.tasks),
            rollups: Arc::clone(&self.rollups),
            threads: None,
            use_rollups: self.settings.use_rollups,
            checks: Arc::clone(&self.checks),
            clock: Arc::clone(&self.clock),
            caller: caller.clone(),
        }
    }
}

/// Fails unless the caller may run this statement.
fn authorize(ours: Option<&(String, Statement)>, request: &SqlRequest) -> Result<()> {
    let SqlRequest {
        caller, database, ..
    } = request;
    match ours {
        Some((what, Statement::Change(change))) => match request.access {
            Access::Read => Err(Error::StatementNotAllowed { what: what.clone() }),
            Access::Change => caller.require(change.need(), database),
        },
        Some((_, Statement::Query(_))) | None => caller.require_some_reading(database),
    }
}

/// A query on its way.
struct Run {
    query: Arc<Handle>,
    /// Nothing for what must not wait behind queries.
    turn: Option<OwnedSemaphorePermit>,
    deadline: Deadline,
    settings: StatementSettings,
}

impl Drop for QueryEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for it would block a thread of the caller's runtime.
            runtime.shutdown_background();
        }
    }
}

/// What a plan comes to, in time. Planning does not yield, so its deadline is watched from here.
async fn announced_until<T, R: 'static>(
    deadline: Deadline,
    announced: oneshot::Receiver<Result<T>>,
    tasks: &mut JoinSet<R>,
) -> Result<T> {
    let Deadline { at, timeout } = deadline;
    let planned = tokio::time::timeout_at(at, announced)
        .await
        .map_err(|_| Error::Timeout { timeout })?;
    // What is ready is handed over even when its time was over before it began.
    match Instant::now() < at {
        true => match planned {
            Ok(planned) => planned,
            Err(_) => Err(stream::ended_without_a_word(tasks.join_next().await)),
        },
        false => Err(Error::Timeout { timeout }),
    }
}

/// Plans a statement that reads and begins to run it. The session is of no more use to it.
async fn execute(
    mut session: SessionState,
    kept: &KeptPlans,
    database: Arc<Database>,
    sql: String,
    params: Vec<(String, ScalarValue)>,
    query: &Handle,
    pool: Arc<dyn MemoryPool>,
) -> Result<(SendableRecordBatchStream, SessionState)> {
    let planned = async {
        let plan = optimized(&session, kept, &database, &sql, params).await?;
        scan_size::divide(&mut session, &plan)?;
        let planner = Arc::clone(session.query_planner());
        let physical = planner.create_physical_plan(&plan, &session).await?;
        Ok(plan::interruptible_joins(physical, query.stop_token())?)
    };
    let physical = planned.await.map_err(|error| {
        let subject = Subject {
            sql: &sql,
            session: &session,
            database: &database,
        };
        subject.explain(error)
    })?;
    query.enter(State::Running);
    let context = session::task_context(&session, &physical, pool)?;
    Ok((execute_stream(physical, Arc::new(context))?, session))
}
