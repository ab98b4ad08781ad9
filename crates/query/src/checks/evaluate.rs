//! One run of a check: the rows of its query, what they change, and who is to be told of that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use automation::{Condition, Level, Transition, Window, judged};
use catalog::{Check, Database, TIME_COLUMN};
use datafusion::error::DataFusionError;
use futures::TryStreamExt as _;
use notify::Alert;
use serde_json::{Map, Value, json};

use super::board::{NotificationRecord, StatusRecord};
use super::definition::{IS_LEFT, IS_MET, Rules, wrapped};
use super::rows::{self, Lines};
use super::rules::{self, Change, Ready};
use super::states::{CheckState, Known, digest, series_id};
use crate::caller::Caller;
use crate::engine::{Access, QueryEngine, SqlRequest};
use crate::error::{Error, Result};
use crate::tasks::parameters;

/// A clock that is ahead by more than this has been set back since.
const CLOCK_STEP_MAX: i64 = 60_000_000_000;

/// What is kept of a row's values, in bytes.
const VALUES_BYTES_MAX: usize = 16 * 1024;

/// A row of a check's query.
#[derive(Debug)]
struct Row {
    at: i64,
    tags: BTreeMap<String, String>,
    values: Map<String, Value>,
    conditions: Vec<Condition>,
}

/// Looks at a window. Returns how many rows the query gave.
pub(crate) async fn evaluate(
    engine: &Arc<QueryEngine>,
    check: &Arc<Check>,
    database: &Arc<Database>,
    window: Window,
    caller: Caller,
    timeout: Duration,
) -> Result<u64> {
    let rules = Rules::of(check)?;
    let kept = engine.checks().kept(check.task.id);
    let turn = Arc::clone(&kept.turn).lock_owned().await;
    let now = engine.clock().now_nanos();
    let before = Arc::clone(&kept.state.lock());
    let is_done = before.through >= window.stop;
    if is_done && before.through <= now.saturating_add(CLOCK_STEP_MAX) {
        // What came of it is kept; that it was looked at was not noted before the process ended.
        return Ok(0);
    }
    let request = SqlRequest {
        database: database.name.to_string(),
        sql: wrapped(&check.task.statement, &check.levels),
        params: parameters(window),
        timeout: Some(timeout),
        access: Access::Read,
        caller,
    };
    let found = read(engine, request, check, &rules, window).await?;
    let count = found.len() as u64;
    let mut changes = Changes {
        check,
        database,
        rules: &rules,
        window,
        now,
        told: rules::of_database(&engine.catalog().state(), database),
        state: (*before).clone(),
        statuses: Vec::new(),
        notifications: Vec::new(),
        touched: BTreeMap::new(),
        limit: engine.check_settings().series_max,
    };
    changes.clock_went_back();
    changes.take(found)?;
    changes.pass();
    let Changes {
        mut state,
        statuses,
        notifications,
        touched,
        ..
    } = changes;
    if touched.is_empty() {
        return Ok(count);
    }
    let mut lines = Lines::default();
    let id = check.task.id;
    state.through = window.stop;
    lines.through(id, state.through);
    for series in touched.keys() {
        match state.series.get(series) {
            Some(known) => lines.state(id, series, &known.to_text()),
            None => lines.state(id, series, ""),
        }
    }
    statuses.iter().for_each(|status| lines.status(status));
    notifications.iter().for_each(|it| lines.notification(it));
    // What is durable must be known, even if nobody waits for this run any more.
    let engine = Arc::clone(engine);
    let noting = tokio::spawn(async move {
        let _turn = turn;
        rows::write(&engine, lines).await?;
        *kept.state.lock() = Arc::new(state);
        engine.checks().take(statuses, notifications);
        // Tables come to be with their first rows.
        if let Err(error) = rows::keep_all_for(&engine).await {
            tracing::warn!(%error, "it cannot be said how long rows of checks are kept");
        }
        Ok::<_, Error>(count)
    });
    noting.await.map_err(|_| Error::ShuttingDown)?
}

