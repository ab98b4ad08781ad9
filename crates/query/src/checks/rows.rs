//! What is kept of checks: rows of three tables of the database `_checks`.
//!
//! | table | key | what a row says |
//! |---|---|---|
//! | `states` | check, series | what is known of the series; written over again and again. Series `-` is the check itself, or a task |
//! | `statuses` | check, series, time | a change of level |
//! | `notifications` | id, time | a change that is to be told by a rule, and what became of it |
//!
//! Rows that belong together are one write, and so are all there after a crash or none. They are line protocol on
//! their way: one batch of several tables.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use automation::Level;
use catalog::{Catalog, RecordId, Retention, TableOptions};
use ingest::{OnError, Precision};
use storage::Durability;

use super::board::{NotificationRecord, StatusRecord};
use super::database_name;
use crate::engine::QueryEngine;
use crate::error::{Error, Result};

pub(super) const STATES: &str = "states";
pub(super) const STATUSES: &str = "statuses";
pub(super) const NOTIFICATIONS: &str = "notifications";

/// The series that stands for the check itself.
pub(super) const OF_CHECK: &str = "-";

/// Lines of one write.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn state(&mut self, check: RecordId, series: &str, state: &str) {
        let state = text(state);
        self.line(format_args!(
            "{STATES},check={check},series={series} state={state} 0"
        ));
    }

    pub(super) fn through(&mut self, check: RecordId, through: i64) {
        self.line(format_args!(
            "{STATES},check={check},series={OF_CHECK} through={through}i 0"
        ));
    }

    pub(super) fn status(&mut self, it: &StatusRecord) {
        let texts = [
            ("database_name", &*it.database),
            ("check_name", &*it.check_name),
            ("level", it.level.name()),
            ("previous_level", it.previous_level.name()),
            ("state", it.state),
            ("reason", it.reason),
            ("message", &*it.message),
            ("tags", &*it.tags),
            ("values", &*it.values),
        ];
        let mut line = format!("{STATUSES},check={},series={} ", it.check, it.series);
        fields(&mut line, &texts);
        self.line(format_args!("{line} {}", it.at));
    }

    /// All that there is to say of a notification.
    pub(super) fn notification(&mut self, it: &NotificationRecord) {
        let alert = serde_json::to_string(&it.alert).expect("plain data of ours becomes JSON");
        let (rule, from) = (it.rule.to_string(), it.told_from);
        let texts = [
            ("rule", rule.as_str()),
            ("rule_name", &*it.rule_name),
            ("endpoint_name", &*it.endpoint_name),
            ("database_name", &*it.database),
            ("group_key", &*it.group),
            ("series", &*it.series),
            ("told_from", from.name()),
            ("alert", &*alert),
        ];
        let mut line = format!("{NOTIFICATIONS},id={} ", it.id);
        fields(&mut line, &texts);
        self.line(format_args!("{line} {}", it.at));
        self.notification_state(it);
    }

    /// What has become of a notification. A row's fields are written over one by one, so what does not change
    /// need not be written again; what is not there any more has to be, as an empty text.
    pub(super) fn notification_state(&mut self, it: &NotificationRecord) {
        let texts = [
            ("state", it.state.name()),
            ("batch", it.batch.as_deref().unwrap_or_default()),
            ("error", it.error.as_deref().unwrap_or_default()),
        ];
        let mut line = format!("{NOTIFICATIONS},id={} ", it.id);
        fields(&mut line, &texts);
        let finished = it.finished_at.unwrap_or(0);
        let attempts = it.attempts;
        self.line(format_args!(
            "{line},attempts={attempts}i,finished_at={finished}i {}",
            it.at
        ));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.write_fmt(line).expect("a text takes anything");
        self.0.push('\n');
    }
}

fn fields(line: &mut String, texts: &[(&str, &str)]) {
    for (at, (name, value)) in texts.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(line, "{comma}{name}={}", text(value)).expect("a text takes anything");
    }
}

/// A text as line protocol has it.
fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How bad a kept row says it was.
pub(super) fn level(name: Option<&str>) -> Level {
    name.and_then(Level::of_name).unwrap_or_default()
}

/// Writes lines, all or none. They are durable when this returns.
pub(super) async fn write(engine: &QueryEngine, lines: Lines) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let name = database_name();
    let catalog = Arc::clone(engine.catalog());
    if catalog.state().database(name.as_str()).is_none() {
        create(&catalog).await?;
    }
    let now_nanos = engine.clock().now_nanos();
    let runtime = tokio::runtime::Handle::current();
    let parsing = tokio::task::spawn_blocking(move || {
        let request = ingest::Request {
            body: lines.0.as_bytes(),
            precision: Precision::Nanosecond,
            now_nanos,
            on_error: OnError::RejectAll,
        };
        let settings = ingest::Settings::default();
        runtime.block_on(ingest::ingest(&catalog, &settings, name.as_str(), request))
    });
    let parsed = parsing.await.map_err(|_| Error::ShuttingDown)??;
    if let Some(wrong) = parsed.line_errors.first() {
        let problem = format!("what it found cannot be kept: {}", wrong.fault);
        return Err(Error::InvalidCheck { problem });
    }
    engine
        .storage()
        .write(parsed.batch, Durability::Synced)
        .await?;
    Ok(())
}

async fn create(catalog: &Catalog) -> Result<()> {
    match catalog
        .create_database(&database_name(), Retention::Forever)
        .await
    {
        Ok(_) | Err(catalog::Error::DatabaseExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Says how long rows are kept.
pub(super) async fn keep_all_for(engine: &QueryEngine) -> Result<()> {
    let statuses = engine.check_settings().statuses_kept;
    keep_for(engine, STATUSES, statuses).await?;
    let notifications = engine.notification_settings().kept;
    keep_for(engine, NOTIFICATIONS, notifications).await
}

/// Sets how long rows are kept, for a table that is there.
async fn keep_for(engine: &QueryEngine, table: &str, kept: Duration) -> Result<()> {
    let name = database_name();
    let catalog = engine.catalog();
    let nanos = u64::try_from(kept.as_nanos()).unwrap_or(u64::MAX);
    let wanted = Some(Retention::from_nanos(Some(nanos)));
    let state = catalog.state();
    let table_of = |table: &str| state.database(name.as_str())?.table(table).cloned();
    let Some(found) = table_of(table) else {
        return Ok(());
    };
    if found.retention != wanted {
        let options = TableOptions {
            retention: Some(wanted),
            ..TableOptions::default()
        };
        catalog
            .set_table_options(name.as_str(), table, options)
            .await?;
    }
    Ok(())
}
