//! A write of line protocol, the same behind every API: receive, unpack, parse, extend the schema,
//! store, report.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use catalog::{DatabaseName, Retention};
use ingest::{Draft, OnError, Parsed, Precision};
use storage::{Durability, TableBatch, WriteBatch};

use super::{App, Profile, Surface};
use crate::auth::{Need, Principal};
use crate::body::{self, Content, Place, Promise};
use crate::error::{Error, RefusedLines, Result};
use crate::metrics::WriteFigures;
use crate::services::{Server, Services};

/// How often a body is parsed because others change the schema under it. Each time one of them won,
/// so this many in a row need as many new conflicting columns.
pub(crate) const ATTEMPTS_MAX: usize = 8;

/// What the parameters of a write say.
#[derive(Debug)]
pub(super) struct WriteRequest {
    pub(super) surface: Surface,
    pub(super) principal: Principal,
    pub(super) database: String,
    /// The checked name to create the database under, if the request may create it.
    pub(super) create: Option<DatabaseName>,
    pub(super) precision: Precision,
    pub(super) on_error: OnError,
    pub(super) durability: Durability,
}

/// What became of a body of which every line was good.
#[derive(Debug, Default)]
pub(super) struct Stored {
    rows_too_old: usize,
}

/// Tells a writer how many of its rows nobody will see, which a wrong clock may be the reason of.
const ROWS_TOO_OLD: HeaderName = HeaderName::from_static("x-tidemill-rows-too-old");

impl IntoResponse for Stored {
    fn into_response(self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        if self.rows_too_old > 0 {
            let count = HeaderValue::from(self.rows_too_old);
            response.headers_mut().insert(ROWS_TOO_OLD, count);
        }
        response
    }
}

/// Whether a v1 or v2 write to a database that does not exist creates it: where the listener
/// answers as InfluxDB 3, as that does on all its write paths, and elsewhere if the settings say so.
pub(super) fn creates_databases(app: &App) -> bool {
    app.profile == Profile::V3 || app.server.settings.writes.create_databases
}

/// Decides what a write to a database does that may not exist, if the caller may write to it at all.
/// `check` is called when it does not exist, so that names of existing databases are never argued about.
pub(super) fn missing_database(
    app: &App,
    principal: &Principal,
    name: &str,
    may_create: bool,
    check: impl FnOnce() -> catalog::Result<DatabaseName>,
) -> Result<Option<DatabaseName>> {
    principal.require_some(Need::write(name))?;
    if app
        .server
        .services()?
        .catalog
        .state()
        .database(name)
        .is_some()
    {
        return Ok(None);
    }
    let checked = check()?;
    match may_create {
        true => {
            principal.require(Need::write(name))?;
            Ok(Some(checked))
        }
        false => Err(Error::DatabaseNotFound {
            name: name.to_owned(),
        }),
    }
}

/// Writes a body. Fails with [`Error::LinesRefused`] when lines were refused, whether or not others
/// were stored.
pub(super) async fn write(
    app: &App,
    request: WriteRequest,
    headers: &HeaderMap,
    body: Body,
) -> Result<Stored> {
    let written = write_inner(app, &request, headers, body).await;
    if let Err(error) = &written
        && !matches!(error, Error::LinesRefused(lines) if lines.stored_rows > 0)
    {
        app.server.metrics.count_write_error(request.surface);
    }
    written
}

async fn write_inner(
    app: &App,
    request: &WriteRequest,
    headers: &HeaderMap,
    body: Body,
) -> Result<Stored> {
    let (server, services) = (&app.server, app.server.services()?);
    let settings = &server.settings;
    let promise = admit(server, services, headers).await?;
    let (bodies, budget) = (&settings.bodies, &server.body_budget);
    let received = body::receive(bodies, budget, headers, body, Some(promise)).await?;
    if let Some(name) = &request.create {
        create_database(services, name).await?;
    }
    if received.is_empty() {
        return Ok(Stored::default());
    }
    let limits = settings.bodies.clone();
    let content = match received.is_packed() {
        true => cpu(app, move || received.inflate(&limits)).await?,
        false => received.inflate(&limits)?,
    };
    let bytes = content.bytes.len();
    let (parsed, _place) = parse(app, services, request, content).await?;
    let figures = WriteFigures {
        rows: parsed.rows,
        bytes,
        lines_refused: parsed.lines_refused,
        suspicious_timestamps: parsed.suspicious_timestamps,
        rows_too_old: rows_too_old(services, &parsed.batch),
    };
    let refused = refused_lines(&parsed, request.on_error);
    if parsed.batch.row_count() > 0 {
        services
            .storage
            .write(parsed.batch, request.durability)
            .await?;
    }
    server.metrics.count_write(request.surface, figures);
    match refused {
        Some(refused) => Err(Error::LinesRefused(Box::new(refused))),
        None => Ok(Stored {
            rows_too_old: figures.rows_too_old,
        }),
    }
}

