//! Statements of our own: what SQL has no words for, or DataFusion no way to do.
//!
//! | statement                                                        | what it does                                |
//! |------------------------------------------------------------------|---------------------------------------------|
//! | `DELETE FROM t WHERE …`                                          | deletes rows; conditions on any columns     |
//! | `CREATE DATABASE [IF NOT EXISTS] d [RETENTION '30d']`            | creates a database                          |
//! | `ALTER DATABASE d SET RETENTION '30d' \| FOREVER`                | how long rows are kept                      |
//! | `DROP DATABASE [IF EXISTS] d`, `UNDROP DATABASE d`               | takes it away, brings it back               |
//! | `ALTER TABLE t SET RETENTION '30d' \| FOREVER \| DEFAULT`        | the same for one table                      |
//! | `ALTER TABLE t SET FLOATS 'double' \| 'decimal'`                 | how compacted files store floats            |
//! | `DROP TABLE [IF EXISTS] t`, `UNDROP TABLE t`                     | takes it away, brings it back               |
//!
//! They are recognised by their first words, before DataFusion sees the text; everything else is left to
//! it. A caller that may only read is refused.

mod delete;
mod parse;

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use catalog::{Catalog, Clock, DatabaseName, FloatStorage, Retention, TableOptions};
use datafusion::common::ScalarValue;
use datafusion::execution::session_state::SessionState;

use crate::error::{Error, Result};
pub(crate) use delete::rows_of;
pub(crate) use parse::parse;

/// One of our statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    /// The condition is kept as text, to be planned like that of a query.
    Delete {
        table: String,
        condition: String,
    },
    CreateDatabase {
        name: String,
        retention: Retention,
        if_not_exists: bool,
    },
    SetDatabaseRetention {
        name: String,
        retention: Retention,
    },
    DropDatabase {
        name: String,
        if_exists: bool,
    },
    UndropDatabase {
        name: String,
    },
    SetTableRetention {
        table: String,
        retention: Option<Retention>,
    },
    SetTableFloats {
        table: String,
        floats: FloatStorage,
    },
    DropTable {
        table: String,
        if_exists: bool,
    },
    UndropTable {
        table: String,
    },
}

/// What statements change things through.
pub(crate) struct Services<'a> {
    pub(crate) catalog: &'a Arc<Catalog>,
    pub(crate) storage: &'a Arc<storage::Engine>,
    pub(crate) clock: &'a Arc<dyn Clock>,
}

/// Runs a statement in a database, and says in a row what it did. `session` is one on that database.
pub(crate) async fn run(
    statement: Statement,
    database: &str,
    session: Result<SessionState>,
    params: Vec<(String, ScalarValue)>,
    services: &Services<'_>,
) -> Result<RecordBatch> {
    let Services {
        catalog,
        storage,
        clock,
    } = services;
    let now = || clock.now_nanos();
    match statement {
        Statement::Delete { table, condition } => {
            let target = delete::target(&session?, &table, &condition, params).await?;
            storage.delete_rows(vec![target]).await?;
            done("rows deleted")
        }
        Statement::CreateDatabase {
            name,
            retention,
            if_not_exists,
        } => {
            let name = DatabaseName::new(&name)?;
            match catalog.create_database(&name, retention).await {
                Err(catalog::Error::DatabaseExists { .. }) if if_not_exists => {
                    done("database exists")
                }
                created => created
                    .map_err(Error::from)
                    .and_then(|_| done("database created")),
            }
        }
        Statement::SetDatabaseRetention { name, retention } => {
            catalog.set_database_retention(&name, retention).await?;
            done("retention set")
        }
        Statement::DropDatabase { name, if_exists } => {
            match catalog.drop_database(&name, now()).await {
                Err(catalog::Error::DatabaseNotFound { .. }) if if_exists => {
                    done("no such database")
                }
                dropped => dropped
                    .map_err(Error::from)
                    .and_then(|()| done("database dropped")),
            }
        }
        Statement::UndropDatabase { name } => {
            catalog.undrop_database(&name).await?;
            done("database is back")
        }
        Statement::SetTableRetention { table, retention } => {
            let options = TableOptions {
                retention: Some(retention),
                ..TableOptions::default()
            };
            catalog.set_table_options(database, &table, options).await?;
            done("retention set")
        }
        Statement::SetTableFloats { table, floats } => {
            let options = TableOptions {
                float_storage: Some(floats),
                ..TableOptions::default()
            };
            catalog.set_table_options(database, &table, options).await?;
            done("float storage set")
        }
        Statement::DropTable { table, if_exists } => {
            match catalog.drop_table(database, &table, now()).await {
                Err(catalog::Error::TableNotFound { .. }) if if_exists => done("no such table"),
                dropped => dropped
                    .map_err(Error::from)
                    .and_then(|()| done("table dropped")),
            }
        }
        Statement::UndropTable { table } => {
            catalog.undrop_table(database, &table).await?;
            done("table is back")
        }
    }
}

impl Statement {
    /// Whether it is about the database that the request names; others name their own.
    pub(crate) fn needs_database(&self) -> bool {
        matches!(
            self,
            Self::Delete { .. }
                | Self::SetTableRetention { .. }
                | Self::SetTableFloats { .. }
                | Self::DropTable { .. }
                | Self::UndropTable { .. }
        )
    }

    /// Its first words.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Delete { .. } => "DELETE",
            Self::CreateDatabase { .. } => "CREATE DATABASE",
            Self::SetDatabaseRetention { .. } => "ALTER DATABASE",
            Self::DropDatabase { .. } => "DROP DATABASE",
            Self::UndropDatabase { .. } => "UNDROP DATABASE",
            Self::SetTableRetention { .. } | Self::SetTableFloats { .. } => "ALTER TABLE",
            Self::DropTable { .. } => "DROP TABLE",
            Self::UndropTable { .. } => "UNDROP TABLE",
        }
    }
}

/// The columns of what [`run`] returns.
pub(crate) fn result_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(
        "status",
        DataType::Utf8,
        false,
    )]))
}

fn done(status: &str) -> Result<RecordBatch> {
    let column = Arc::new(StringArray::from(vec![status]));
    RecordBatch::try_new(result_schema(), vec![column])
        .map_err(|error| datafusion::error::DataFusionError::from(error).into())
}
