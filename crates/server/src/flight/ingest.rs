//! `CommandStatementIngest`: rows as record batches, such as ADBC's bulk ingest sends them. They
//! go the way of any write; what their columns become is decided in [`::ingest::draft_records`].
//!
//! A batch is stored, durably, before the next one is read. There are no transactions: what was
//! stored before a batch failed stays, and sending it again changes nothing.

use std::sync::Arc;

use ::ingest::{Parsed, TableRecords};
use arrow::array::RecordBatch;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use bytesize::ByteSize;
use catalog::Limits;
use futures::TryStreamExt as _;
use storage::Durability;
use tokio::sync::OwnedSemaphorePermit;

use super::caller::Caller;
use super::prepared::{self, Messages};
use super::service::Flight;
use super::sessions::{CATALOG, SCHEMA};
use super::tickets;
use crate::auth::Need;
use crate::error::{Error, Result};
use crate::http::Surface;
use crate::http::write::{ATTEMPTS_MAX, cpu};
use crate::metrics::WriteFigures;

/// Stores the rows of a stream and returns how many they are.
pub(super) async fn rows(
    flight: &Flight,
    caller: &Caller,
    command: CommandStatementIngest,
    messages: Messages,
) -> Result<i64> {
    let target = Target {
        database: caller.need_database()?.to_owned(),
        table: command.table.clone(),
    };
    let need = Need::write(&target.database).of_table(&target.table);
    caller.principal.require(need)?;
    check(&command)?;
    target.prepare(flight, caller, &command).await?;
    let _memory = reserve(flight)?;
    let mut batches = prepared::batches(messages);
    // A stream that stalls must not keep its memory for ever.
    let patience = flight.app.server.settings.connections.idle_timeout;
    let metrics = &flight.app.server.metrics;
    let mut stored = 0;
    loop {
        let next = tokio::time::timeout(patience, batches.try_next()).await;
        let rate_min = flight.app.server.settings.bodies.rate_bytes_min.as_u64();
        let next = next.map_err(|_| Error::BodySlow { rate_min })?;
        let Some(batch) = next.map_err(prepared::undecodable)? else {
            return Ok(stored);
        };
        caller.principal.check_still_good(flight.services()?)?;
        let written = target.write(flight, batch).await;
        let figures = written.inspect_err(|_| metrics.count_write_error(Surface::Flight))?;
        metrics.count_write(Surface::Flight, figures);
        stored += i64::try_from(figures.rows).unwrap_or(i64::MAX);
    }
}

/// Where rows go.
struct Target {
    database: String,
    table: String,
}

impl Target {
    /// Does what the command says for a table that exists, or does not.
    async fn prepare(
        &self,
        flight: &Flight,
        caller: &Caller,
        command: &CommandStatementIngest,
    ) -> Result<()> {
        let services = flight.services()?;
        let name = self.database.clone();
        let state = services.catalog.state();
        let database = state
            .database(&name)
            .ok_or(Error::DatabaseNotFound { name })?;
        let exists = database.table(&self.table).is_some();
        let Some(options) = command.table_definition_options else {
            return Ok(());
        };
        let (table, database) = (self.table.clone(), self.database.clone());
        match exists {
            true if options.if_exists() == TableExistsOption::Fail => {
                Err(catalog::Error::TableExists { name: table }.into())
            }
            true if options.if_exists() == TableExistsOption::Replace => {
                let need = Need::admin(&database).of_table(&table);
                caller.principal.require(need)?;
                let now = services.clock.now_nanos();
                services.catalog.drop_table(&database, &table, now).await?;
                Ok(())
            }
            false if options.if_not_exist() == TableNotExistOption::Fail => {
                Err(catalog::Error::TableNotFound { name: table }.into())
            }
            true | false => Ok(()),
        }
    }

    /// Stores a batch, making new columns durable before their rows can be.
    async fn write(&self, flight: &Flight, batch: RecordBatch) -> Result<WriteFigures> {
        let bytes = batch.get_array_memory_size();
        if batch.num_rows() == 0 {
            return Ok(WriteFigures::default());
        }
        let parsed = self.parse(flight, batch).await?;
        let rows = parsed.rows;
        let storage = &flight.services()?.storage;
        storage.write(parsed.batch, Durability::Synced).await?;
        Ok(WriteFigures {
            rows,
            bytes,
            ..WriteFigures::default()
        })
    }

    async fn parse(&self, flight: &Flight, batch: RecordBatch) -> Result<Parsed> {
        let services = flight.services()?;
        let now_nanos = services.clock.now_nanos();
        let mut attempt = 1;
        loop {
            let is_last = attempt == ATTEMPTS_MAX;
            attempt += 1;
            let state = services.catalog.state();
            let limits: Limits = services.catalog.limits().clone();
            let (database, table) = (self.database.clone(), self.table.clone());
            let (server, batch) = (Arc::clone(&flight.app.server), batch.clone());
            let drafting = cpu(&flight.app, move || {
                let records = TableRecords {
                    table: &table,
                    batch: &batch,
                    now_nanos,
                };
                let settings = &server.settings.writes.line_protocol;
                ::ingest::draft_records(&state, &limits, settings, &database, &records)
                    .map(|draft| (draft, state))
            });
            let (draft, mut state) = drafting.await?;
            if !draft.extensions().is_empty() {
                let extending = services.catalog.extend(&self.database, draft.extensions());
                state = match extending.await {
                    Ok(extended) => extended,
                    // Another write was first; the next pass sees what it made.
                    Err(
                        catalog::Error::ColumnConflict { .. } | catalog::Error::LimitReached { .. },
                    ) if !is_last => continue,
                    Err(error) => return Err(error.into()),
                };
            }
            match cpu(&flight.app, move || draft.finish(&state)).await {
                Err(::ingest::Error::SchemaChanged { .. }) if !is_last => {}
                finished => return Ok(finished?),
            }
        }
    }
}

/// Refuses what there is not.
fn check(command: &CommandStatementIngest) -> Result<()> {
    let what = match command {
        _ if command.temporary => Some("a temporary table"),
        _ if !tickets::is_none(&command.transaction_id) => Some("a transaction"),
        _ => None,
    };
    if let Some(what) = what {
        return Err(Error::Unsupported { what });
    }
    let is_only = |given: &Option<String>, only| {
        let given = given.as_deref().unwrap_or_default();
        given.is_empty() || given == only
    };
    match is_only(&command.catalog, CATALOG) && is_only(&command.schema, SCHEMA) {
        true => Ok(()),
        false => Err(Error::InvalidParameter {
            name: "schema".to_owned(),
            value: command.schema.clone().unwrap_or_default(),
            expected: "tables to be in public.iox",
        }),
    }
}

/// Memory for the largest message there may be, for as long as the stream goes on.
fn reserve(flight: &Flight) -> Result<OwnedSemaphorePermit> {
    let server = &flight.app.server;
    let message = server.settings.bodies.bytes_max;
    let limit: ByteSize = server.settings.bodies.in_flight_bytes_max;
    let kib = message.as_u64().min(limit.as_u64()).div_ceil(1024);
    let kib = u32::try_from(kib).unwrap_or(u32::MAX);
    let budget = Arc::clone(&server.body_budget);
    budget
        .try_acquire_many_owned(kib)
        .map_err(|_| Error::WritesBusy { limit })
}