/// What a run changes.
struct Changes<'a> {
    check: &'a Arc<Check>,
    database: &'a Arc<Database>,
    rules: &'a Rules,
    window: Window,
    now: i64,
    told: Vec<Ready>,
    state: CheckState,
    statuses: Vec<StatusRecord>,
    notifications: Vec<NotificationRecord>,
    /// Series that are not as they were kept.
    touched: BTreeMap<String, ()>,
    limit: usize,
}

impl Changes<'_> {
    /// What was seen in a future that will not come for long must not make all that comes late.
    fn clock_went_back(&mut self) {
        let latest = self.now.saturating_add(CLOCK_STEP_MAX);
        for (id, known) in &mut self.state.series {
            let series = &mut known.series;
            if series.seen > latest || series.since > latest {
                series.seen = series.seen.min(self.window.start);
                series.since = series.since.min(self.window.start);
                series.pending = None;
                self.touched.insert(id.clone(), ());
            }
        }
    }

    fn take(&mut self, found: Vec<Row>) -> Result<()> {
        for row in found {
            let id = series_id(&row.tags);
            let count = self.state.series.len();
            if count >= self.limit && !self.state.series.contains_key(&id) {
                return Err(Error::TooManySeries { limit: self.limit });
            }
            let new = || Known::new(row.tags.clone(), row.at);
            let mut known = self.state.series.remove(&id).unwrap_or_else(new);
            let before = known.series;
            let level = judged(&row.conditions, &known.series);
            let transition = known.series.observe(&self.rules.how, level, row.at);
            if known.series != before {
                let has_own_time = row.at != self.window.stop;
                known.values = row.values;
                // That it was seen, and nothing else, matters where silence or late rows do.
                let is_same = automation::Series {
                    seen: before.seen,
                    ..known.series
                } == before;
                let matters = self.rules.how.silence.is_some()
                    || self.rules.forget_after.is_some()
                    || has_own_time;
                if !is_same || matters || before.seen == i64::MIN {
                    self.touched.insert(id.clone(), ());
                }
            }
            if let Some(transition) = transition {
                self.change(&id, &mut known, transition);
            }
            self.state.series.insert(id, known);
        }
        Ok(())
    }

    /// Time has passed for those series too that said nothing.
    fn pass(&mut self) {
        let stop = self.window.stop;
        let ids: Vec<_> = self.state.series.keys().cloned().collect();
        for id in ids {
            let mut known = self.state.series.remove(&id).expect("it was just there");
            let last_said = match known.series.seen {
                i64::MIN => known.series.since,
                seen => seen,
            };
            let quiet_for = stop.saturating_sub(last_said);
            if self.rules.forget_after.is_some_and(|it| quiet_for >= it) {
                if known.series.level != Level::Ok {
                    let transition = Transition {
                        at: stop,
                        from: known.series.level,
                        to: Level::Ok,
                        is_silence: false,
                    };
                    known.series.level = Level::Ok;
                    self.change_for(&id, &mut known, transition, "forgotten");
                }
                self.touched.insert(id, ());
                continue;
            }
            let before = known.series;
            let transition = known.series.pass(&self.rules.how, stop);
            if known.series != before {
                self.touched.insert(id.clone(), ());
            }
            if let Some(transition) = transition {
                self.change(&id, &mut known, transition);
            }
            self.state.series.insert(id, known);
        }
    }

    fn change(&mut self, series: &str, known: &mut Known, transition: Transition) {
        let reason = match transition.is_silence {
            true => "silence",
            false => "level",
        };
        self.change_for(series, known, transition, reason);
    }

    fn change_for(
        &mut self,
        series: &str,
        known: &mut Known,
        transition: Transition,
        reason: &'static str,
    ) {
        let Transition { at, from, to, .. } = transition;
        let is_firing = to >= Level::Warn;
        let fired_since = known.firing_since;
        known.firing_since = is_firing.then(|| fired_since.unwrap_or(at));
        // Whoever took note of something has not of what is worse.
        if !is_firing || to > from {
            known.acknowledged = None;
        }
        known.message = self.message(known, &self.check.message, transition, reason);
        let task = &self.check.task;
        self.statuses.push(StatusRecord {
            at,
            check: task.id,
            series: series.to_owned(),
            check_name: task.name.clone(),
            database: self.database.name.to_string(),
            level: to,
            previous_level: from,
            state: match (is_firing, fired_since) {
                (true, _) => "firing",
                (false, Some(_)) => "resolved",
                (false, None) => "quiet",
            },
            reason,
            message: known.message.clone(),
            tags: json!(known.tags).to_string(),
            values: json!(known.values).to_string(),
        });
        let told = std::mem::take(&mut self.told);
        for rule in &told {
            if rule.is_about(&task.name, &known.tags)
                && let Some(status) = rule.tells(from, to)
            {
                let since = known.firing_since.or(fired_since).unwrap_or(at);
                let record = self.notification(rule, series, known, transition, status, since);
                self.notifications.push(record);
            }
        }
        self.told = told;
        self.touched.insert(series.to_owned(), ());
    }

    fn message(
        &self,
        known: &Known,
        template: &str,
        transition: Transition,
        reason: &str,
    ) -> String {
        let task = &self.check.task;
        let mut values = Map::new();
        for (tag, value) in &known.tags {
            values.insert(tag.clone(), value.as_str().into());
        }
        values.extend(known.values.clone());
        let own = json!({
            "check": task.name,
            "database": &*self.database.name,
            "level": transition.to.name(),
            "previous_level": transition.from.name(),
            "reason": reason,
            "time": Alert::time_text(transition.at),
            "tags": known.tags,
            "values": known.values,
        });
        if let Value::Object(own) = own {
            values.extend(own);
        }
        let said = notify::message(template, &values);
        said.unwrap_or_else(|error| format!("{} is {} ({error})", task.name, transition.to.name()))
    }

    fn notification(
        &self,
        rule: &Ready,
        series: &str,
        known: &Known,
        transition: Transition,
        status: &str,
        since: i64,
    ) -> NotificationRecord {
        let Transition { at, from, to, .. } = transition;
        let message = match &rule.rule.message {
            Some(template) => self.message(known, template, transition, "level"),
            None => known.message.clone(),
        };
        let task = &self.check.task;
        let change = Change {
            check: &task.name,
            database: &self.database.name,
            key: digest(&[&task.id.to_string(), series]),
            tags: &known.tags,
            values: &known.values,
            at,
            since,
            from,
            to,
            message,
        };
        rule.notification(change, status)
    }
}

