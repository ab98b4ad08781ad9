//! What a rollup looks like in JSON. Format 4 has it.

use serde::{Deserialize, Serialize};

use super::{DiskTimes, parse_record_id, times};
use crate::ids::{DatabaseId, TableId};
use crate::records::{Rollup, RollupField, RollupFunction, TouchedRange};

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskRollup {
    id: String,
    database: u32,
    name: String,
    source: u32,
    target: u32,
    every_nanos: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<DiskField>,
    lag_nanos: i64,
    since_nanos: i64,
    #[serde(default)]
    is_paused: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    touched: Vec<DiskTouched>,
    #[serde(default)]
    last_touched: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    owner_name: String,
    times: DiskTimes,
}

#[derive(Serialize, Deserialize)]
struct DiskField {
    field: String,
    functions: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct DiskTouched {
    id: u64,
    start: i64,
    end: i64,
}

impl From<&Rollup> for DiskRollup {
    fn from(record: &Rollup) -> Self {
        let field = |field: &RollupField| DiskField {
            field: field.field.clone(),
            functions: field
                .functions
                .iter()
                .map(|it| it.name().to_owned())
                .collect(),
        };
        let touched = |range: &TouchedRange| DiskTouched {
            id: range.id,
            start: range.times.start,
            end: range.times.end,
        };
        Self {
            id: record.id.to_string(),
            database: record.database.0,
            name: record.name.clone(),
            source: record.source.0,
            target: record.target.0,
            every_nanos: record.every_nanos,
            by: record.by.clone(),
            fields: record.fields.iter().map(field).collect(),
            lag_nanos: record.lag_nanos,
            since_nanos: record.since_nanos,
            is_paused: record.is_paused,
            touched: record.touched.iter().map(touched).collect(),
            last_touched: record.last_touched,
            owner: record.owner.map(|owner| owner.to_string()),
            owner_name: record.owner_name.clone(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
        }
    }
}

impl TryFrom<DiskRollup> for Rollup {
    type Error = String;

    fn try_from(record: DiskRollup) -> Result<Self, String> {
        let touched = |range: DiskTouched| TouchedRange {
            id: range.id,
            times: range.start..range.end,
        };
        let fields: Result<Vec<_>, String> = record.fields.into_iter().map(field).collect();
        Ok(Self {
            id: parse_record_id(&record.id)?,
            database: DatabaseId(record.database),
            name: record.name,
            source: TableId(record.source),
            target: TableId(record.target),
            every_nanos: record.every_nanos,
            by: record.by,
            fields: fields?,
            lag_nanos: record.lag_nanos,
            since_nanos: record.since_nanos,
            is_paused: record.is_paused,
            touched: record.touched.into_iter().map(touched).collect(),
            last_touched: record.last_touched,
            owner: record.owner.as_deref().map(parse_record_id).transpose()?,
            owner_name: record.owner_name,
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
        })
    }
}

fn field(field: DiskField) -> Result<RollupField, String> {
    let function = |name: &String| {
        RollupFunction::of_name(name).ok_or_else(|| format!("a rollup keeps '{name}' of a field"))
    };
    let functions: Result<Vec<_>, String> = field.functions.iter().map(function).collect();
    Ok(RollupField {
        field: field.field,
        functions: functions?,
    })
}
