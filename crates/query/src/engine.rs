//! Runs queries: one statement, checked, planned and executed on threads of its own, within a
//! deadline and a memory budget.

mod describe;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use catalog::{Catalog, Clock, Database};
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use futures::StreamExt;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::complexity;
use crate::error::{Error, Result};
use crate::session;
use crate::settings::Settings;
use crate::statements;
use crate::stream::{Deadline, QueryStream};
pub use describe::{Description, TableListing};

/// Batches of a result that wait for a slow reader; more make the query wait.
const BATCHES_AHEAD: usize = 2;

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
    /// Values for `$name` in the text, without the `$`.
    pub params: Vec<(String, ScalarValue)>,
    /// The deadline it asks for; the setting `query.timeout` if it does not.
    pub timeout: Option<Duration>,
    /// What the statement may do.
    pub access: Access,
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
    /// Threads of their own, so that a busy query never delays an answer to `/ping`.
    runtime: Option<Runtime>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
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
        let runtime = tokio::runtime::Builder::new_multi_thread()
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
        Ok(Self {
            runtime_env: session::runtime_env(&settings, data_dir, storage.object_store())?,
            settings,
            catalog,
            storage,
            clock,
            runtime: Some(runtime),
            turns: Arc::new(Semaphore::new(running)),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Plans a query and starts it. Errors of the text come from this call; errors while running
    /// come out of the stream.
    pub async fn sql(&self, request: SqlRequest) -> Result<QueryStream> {
        let ours = self.read_text(&request.sql)?;
        let deadline = self.deadline(request.timeout);
        let turn = self.turn_until(deadline).await?;
        if let Some(statement) = ours {
            return self.run_statement(statement, request, deadline).await;
        }
        let (session, database) = self.session(&request.database)?;
        let SqlRequest { sql, params, .. } = request;
        let starting = start(session, database, sql, params);
        let (mut results, turn) = self.plan_until(deadline, turn, starting).await?;

        let schema = results.schema();
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let mut query = JoinSet::new();
        let run = async move {
            let _turn = turn;
            loop {
                let next = results.next().await.transpose().map_err(Error::from);
                let is_last = !matches!(next, Ok(Some(_)));
                if sender.send(next).await.is_err() || is_last {
                    return;
                }
            }
        };
        // A reader that never reads must not keep its turn for ever.
        query.spawn_on(tokio::time::timeout_at(deadline.at, run), self.handle());
        Ok(QueryStream::new(schema, batches, query, deadline))
    }

    /// Refuses a text that cannot be planned in bounded time, and takes it for one of our
    /// statements if it is one.
    fn read_text(&self, sql: &str) -> Result<Option<statements::Statement>> {
        let (size, limit) = (ByteSize(sql.len() as u64), self.settings.text_bytes_max);
        if size > limit {
            return Err(Error::TooLarge { size, limit });
        }
        let Settings {
            depth_max: depth,
            references_max: references,
            ..
        } = self.settings;
        complexity::check(sql, complexity::Limits { depth, references })?;
        statements::parse(sql)
    }

    fn deadline(&self, asked: Option<Duration>) -> Deadline {
        let timeout = asked.unwrap_or(self.settings.timeout);
        let timeout = timeout.min(self.settings.timeout_max);
        Deadline {
            at: Instant::now() + timeout,
            timeout,
        }
    }

    async fn turn_until(&self, deadline: Deadline) -> Result<OwnedSemaphorePermit> {
        let Deadline { at, timeout } = deadline;
        tokio::time::timeout_at(at, self.turn())
            .await
            .map_err(|_| Error::Timeout { timeout })?
    }

    /// Plans on the threads of queries.
    async fn plan_until<T: Send + 'static>(
        &self,
        deadline: Deadline,
        turn: OwnedSemaphorePermit,
        planning: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<(T, OwnedSemaphorePermit)> {
        let Deadline { at, timeout } = deadline;
        // A set aborts its tasks when it is dropped: a query ends with whoever waits for it.
        // Planning does not yield, so the deadline is watched from here, and the turn stays with
        // the task until planning has really ended.
        let mut tasks = JoinSet::new();
        tasks.spawn_on(async move { (planning.await, turn) }, self.handle());
        let planned = tokio::time::timeout_at(at, tasks.join_next())
            .await
            .map_err(|_| Error::Timeout { timeout })?
            .expect("one task was just spawned");
        let (planned, turn) = planned.map_err(|_| Error::ShuttingDown)?;
        Ok((planned?, turn))
    }

    /// The threads of queries.
    fn handle(&self) -> &Handle {
        let runtime = self.runtime.as_ref();
        runtime.expect("it is only taken when dropped").handle()
    }

    /// Runs one of our statements, which is done when this returns.
    async fn run_statement(
        &self,
        statement: statements::Statement,
        request: SqlRequest,
        deadline: Deadline,
    ) -> Result<QueryStream> {
        if request.access == Access::Read {
            let what = statement.name().to_owned();
            return Err(Error::StatementNotAllowed { what });
        }
        let session = self.session(&request.database);
        if statement.needs_database()
            && let Err(error) = session
        {
            return Err(error);
        }
        let services = statements::Services {
            catalog: &self.catalog,
            storage: &self.storage,
            clock: &self.clock,
        };
        let session = session.map(|(session, _)| session);
        let SqlRequest {
            database, params, ..
        } = request;
        let done = statements::run(statement, &database, session, params, &services).await?;
        Ok(QueryStream::of_batch(done, deadline))
    }

    fn session(&self, database: &str) -> Result<(SessionState, Arc<Database>)> {
        let state = self.catalog.state();
        let missing = || Error::DatabaseNotFound {
            name: database.to_owned(),
        };
        let database = Arc::clone(state.database(database).ok_or_else(missing)?);
        let session = session::session(&self.runtime_env, &self.storage, &database)?;
        Ok((session, database))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let _waiting = Waiting::enter(&self.waiting, self.settings.queued)?;
        Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| Error::ShuttingDown)
    }
}