/// The rows of a check's query, the oldest first.
async fn read(
    engine: &QueryEngine,
    request: SqlRequest,
    check: &Check,
    rules: &Rules,
    window: Window,
) -> Result<Vec<Row>> {
    let limit = engine.check_settings().series_max;
    let mut results = engine.sql(request).await?;
    let mut found = Vec::new();
    while let Some(batch) = results.try_next().await? {
        if found.len() + batch.num_rows() > limit {
            return Err(Error::TooManySeries { limit });
        }
        read_batch(&batch, check, rules, window, &mut found)?;
    }
    found.sort_by_key(|row| row.at);
    Ok(found)
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_text(values),
        other => matches!(
            other,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ),
    }
}

/// The columns that say which series a row is of.
fn series_columns(schema: &Schema, named: &[String]) -> Vec<String> {
    let fields = schema.fields().iter();
    let is_of_series = |name: &str, kind: &DataType| match named {
        [] => is_text(kind),
        named => named.iter().any(|column| column == name),
    };
    let columns = fields.filter(|field| is_of_series(field.name(), field.data_type()));
    columns.map(|field| field.name().clone()).collect()
}

fn read_batch(
    batch: &RecordBatch,
    check: &Check,
    rules: &Rules,
    window: Window,
    found: &mut Vec<Row>,
) -> Result<()> {
    let arrow = |error: ArrowError| Error::from(DataFusionError::from(error));
    let schema = batch.schema();
    let of_series = series_columns(&schema, &check.series);
    let options = FormatOptions::default();
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let mut times = None;
    let (mut tags, mut values) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let name = field.name();
        if name == TIME_COLUMN && matches!(field.data_type(), DataType::Timestamp(..)) {
            times = Some(cast(column, &nanos).map_err(arrow)?);
        } else if of_series.contains(name) {
            tags.push((name, column, formatter(column, &options)?));
        } else if !name.starts_with(IS_MET) && !name.starts_with(IS_LEFT) {
            values.push((name, column, formatter(column, &options)?));
        }
    }
    let conditions = conditions(batch, rules)?;
    for row in 0..batch.num_rows() {
        let at = times.as_ref().and_then(|times| {
            let times = times.as_primitive::<TimestampNanosecondType>();
            times.is_valid(row).then(|| times.value(row))
        });
        let tags = tags.iter().filter(|(_, column, _)| column.is_valid(row));
        let tags = tags.map(|(name, _, shown)| ((*name).clone(), shown.value(row).to_string()));
        let mut kept = Map::new();
        let mut bytes = 0;
        for (name, column, shown) in &values {
            let value = value(column, shown, row);
            bytes += name.len() + value.to_string().len();
            if bytes <= VALUES_BYTES_MAX {
                kept.insert((*name).clone(), value);
            }
        }
        found.push(Row {
            // What comes from the future is of now.
            at: at.unwrap_or(window.stop).min(window.stop),
            tags: tags.collect(),
            values: kept,
            conditions: conditions.iter().map(|it| it.of_row(row)).collect(),
        });
    }
    Ok(())
}

