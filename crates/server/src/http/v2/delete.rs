//! `POST /api/v2/delete?org=…&bucket=…`: deletes the rows of a span of time, of one table or of all,
//! whose tags have certain values.
//!
//! ```text
//! predicate := comparison { AND comparison }          empty: every row
//! comparison := name = value                          `_measurement` is the table
//! name, value := word | "text" | 'text'
//! ```
//!
//! Both ends of the span belong to it. A tag that a table does not have matches no row of it. A predicate
//! about a field is refused: acknowledged, it would look like a delete and be none.

mod predicate;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use catalog::{ColumnKind, ColumnRef, Comparison, Database, Predicate, Table, TableId, Value};
use chrono::DateTime;
use serde::Deserialize;

use super::ids;
use crate::auth::{Need, Principal};
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json};
use predicate::Condition;

/// What a predicate calls the table.
const MEASUREMENT: &str = "_measurement";

/// What rows have besides tags, in the words of clients that know rows from their queries.
const NO_TAGS: [&str; 4] = ["_field", "_value", "_time", "time"];

#[derive(Debug, Deserialize)]
struct Delete {
    start: String,
    stop: String,
    #[serde(default)]
    predicate: String,
}

pub(super) async fn answer(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let (parts, body) = request.into_parts();
    let mut parameters = Parameters::of(&parts.uri)?;
    let by_name = parameters.take_some("bucket");
    let bucket = by_name.or_else(|| parameters.take_some("bucketID"));
    let services = app.server.services()?;
    let state = services.catalog.state();
    let bucket = ids::database_name(&state, &bucket.ok_or(Error::BucketMissing)?);
    let principal = Principal::of(&parts.extensions)?;
    principal.require_some(Need::delete(&bucket))?;
    let delete: Delete = json::read(&app, &parts.headers, body).await?;
    let range = instant("start", &delete.start)?..=instant("stop", &delete.stop)?;
    let conditions = predicate::parse(&delete.predicate).ok_or(Error::DeletePredicate)?;

    let database = state
        .database(&bucket)
        .ok_or_else(|| Error::DatabaseNotFound {
            name: bucket.clone(),
        })?;
    let rights = principal.rights();
    let seen = database.with_tables(|table| rights.see_table(&bucket, &table.name));
    check_conditions(&conditions, &seen)?;
    let in_range = Predicate::time_between(range);
    let target = |table: &Table| -> Option<(TableId, Predicate)> {
        let mut all = vec![in_range.clone()];
        for condition in &conditions {
            all.extend(condition_of(condition, table)?);
        }
        Some((table.id, Predicate::And(all)))
    };
    let mut targets = Vec::new();
    for table in database.tables() {
        if let Some(target) = target(table) {
            principal.require(Need::delete(&bucket).of_table(&table.name))?;
            targets.push(target);
        }
    }
    if !targets.is_empty() {
        services.storage.delete_rows(targets).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Fails if a condition is about a field of the tables that are meant, and about a tag of none.
fn check_conditions(conditions: &[Condition], database: &Database) -> Result<()> {
    let (of_table, of_rows): (Vec<_>, Vec<_>) = conditions
        .iter()
        .partition(|condition| condition.name == MEASUREMENT);
    let is_meant = |table: &Table| of_table.iter().all(|named| *named.value == *table.name);
    let tables = database.with_tables(is_meant);
    match of_rows
        .iter()
        .find(|of_row| is_about_field(of_row, &tables))
    {
        Some(Condition { name, .. }) => Err(Error::DeleteByField { name: name.clone() }),
        None => Ok(()),
    }
}

fn is_about_field(condition: &Condition, database: &Database) -> bool {
    let columns = database
        .tables()
        .filter_map(|table| table.column(&condition.name));
    let are_tags: Vec<bool> = columns
        .map(|column| column.kind == ColumnKind::Tag)
        .collect();
    let is_known = !are_tags.is_empty() || NO_TAGS.contains(&condition.name.as_str());
    is_known && !are_tags.contains(&true)
}

/// What a condition asks of the rows of a table: nothing if it names the table itself, `None` if no row
/// of it can match.
fn condition_of(condition: &Condition, table: &Table) -> Option<Option<Predicate>> {
    if condition.name == MEASUREMENT {
        return (*condition.value == *table.name).then_some(None);
    }
    let column = table.column(&condition.name)?;
    let is_tag = column.kind == ColumnKind::Tag;
    is_tag.then(|| {
        Some(Predicate::Compare {
            column: ColumnRef::Column(column.id),
            comparison: Comparison::Equal,
            value: Value::Text(condition.value.clone()),
        })
    })
}

fn instant(field: &'static str, text: &str) -> Result<i64> {
    let parsed = DateTime::parse_from_rfc3339(text).ok();
    let Some(instant) = parsed else {
        return Err(Error::DeleteTime { field });
    };
    // Times that do not fit in nanoseconds lie before or after every row.
    Ok(instant
        .timestamp_nanos_opt()
        .unwrap_or(match instant.timestamp() < 0 {
            true => i64::MIN,
            false => i64::MAX,
        }))
}
