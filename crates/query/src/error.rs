//! What can go wrong with a query, in words for its author.

mod of_datafusion;

use catalog::ErrorKind;
use datafusion::error::DataFusionError;

use of_datafusion::{classify, message};

/// Failures of a query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A task cannot be as it is asked for.
    #[error("the task cannot run: {problem}")]
    InvalidTask {
        /// What is wrong.
        problem: String,
    },
    /// A schedule is none.
    #[error(transparent)]
    Schedule(#[from] automation::Error),
    /// Nothing is done in the name of a task's owner.
    #[error("{problem}")]
    TaskOwner {
        /// Why.
        problem: String,
    },
    /// A check, a rule or what belongs to them cannot be as it is asked for.
    #[error("{problem}")]
    InvalidCheck {
        /// What is wrong.
        problem: String,
    },
    /// A check found more series, or rows, than it may.
    #[error(
        "the check has more than {limit} rows or series, as many as the setting `checks.series_max` allows"
    )]
    TooManySeries {
        /// The limit.
        limit: usize,
    },
    /// What is to be sent, or its endpoint, cannot be as it is asked for.
    #[error(transparent)]
    Notify(#[from] notify::Error),
    /// Rows could not be sent to another server.
    #[error("endpoint '{endpoint}': {problem}")]
    Forward {
        /// The endpoint.
        endpoint: String,
        /// What is wrong.
        problem: String,
        /// Whether it will pass.
        is_transient: bool,
    },
    /// No task has this id.
    #[error("task not found: {name}")]
    TaskNotFound {
        /// Its id.
        name: String,
    },
    /// Too many runs of a task wait.
    #[error("too many runs of the task wait already; try again when some have ended")]
    TooManyRuns,
    /// Tasks do not run in this process.
    #[error("tasks do not run yet; try again")]
    TasksNotRunning,
    /// A rollup cannot be as it is asked for.
    #[error("the rollup cannot be: {problem}")]
    InvalidRollup {
        /// What is wrong.
        problem: String,
    },
    /// Rows are to expire that rollups have not taken in.
    #[error(
        "rollups of '{table}' are being filled in; how long rows are kept is set when they are done: run \
         the statement again"
    )]
    RollupsFilling {
        /// The table.
        table: String,
    },
    /// Rows that a statement makes cannot be stored.
    #[error(transparent)]
    Rows(#[from] ingest::Error),
    /// No database has this name.
    #[error("database not found: {name}")]
    DatabaseNotFound {
        /// The name.
        name: String,
    },
    /// The text is empty or holds several statements.
    #[error("the query must be one statement, this one has {count}")]
    SingleStatementOnly {
        /// How many there are.
        count: usize,
    },
    /// A query would set what it cannot.
    #[error("statement not allowed: SET {name}; what a query can set: {known}")]
    SettingNotAllowed {
        /// What it would set.
        name: String,
        /// What it could.
        known: &'static str,
    },
    /// A setting of a query cannot be set so.
    #[error("{problem}")]
    InvalidSetting {
        /// What is wrong.
        problem: String,
    },
    /// The text is longer than allowed.
    #[error("the query has {size}, the limit is {limit}")]
    TooLarge {
        /// Its length.
        size: bytesize::ByteSize,
        /// The setting `query.text_bytes_max`.
        limit: bytesize::ByteSize,
    },
    /// The text nests too deeply to be planned in bounded time and memory.
    #[error(
        "the query nests {depth} operators, joins or set operations, the limit is {limit}; write a \
         list (`IN (…)`) instead of a chain, or raise the setting `query.depth_max`"
    )]
    TooDeep {
        /// How deeply.
        depth: usize,
        /// The setting `query.depth_max`.
        limit: usize,
    },
    /// The text refers to too many tables to be planned in bounded time and memory.
    #[error(
        "the query refers to tables more than {limit} times, every use of a common table expression \
         counted in full; use them fewer times, or raise the setting `query.references_max`"
    )]
    TooManyReferences {
        /// The setting `query.references_max`.
        limit: u64,
    },
    /// The statement would change something or reach outside of the database.
    #[error("statement not allowed: {what}; queries can only read the tables of their database")]
    StatementNotAllowed {
        /// What it is.
        what: String,
    },
    /// The caller may not do this.
    #[error("{}", denied(*action, database.as_deref(), table.as_deref()))]
    Denied {
        /// What they wanted to do.
        action: catalog::Action,
        /// To which database; to the server if none is named.
        database: Option<String>,
        /// To which of its tables; to all of them if none is named.
        table: Option<String>,
    },
    /// Too many queries are waiting.
    #[error("{queued} queries are waiting already; try again")]
    TooManyQueries {
        /// How many.
        queued: usize,
    },
    /// The deadline passed.
    #[error("the query took longer than {}; ask for less or for more time", humantime_text(*timeout))]
    Timeout {
        /// The deadline.
        timeout: std::time::Duration,
    },
    /// The engine is stopping.
    #[error("the query engine is shutting down")]
    ShuttingDown,
    /// A thread came upon something that cannot be.
    #[error("the query came upon a defect of the server; its log says which")]
    Panicked,
    /// A table that is not there, with the nearest name that is.
    #[error(
        "table '{table}' not found in database '{database}'{}{}",
        suggestion_text(suggestion),
        position_text(position)
    )]
    TableNotFound {
        /// The name.
        table: String,
        /// The database.
        database: String,
        /// A table whose name is alike.
        suggestion: Option<String>,
        /// Where it is in the text.
        position: Option<Position>,
    },
    /// A table that a statement of ours is about is not there, with the nearest name that is.
    #[error("{source}{}", suggestion_text(suggestion))]
    NoTable {
        /// What the catalog says.
        source: catalog::Error,
        /// A table whose name is alike.
        suggestion: Option<String>,
    },
    /// A column that is not there, with the nearest name that is.
    #[error(
        "column '{column}' not found{}{}",
        suggestion_text(suggestion),
        position_text(position)
    )]
    ColumnNotFound {
        /// The name, with that of its table if it was written so.
        column: String,
        /// A column whose name is alike.
        suggestion: Option<String>,
        /// Where it is in the text.
        position: Option<Position>,
    },
    /// A function that is not there, with the nearest name that is.
    #[error(
        "function '{function}' not found{}{}",
        suggestion_text(suggestion),
        position_text(position)
    )]
    FunctionNotFound {
        /// The name.
        function: String,
        /// A function whose name is alike.
        suggestion: Option<String>,
        /// Where it is in the text.
        position: Option<Position>,
    },
    /// The text does not make sense, and it is known where.
    #[error("{}{}", message(source), position_text(&Some(*position)))]
    Plan {
        /// What DataFusion says.
        source: Box<DataFusionError>,
        /// Where.
        position: Position,
    },
    /// A value of a parameter is missing or of no use.
    #[error("parameter '${name}': {problem}")]
    InvalidParameter {
        /// The name, or the number, without the `$`.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// No query of this id runs.
    #[error("no query '{id}' is running")]
    QueryNotFound {
        /// The id, shortened.
        id: String,
    },
    /// Somebody stopped the query.
    #[error("query {id} was stopped by KILL QUERY")]
    QueryCancelled {
        /// The id.
        id: u64,
    },
    /// The result is larger than it may be.
    #[error("the result has more than {limit}, as many as the setting `{setting}` allows")]
    ResultTooLarge {
        /// How many of what.
        limit: String,
        /// The setting's name.
        setting: &'static str,
    },
    /// A `DELETE` has a condition that cannot be remembered.
    #[error(
        "cannot delete by '{what}': a condition of DELETE compares columns with constants (=, <>, <, \
         BETWEEN, IN, LIKE, ~, IS NULL), combined by AND, OR and NOT"
    )]
    DeleteCondition {
        /// The part that is not of that kind.
        what: String,
    },
    /// No model of the database has this name, or the caller may not use it.
    #[error(
        "model '{model}' not found in database '{database}'{}",
        suggestion_text(suggestion)
    )]
    ModelNotFound {
        /// The name.
        model: String,
        /// The database.
        database: String,
        /// A model whose name is alike.
        suggestion: Option<String>,
    },
    /// The model has no version of this number.
    #[error("model '{model}' has no version '{version}', it has {known}")]
    ModelVersionNotFound {
        /// The model.
        model: String,
        /// What was asked for.
        version: String,
        /// The versions there are.
        known: String,
    },
    /// A column that is to be a feature of a model, or its target, is no number.
    #[error(
        "column '{column}' is {kind}, a model learns from numbers: cast it, leave it out with IGNORE {column}, \
         or name it after GROUP BY if it says which machine a row is of"
    )]
    NotANumber {
        /// The column.
        column: String,
        /// Its type.
        kind: String,
    },
    /// A trained model has too many bytes to be kept.
    #[error(
        "the model has {size}, as many as {limit} may be kept: setting `query.model_bytes_max`"
    )]
    ModelTooLarge {
        /// Its bytes.
        size: bytesize::ByteSize,
        /// The limit.
        limit: bytesize::ByteSize,
    },
    /// A model cannot be trained or read so.
    #[error(transparent)]
    Model(#[from] models::Error),
    /// The catalog refuses a change.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// Storage refuses a change.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// Planning or running failed.
    #[error("{}", message(source))]
    DataFusion {
        /// What DataFusion says.
        source: Box<DataFusionError>,
    },
}

