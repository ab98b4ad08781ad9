//! The schema `system`: the server's own state as tables.
//!
//! | table       | a row for each                                             |
//! |-------------|------------------------------------------------------------|
//! | `audit`     | administrative change, as far back as they are kept        |
//! | `databases` | database, those that can be brought back too               |
//! | `tables`    | table of every database, those that can be brought back too |
//! | `columns`   | column of a table                                          |
//! | `files`     | live file                                                  |
//! | `models`    | version of a trained model                                 |
//! | `queries`   | query that runs, and those that ran lately                 |
//! | `wal`       | write-ahead log, of which there is one                     |
//! | `caches`    | cache                                                      |
//! | `settings`  | setting in effect                                          |
//! | `tokens`    | token                                                      |
//! | `task_runs` | run of a task that waits, runs, or ended lately            |
//! | `tasks`     | task                                                       |
//! | `rollups`   | rollup                                                     |
//! | `checks`    | check                                                      |
//! | `check_statuses` | change of a level by a check, lately                  |
//! | `alerts`    | series that fires now, or may soon                         |
//! | `endpoints` | endpoint, without its secrets                              |
//! | `notification_rules` | notification rule                                 |
//! | `silences`  | silence that is not over                                   |
//! | `notifications` | change of which somebody is told, or was lately        |
//!
//! Rows are made when they are read, a batch at a time, from the state at that moment. What a caller
//! may not see is not among them: every table asks [`View::caller`].
//!
//! A table is one file with its columns and its rows, and one line in [`TABLES`].

mod audit;
mod caches;
mod columns;
mod databases;
mod files;
mod models;
mod queries;
mod rollups;
mod settings;
mod tables;
mod task_runs;
mod tasks;
mod tokens;
mod wal;

mod alerts;
mod check_statuses;
mod checks;
mod endpoints;
mod notification_rules;
mod notifications;
mod silences;

#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, RecordBatch, StringBuilder, TimestampNanosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use catalog::{Catalog, Clock};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream;

use crate::caller::{Caller, TokenUses};
use crate::checks::Checks;
use crate::hot_pages::HotPages;
use crate::kept_plans::KeptPlans;
use crate::models::ModelCache;
use crate::registry::Registry;
use crate::rollups::Rollups;
use crate::tag_rows::TagRows;
use crate::tasks::Tasks;

/// The name of the schema.
pub(crate) const SCHEMA: &str = "system";

/// All tables, by name.
const TABLES: &[&Definition] = &[
    &audit::TABLE,
    &caches::TABLE,
    &columns::TABLE,
    &databases::TABLE,
    &files::TABLE,
    &models::TABLE,
    &queries::TABLE,
    &rollups::TABLE,
    &settings::TABLE,
    &tables::TABLE,
    &task_runs::TABLE,
    &tasks::TABLE,
    &tokens::TABLE,
    &wal::TABLE,
    &alerts::TABLE,
    &check_statuses::TABLE,
    &checks::TABLE,
    &endpoints::TABLE,
    &notification_rules::TABLE,
    &notifications::TABLE,
    &silences::TABLE,
];

/// What a table shows, as one caller sees it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) storage: Arc<storage::Engine>,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) registry: Arc<Registry>,
    /// Names, and values where there are any, without secrets.
    pub(crate) settings: Arc<[(String, Option<String>)]>,
    pub(crate) token_uses: Arc<TokenUses>,
    pub(crate) models: Arc<ModelCache>,
    pub(crate) hot_pages: Arc<HotPages>,
    pub(crate) tag_rows: Arc<TagRows>,
    pub(crate) kept_plans: Arc<KeptPlans>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) rollups: Arc<Rollups>,
    /// Whether rollups are read in place of raw rows.
    pub(crate) use_rollups: bool,
    /// How many threads work on the query at most; all if it does not say.
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) checks: Arc<Checks>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) caller: Caller,
}

/// A table: what it is called, its columns, and how its rows are made.
struct Definition {
    name: &'static str,
    columns: &'static [(&'static str, Type)],
    rows: fn(View) -> Rows,
}

/// The type of a column. Counts and sizes are signed: that is what clients of every kind understand.
#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    Integer,
    Boolean,
    Time,
}

