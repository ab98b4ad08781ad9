//! What was kept before the process started.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use catalog::{RecordId, TIME_COLUMN};
use datafusion::error::DataFusionError;
use futures::TryStreamExt as _;
use notify::Alert;

use super::board::{Delivery, NotificationRecord, StatusRecord};
use super::database_name;
use super::failing::REASON;
use super::rows::{self, NOTIFICATIONS, OF_CHECK, STATES, STATUSES};
use super::states::{CheckState, Known};
use crate::caller::Caller;
use crate::engine::{Access, QueryEngine, SqlRequest};
use crate::error::{Error, Result};

/// Reads back states, what changed lately, and what is still to be told.
pub(crate) async fn restore(engine: &QueryEngine) -> Result<()> {
    let (settings, notifications) = (engine.check_settings(), engine.notification_settings());
    let checks = engine.checks();
    checks.begin(settings.statuses_shown, notifications.shown);
    rows::keep_all_for(engine).await?;
    let sql = format!("SELECT * FROM {STATES}");
    restore_states(engine, &read(engine, STATES, &sql).await?)?;
    let shown = settings.statuses_shown;
    let sql = format!("SELECT * FROM {STATUSES} ORDER BY {TIME_COLUMN} DESC LIMIT {shown}");
    let mut statuses = Vec::new();
    for batch in read(engine, STATUSES, &sql).await? {
        let rows = Rows::of(&batch)?;
        statuses.extend((0..batch.num_rows()).filter_map(|row| status(&rows, row)));
    }
    // What is still to be told, however old it is, and what was told lately.
    let shown = notifications.shown;
    let pending = format!("SELECT * FROM {NOTIFICATIONS} WHERE state = 'pending'");
    let lately = format!(
        "SELECT * FROM {NOTIFICATIONS} WHERE state <> 'pending' ORDER BY {TIME_COLUMN} DESC LIMIT {shown}"
    );
    let mut found = Vec::new();
    for sql in [&lately, &pending] {
        for batch in read(engine, NOTIFICATIONS, sql).await? {
            let rows = Rows::of(&batch)?;
            found.extend((0..batch.num_rows()).filter_map(|row| notification(&rows, row)));
        }
    }
    found.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut inner = checks.inner.lock();
    for status in statuses.into_iter().rev() {
        inner.keep_status(Arc::new(status));
    }
    for record in found {
        if let (Delivery::Delivered, Some(at)) = (record.state, record.finished_at) {
            inner.outbox.told_before(record.group(), at);
        }
        inner.keep_notification(Arc::new(record));
    }
    Ok(())
}

fn restore_states(engine: &QueryEngine, batches: &[RecordBatch]) -> Result<()> {
    let known = engine.catalog().state();
    let mut states: HashMap<RecordId, CheckState> = HashMap::new();
    for batch in batches {
        let rows = Rows::of(batch)?;
        for row in 0..batch.num_rows() {
            let check = rows.text("check", row).and_then(|id| id.parse().ok());
            let check = check.filter(|id| known.scheduled(*id).is_some());
            let (Some(check), Some(series)) = (check, rows.text("series", row)) else {
                continue;
            };
            let state = states.entry(check).or_default();
            if series == OF_CHECK {
                state.through = rows.number("through", row).unwrap_or(0);
                let failing = rows.text("state", row).filter(|text| !text.is_empty());
                state.failing = failing.map(|text| Known::of_text(&text)).transpose()?;
            } else if let Some(text) = rows.text("state", row).filter(|text| !text.is_empty()) {
                let known = Known::of_text(&text)?;
                state.series.insert(series, known);
            }
        }
    }
    for (check, state) in states {
        *engine.checks().kept(check).state.lock() = Arc::new(state);
    }
    Ok(())
}

async fn read(engine: &QueryEngine, table: &str, sql: &str) -> Result<Vec<RecordBatch>> {
    let name = database_name();
    let state = engine.catalog().state();
    let database = state.database(name.as_str());
    if database.is_none_or(|database| database.table(table).is_none()) {
        return Ok(Vec::new());
    }
    let request = SqlRequest {
        database: name.to_string(),
        sql: sql.to_owned(),
        params: Vec::new(),
        timeout: None,
        access: Access::Read,
        caller: Caller::administrator(None),
    };
    engine.sql(request).await?.try_collect().await
}

/// Rows by names of columns. A column that is not there, as after a version that did not have it, is NULL.
struct Rows {
    columns: HashMap<String, (DataType, arrow::array::ArrayRef)>,
}

impl Rows {
    fn of(batch: &RecordBatch) -> Result<Self> {
        let mut columns = HashMap::new();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let kind = match field.data_type() {
                DataType::Int64 => DataType::Int64,
                DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, None),
                _ => DataType::Utf8,
            };
            let column = cast(column, &kind).map_err(DataFusionError::from)?;
            columns.insert(field.name().clone(), (kind, column));
        }
        Ok(Self { columns })
    }

    fn text(&self, name: &str, row: usize) -> Option<String> {
        let (_, column) = self
            .columns
            .get(name)
            .filter(|(kind, _)| *kind == DataType::Utf8)?;
        let column = column.as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    }

    fn number(&self, name: &str, row: usize) -> Option<i64> {
        let (_, column) = self
            .columns
            .get(name)
            .filter(|(kind, _)| *kind == DataType::Int64)?;
        let column = column.as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    }

    fn time(&self, row: usize) -> Option<i64> {
        let (_, column) = self.columns.get(TIME_COLUMN)?;
        let column = column.as_primitive_opt::<TimestampNanosecondType>()?;
        column.is_valid(row).then(|| column.value(row))
    }
}

fn status(rows: &Rows, row: usize) -> Option<StatusRecord> {
    let text = |name| rows.text(name, row).unwrap_or_default();
    let one_of = |name, all: &[&'static str]| {
        let found = text(name);
        *all.iter().find(|it| **it == found).unwrap_or(&all[0])
    };
    Some(StatusRecord {
        at: rows.time(row)?,
        check: text("check").parse().ok()?,
        series: text("series"),
        check_name: text("check_name"),
        database: text("database_name"),
        level: rows::level(Some(&text("level"))),
        previous_level: rows::level(Some(&text("previous_level"))),
        state: one_of("state", &["quiet", "firing", "resolved"]),
        reason: one_of("reason", &["level", "silence", "forgotten", REASON]),
        message: text("message"),
        tags: text("tags"),
        values: text("values"),
    })
}

fn notification(rows: &Rows, row: usize) -> Option<NotificationRecord> {
    let text = |name| rows.text(name, row).unwrap_or_default();
    let some = |name| rows.text(name, row).filter(|text| !text.is_empty());
    let alert: Alert = serde_json::from_str(&text("alert"))
        .map_err(|error| Error::InvalidCheck {
            problem: error.to_string(),
        })
        .inspect_err(|error| tracing::error!(%error, "a notification that was kept is damaged"))
        .ok()?;
    let attempts = rows.number("attempts", row).unwrap_or(0);
    Some(NotificationRecord {
        id: text("id"),
        at: rows.time(row)?,
        rule: text("rule").parse().ok()?,
        rule_name: text("rule_name"),
        endpoint_name: text("endpoint_name"),
        database: text("database_name"),
        group: text("group_key"),
        series: text("series"),
        told_from: rows::level(Some(&text("told_from"))),
        alert,
        state: Delivery::of_name(&text("state"))?,
        batch: some("batch"),
        attempts: u32::try_from(attempts).unwrap_or(0),
        error: some("error"),
        finished_at: rows.number("finished_at", row).filter(|at| *at != 0),
    })
}
