//! `POST /api/v2/delete?org=…&bucket=…`: deletes the rows of a span of time, of one table or of all,
//! whose tags have certain values.
//!
//! ```text
//! predicate := comparison { AND comparison }          empty: every row
//! comparison := name = value                          `_measurement` is the table
//! name, value := word | "text" | 'text'
//! ```
//!
//! Both ends of the span belong to it. A tag that a table does not have matches no row of it.

mod predicate;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use catalog::{ColumnKind, ColumnRef, Comparison, Predicate, Table, TableId, Value};
use chrono::DateTime;
use serde::Deserialize;

use super::ids;
use crate::auth::{Need, Principal};
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json};
use predicate::Condition;

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

/// What a condition asks of the rows of a table: nothing if it names the table itself, `None` if no row
/// of it can match.
fn condition_of(condition: &Condition, table: &Table) -> Option<Option<Predicate>> {
    if condition.name == "_measurement" {
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