/// How many rows are older than their tables keep them: they are taken, and nobody ever sees them.
pub(crate) fn rows_too_old(services: &Services, batch: &WriteBatch) -> usize {
    let (state, now) = (services.catalog.state(), services.clock.now_nanos());
    let of_table = |rows: &TableBatch| {
        let table = state.stored_table(rows.table);
        let earliest = table.map(|table| state.retention_of(table).earliest(now));
        let earliest = earliest.filter(|earliest| *earliest > i64::MIN);
        earliest.map_or(0, |earliest| {
            let too_old = rows.times.iter().filter(|time| **time < earliest);
            too_old.count()
        })
    };
    batch.tables.iter().map(of_table).sum()
}

/// Waits until there is room for a body and for its rows, before anything of it is read.
async fn admit(server: &Server, services: &Services, headers: &HeaderMap) -> Result<Promise> {
    let settings = &server.settings.bodies;
    let bytes = body::expected(settings, headers)?;
    let limit = settings.in_flight_bytes_max;
    let room = |promised: u64| {
        let free = server.body_budget.available_permits() as u64 * 1024;
        if free < promised + bytes {
            return Err(Error::WritesBusy { limit });
        }
        // What is on its way will take room among the rows. Whoever comes alone is let in as long
        // as there is any, however large the body.
        let on_its_way = limit.as_u64().saturating_sub(free) + promised;
        let needed = match on_its_way {
            0 => 0,
            others => others + bytes,
        };
        Ok(services.storage.check_room(needed)?)
    };
    server.admission.enter(settings.patience, bytes, room).await
}

async fn create_database(services: &Services, name: &DatabaseName) -> Result<()> {
    match services
        .catalog
        .create_database(name, Retention::Forever)
        .await
    {
        // Someone else was first, which is as good.
        Ok(_) | Err(catalog::Error::DatabaseExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What one pass over a body comes to.
enum Pass {
    /// Everything is there already, which is the usual case.
    Parsed(Parsed, Place),
    /// The catalog has to be extended first. The body is kept in case that fails.
    NeedsSchema(Draft, Content),
}

/// Parses a body, making new tables and columns durable before their rows can be. The body is let go of,
/// not its place: rows that wait to be stored take one, too.
async fn parse(
    app: &App,
    services: &Services,
    request: &WriteRequest,
    mut content: Content,
) -> Result<(Parsed, Place)> {
    // One time for all lines without one, however often the body is parsed.
    let now_nanos = services.clock.now_nanos();
    let mut attempt = 1;
    loop {
        let is_last = attempt == ATTEMPTS_MAX;
        attempt += 1;
        let draft;
        (draft, content) = match parse_once(app, services, request, content, now_nanos).await? {
            Pass::Parsed(parsed, place) => return Ok((parsed, place)),
            Pass::NeedsSchema(draft, content) => (draft, content),
        };
        let extended = services
            .catalog
            .extend(&request.database, draft.extensions())
            .await;
        let state = match extended {
            Ok(state) => state,
            // Since the body was parsed another write took the name or the last place: the next
            // pass sees that and refuses the lines it concerns.
            Err(catalog::Error::ColumnConflict { .. } | catalog::Error::LimitReached { .. })
                if !is_last =>
            {
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match cpu(app, move || draft.finish(&state)).await {
            Err(ingest::Error::SchemaChanged { .. }) if !is_last => {}
            finished => return Ok((finished?, content.place)),
        }
    }
}

async fn parse_once(
    app: &App,
    services: &Services,
    request: &WriteRequest,
    content: Content,
    now_nanos: i64,
) -> Result<Pass> {
    let (state, limits) = (services.catalog.state(), services.catalog.limits().clone());
    let (database, precision) = (request.database.clone(), request.precision);
    let (on_error, server) = (request.on_error, Arc::clone(&app.server));
    let principal = request.principal.clone();
    cpu(app, move || {
        let settings = &server.settings.writes.line_protocol;
        let lines = ingest::Request {
            body: &content.bytes,
            precision,
            now_nanos,
            on_error,
        };
        let draft = ingest::parse(&state, &limits, settings, &database, &lines)?;
        check_tables(&principal, &database, &draft)?;
        match draft.extensions() {
            [] => Ok(Pass::Parsed(draft.finish(&state)?, content.place)),
            _ => Ok(Pass::NeedsSchema(draft, content)),
        }
    })
    .await
}

/// Fails unless the caller may write to every table that lines are of: nothing of the body is stored then,
/// and nothing is said of what is in those tables.
fn check_tables(principal: &Principal, database: &str, draft: &Draft) -> Result<()> {
    if principal.require(Need::write(database)).is_ok() {
        return Ok(());
    }
    let mut tables = draft.named_tables();
    tables.try_for_each(|table| principal.require(Need::write(database).of_table(table)))
}

/// Runs CPU work on a thread for it; as many at a time as there are cores.
pub(crate) async fn cpu<T, E>(
    app: &App,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let _slot = app
        .server
        .parse_slots
        .acquire()
        .await
        .expect("the semaphore is never closed");
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Blocking tasks are not cancelled: the work panicked. Carry on where that is handled.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn refused_lines(parsed: &Parsed, on_error: OnError) -> Option<RefusedLines> {
    if parsed.lines_refused == 0 {
        return None;
    }
    Some(RefusedLines {
        errors: parsed.line_errors.clone(),
        lines: parsed.lines,
        refused: parsed.lines_refused,
        stored_rows: parsed.batch.row_count(),
        all_or_nothing: matches!(on_error, OnError::RejectAll),
    })
}