impl Drop for QueryEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for it would block a thread of the caller's runtime.
            runtime.shutdown_background();
        }
    }
}

/// A place in the queue, given back when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize, limit: usize) -> Result<Self> {
        let place = Self(waiting);
        match waiting.fetch_add(1, Ordering::Relaxed) {
            queued if queued >= limit => Err(Error::TooManyQueries { queued }),
            _ => Ok(place),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn start(
    session: SessionState,
    database: Arc<Database>,
    sql: String,
    params: Vec<(String, ScalarValue)>,
) -> Result<SendableRecordBatchStream> {
    let plan = plan(&session, &sql, params)
        .await
        .map_err(|error| explained(error, &database))?;
    let physical = session.create_physical_plan(&plan).await?;
    Ok(execute_stream(physical, session.task_ctx())?)
}

/// Text to a logical plan that only reads.
pub(crate) async fn plan(
    session: &SessionState,
    sql: &str,
    params: Vec<(String, ScalarValue)>,
) -> Result<LogicalPlan> {
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(session.config_options().sql_parser.recursion_limit.get())
        .build()?
        .parse_statements()?;
    let count = statements.len();
    let statement = match (statements.pop_front(), count) {
        (Some(statement), 1) => statement,
        _ => return Err(Error::SingleStatementOnly { count }),
    };
    refuse_statement(&statement)?;
    let plan = session.statement_to_plan(statement).await?;
    refuse_effects(&plan)?;
    if params.is_empty() {
        return Ok(plan);
    }
    let values = params
        .into_iter()
        .map(|(name, value)| (name, ScalarAndMetadata::from(value)));
    Ok(plan.with_param_values(ParamValues::Map(values.collect()))?)
}

/// Lets statements through that read, by what they are called. What they contain is looked at in
/// their plan: see [`refuse_effects`].
fn refuse_statement(statement: &Statement) -> Result<()> {
    use SqlStatement::*;
    let reads = match statement {
        Statement::Statement(statement) => matches!(
            **statement,
            Query(_)
                | ShowTables { .. }
                | ShowColumns { .. }
                | ShowFunctions { .. }
                | ShowVariable { .. }
                | ShowVariables { .. }
                | ShowCreate { .. }
                | ShowSchemas { .. }
                | ShowCatalogs { .. }
                | ShowDatabases { .. }
                | ExplainTable { .. }
                | Explain { .. }
        ),
        Statement::Explain(explain) => return refuse_statement(&explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    };
    if reads {
        return Ok(());
    }
    let text = statement.to_string();
    let what = text.split_whitespace().next().unwrap_or("it").to_owned();
    Err(Error::StatementNotAllowed { what })
}

fn refuse_effects(plan: &LogicalPlan) -> Result<()> {
    let reading_only = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    reading_only.verify_plan(plan).map_err(|error| {
        let text = error.strip_backtrace();
        let what = text
            .rsplit("not supported: ")
            .next()
            .unwrap_or(&text)
            .to_owned();
        Error::StatementNotAllowed { what }
    })
}

/// Turns DataFusion's word for a missing table into ours, with a suggestion.
fn explained(error: Error, database: &Database) -> Error {
    let Error::DataFusion { source } = &error else {
        return error;
    };
    let DataFusionError::Plan(text) = source.find_root() else {
        return error;
    };
    let prefix = format!("table '{}.{}.", session::CATALOG, session::SCHEMA);
    let table = text
        .strip_prefix(&prefix)
        .and_then(|rest| rest.strip_suffix("' not found"));
    let Some(table) = table else { return error };
    let distance = |name: &str| {
        datafusion::common::utils::datafusion_strsim::levenshtein(&name.to_lowercase(), table)
    };
    let nearest = database
        .tables()
        .map(|table| table.name.to_string())
        .min_by_key(|n| distance(n));
    let suggestion = nearest.filter(|name| distance(name) <= 1 + table.len() / 3);
    let (table, database) = (table.to_owned(), database.name.to_string());
    Error::TableNotFound {
        table,
        database,
        suggestion,
    }
}