fn formatter<'a>(column: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<ArrayFormatter<'a>> {
    let formatter = ArrayFormatter::try_new(column, options);
    formatter.map_err(|error| DataFusionError::from(error).into())
}

/// The columns of a condition.
struct ConditionColumns {
    level: Level,
    is_met: BooleanArray,
    is_left: Option<BooleanArray>,
}

impl ConditionColumns {
    fn of_row(&self, row: usize) -> Condition {
        Condition {
            level: self.level,
            is_met: self.is_met.value(row),
            is_left: self.is_left.as_ref().map(|is_left| is_left.value(row)),
        }
    }
}

fn conditions(batch: &RecordBatch, rules: &Rules) -> Result<Vec<ConditionColumns>> {
    let column = |prefix: &str, number: usize| {
        let name = format!("{prefix}{number}");
        let column = batch.column_by_name(&name);
        let column = column.and_then(|column| column.as_boolean_opt().cloned());
        column.ok_or_else(|| {
            let problem = format!("the query for conditions has no column '{name}'");
            Error::InvalidCheck { problem }
        })
    };
    let levels = rules.levels.iter().enumerate();
    levels
        .map(|(number, (level, has_until))| {
            Ok(ConditionColumns {
                level: *level,
                is_met: column(IS_MET, number)?,
                is_left: match has_until {
                    true => Some(column(IS_LEFT, number)?),
                    false => None,
                },
            })
        })
        .collect()
}

/// A value as JSON has it.
fn value(column: &ArrayRef, shown: &ArrayFormatter<'_>, row: usize) -> Value {
    if !column.is_valid(row) {
        return Value::Null;
    }
    let text = shown.value(row).to_string();
    match column.data_type() {
        DataType::Boolean => (text == "true").into(),
        kind if kind.is_integer() => text.parse::<i64>().map_or_else(
            |_| {
                text.parse::<u64>()
                    .map_or_else(|_| text.clone().into(), Value::from)
            },
            Value::from,
        ),
        kind if kind.is_floating() => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => number.into(),
            _ => text.into(),
        },
        _ => text.into(),
    }
}