/// A place in the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The character in it, from 1.
    pub column: u64,
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<DataFusionError> for Error {
    fn from(source: DataFusionError) -> Self {
        Self::DataFusion {
            source: Box::new(source),
        }
    }
}

/// Words for what a caller may not do.
fn denied(action: catalog::Action, database: Option<&str>, table: Option<&str>) -> String {
    match (database, table) {
        (None, _) => "this token may not administer the server".to_owned(),
        (Some(database), None) => {
            format!("this token has no right to {action} database '{database}'")
        }
        (Some(database), Some(table)) => {
            format!("this token has no right to {action} table '{table}' of database '{database}'")
        }
    }
}

impl Error {
    /// What the caller should make of it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::DatabaseNotFound { .. } => ErrorKind::NotFound,
            Self::SingleStatementOnly { .. } | Self::TooLarge { .. } | Self::TooDeep { .. } => {
                ErrorKind::Invalid
            }
            Self::TooManyReferences { .. }
            | Self::InvalidSetting { .. }
            | Self::TableNotFound { .. }
            | Self::ColumnNotFound { .. }
            | Self::FunctionNotFound { .. }
            | Self::InvalidParameter { .. }
            | Self::ModelNotFound { .. }
            | Self::ModelVersionNotFound { .. }
            | Self::NotANumber { .. }
            | Self::DeleteCondition { .. } => ErrorKind::Invalid,
            Self::ModelTooLarge { .. } => ErrorKind::Exhausted,
            Self::Model(error) => match error.kind() {
                models::ErrorKind::Cancelled => ErrorKind::Denied,
                // Whoever reads ours tells that they are damaged; others are what somebody sends.
                _ => ErrorKind::Invalid,
            },
            Self::QueryNotFound { .. } => ErrorKind::NotFound,
            // Not one that passes: who stopped it does not want it to be sent again.
            Self::QueryCancelled { .. } => ErrorKind::Denied,
            Self::ResultTooLarge { .. } => ErrorKind::Exhausted,
            Self::Plan { source, .. } => classify(source).0,
            Self::InvalidTask { .. }
            | Self::InvalidRollup { .. }
            | Self::Schedule(_)
            | Self::InvalidCheck { .. } => ErrorKind::Invalid,
            Self::RollupsFilling { .. } => ErrorKind::Unavailable,
            Self::TooManySeries { .. } => ErrorKind::Exhausted,
            Self::Notify(error) => match error {
                notify::Error::Key { .. } | notify::Error::Client { .. } => ErrorKind::Internal,
                notify::Error::Forbidden { .. } => ErrorKind::Denied,
                _ => ErrorKind::Invalid,
            },
            Self::Forward { is_transient, .. } => match is_transient {
                true => ErrorKind::Unavailable,
                false => ErrorKind::Invalid,
            },
            Self::TaskOwner { .. } => ErrorKind::Denied,
            Self::TaskNotFound { .. } => ErrorKind::NotFound,
            Self::TooManyRuns | Self::TasksNotRunning => ErrorKind::Unavailable,
            Self::Rows(error) => error.kind(),
            Self::Catalog(error) | Self::NoTable { source: error, .. } => error.kind(),
            Self::Storage(error) => error.kind(),
            Self::StatementNotAllowed { .. }
            | Self::SettingNotAllowed { .. }
            | Self::Denied { .. } => ErrorKind::Denied,
            Self::TooManyQueries { .. } | Self::ShuttingDown => ErrorKind::Unavailable,
            Self::Timeout { .. } => ErrorKind::Exhausted,
            Self::Panicked => ErrorKind::Internal,
            Self::DataFusion { source } => classify(source).0,
        }
    }

    /// A stable word for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::DatabaseNotFound { .. } => "database_not_found",
            Self::SingleStatementOnly { .. } => "single_statement_only",
            Self::InvalidSetting { .. } => "invalid_setting",
            Self::TooLarge { .. } => "query_too_large",
            Self::TooDeep { .. } | Self::TooManyReferences { .. } => "query_too_complex",
            Self::TableNotFound { .. } => "table_not_found",
            Self::ColumnNotFound { .. } => "column_not_found",
            Self::FunctionNotFound { .. } => "function_not_found",
            Self::InvalidParameter { .. } => "invalid_parameter",
            Self::QueryNotFound { .. } => "query_not_found",
            Self::QueryCancelled { .. } => "query_cancelled",
            Self::ResultTooLarge { .. } => "result_too_large",
            Self::Plan { source, .. } => classify(source).1,
            Self::DeleteCondition { .. } => "delete_condition_not_supported",
            Self::ModelNotFound { .. } => "model_not_found",
            Self::ModelVersionNotFound { .. } => "model_version_not_found",
            Self::NotANumber { .. } => "feature_not_a_number",
            Self::ModelTooLarge { .. } => "model_too_large",
            Self::Model(error) => match error.kind() {
                models::ErrorKind::Cancelled => "query_cancelled",
                models::ErrorKind::Corrupt => "invalid_model",
                _ => "invalid_training",
            },
            Self::InvalidTask { .. } => "invalid_task",
            Self::InvalidRollup { .. } => "invalid_rollup",
            Self::RollupsFilling { .. } => "rollups_filling",
            Self::InvalidCheck { .. } => "invalid_check",
            Self::TooManySeries { .. } => "too_many_series",
            Self::Notify(error) => match error {
                notify::Error::Forbidden { .. } => "endpoint_forbidden",
                _ => "invalid_endpoint",
            },
            Self::Forward { .. } => "forward_failed",
            Self::Schedule(_) => "invalid_schedule",
            Self::TaskOwner { .. } => "task_owner",
            Self::TaskNotFound { .. } => "task_not_found",
            Self::TooManyRuns => "too_many_runs",
            Self::TasksNotRunning => "tasks_not_running",
            Self::Rows(error) => error.reason(),
            Self::Catalog(error) | Self::NoTable { source: error, .. } => error.reason(),
            Self::Storage(error) => error.reason(),
            Self::StatementNotAllowed { .. } | Self::SettingNotAllowed { .. } => {
                "statement_not_allowed"
            }
            Self::Denied { .. } => "forbidden",
            Self::TooManyQueries { .. } => "too_many_queries",
            Self::ShuttingDown => "shutting_down",
            Self::Panicked => "internal_error",
            Self::Timeout { .. } => "query_timeout",
            Self::DataFusion { source } => classify(source).1,
        }
    }
}

fn suggestion_text(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map(|name| format!("; did you mean '{name}'?"))
        .unwrap_or_default()
}

/// In the words of the parser of queries.
fn position_text(position: &Option<Position>) -> String {
    position
        .map(|Position { line, column }| format!(" at Line: {line}, Column: {column}"))
        .unwrap_or_default()
}

fn humantime_text(duration: std::time::Duration) -> String {
    format!("{duration:?}")
}