/// Rows with a value for each column, made as they are asked for.
type Rows = Box<dyn Iterator<Item = Vec<Value>> + Send>;

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// Nanoseconds since 1970.
    Time(i64),
}

impl Value {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A count or size.
    fn count(count: impl TryInto<i64>) -> Self {
        Self::Integer(count.try_into().unwrap_or(i64::MAX))
    }

    fn or_null<T>(value: Option<T>, make: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Null, make)
    }
}

impl Definition {
    fn schema(&self) -> SchemaRef {
        let field = |(name, kind): &(&str, Type)| Field::new(*name, kind.arrow(), true);
        let fields: Vec<_> = self.columns.iter().map(field).collect();
        Arc::new(Schema::new(fields))
    }
}

impl Type {
    fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Boolean => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Nanosecond, None),
        }
    }

    /// A column of values of this type; those of another are NULL.
    fn column<'a>(self, values: impl Iterator<Item = &'a Value>) -> ArrayRef {
        macro_rules! column {
            ($builder:expr, $variant:ident) => {{
                let mut column = $builder;
                for value in values {
                    match value {
                        Value::$variant(value) => column.append_value(value.to_owned()),
                        _ => column.append_null(),
                    }
                }
                Arc::new(column.finish())
            }};
        }
        match self {
            Self::Text => column!(StringBuilder::new(), Text),
            Self::Integer => column!(Int64Builder::new(), Integer),
            Self::Boolean => column!(BooleanBuilder::new(), Boolean),
            Self::Time => column!(TimestampNanosecondBuilder::new(), Time),
        }
    }
}

/// The schema as one caller sees it.
#[derive(Debug)]
pub(crate) struct SystemTables {
    view: View,
}

impl SystemTables {
    pub(crate) fn new(view: View) -> Self {
        Self { view }
    }
}

fn definition(name: &str) -> Option<&'static Definition> {
    TABLES.iter().find(|table| table.name == name).copied()
}

/// Whether a table shows a row with these texts in these columns.
pub(crate) fn has_row(view: &View, table: &str, texts: &[(&str, &str)]) -> bool {
    let Some(definition) = definition(table) else {
        return false;
    };
    let of_column = |(name, text): &(&str, &str)| {
        let mut columns = definition.columns.iter();
        let at = columns.position(|(column, _)| column == name)?;
        Some((at, Value::text(*text)))
    };
    let Some(wanted) = texts.iter().map(of_column).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let mut rows = (definition.rows)(view.clone());
    rows.any(|row| wanted.iter().all(|(at, value)| row[*at] == *value))
}

#[async_trait]
impl SchemaProvider for SystemTables {
    fn table_names(&self) -> Vec<String> {
        TABLES.iter().map(|table| table.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(definition) = definition(name) else {
            return Ok(None);
        };
        let schema = definition.schema();
        let rows = SystemRows {
            definition,
            schema: Arc::clone(&schema),
            view: self.view.clone(),
        };
        let table = StreamingTable::try_new(schema, vec![Arc::new(rows)])?;
        Ok(Some(Arc::new(table)))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(definition(name).map(|_| TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        definition(name).is_some()
    }
}

/// The rows of a table, made anew by every query.
struct SystemRows {
    definition: &'static Definition,
    schema: SchemaRef,
    view: View,
}

impl fmt::Debug for SystemRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEMA}.{}", self.definition.name)
    }
}

impl PartitionStream for SystemRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batch_rows = context.session_config().batch_size();
        let batches = batches(self.definition, self.view.clone(), batch_rows);
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
    }
}

fn batches(
    definition: &'static Definition,
    view: View,
    batch_rows: usize,
) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    let schema = definition.schema();
    let mut rows = (definition.rows)(view);
    std::iter::from_fn(move || {
        let rows: Vec<_> = rows.by_ref().take(batch_rows).collect();
        if rows.is_empty() {
            return None;
        }
        debug_assert!(rows.iter().all(|row| row.len() == definition.columns.len()));
        let columns = definition.columns.iter().enumerate();
        let columns = columns.map(|(at, (_, kind))| kind.column(rows.iter().map(|row| &row[at])));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect());
        Some(batch.map_err(Into::into))
    })
}
