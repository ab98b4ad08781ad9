//! What models look like in JSON.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DiskTimes, parse_record_id, times};
use crate::ids::DatabaseId;
use crate::records::{Model, ModelBlob, ModelVersion};

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskModel {
    id: String,
    database: u32,
    name: String,
    current: u32,
    last_version: u32,
    versions: Vec<DiskVersion>,
    times: DiskTimes,
}

#[derive(Serialize, Deserialize)]
struct DiskVersion {
    number: u32,
    kind: String,
    features: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    options: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    rows: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<(i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<(String, f64)>,
    created: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    blob: DiskBlob,
}

#[derive(Serialize, Deserialize)]
struct DiskBlob {
    /// The database in its path.
    database: u32,
    made_at: i64,
    size_bytes: u64,
    crc32c: u32,
}

impl From<&Model> for DiskModel {
    fn from(record: &Model) -> Self {
        let versions = record.versions.iter();
        Self {
            id: record.id.to_string(),
            database: record.database.0,
            name: record.name.clone(),
            current: record.current,
            last_version: record.last_version,
            versions: versions.map(|version| (&**version).into()).collect(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
        }
    }
}

impl TryFrom<DiskModel> for Model {
    type Error = String;

    fn try_from(record: DiskModel) -> Result<Self, String> {
        let versions = record.versions.into_iter();
        let model = Self {
            id: parse_record_id(&record.id)?,
            database: DatabaseId(record.database),
            name: record.name,
            current: record.current,
            last_version: record.last_version,
            versions: versions.map(|version| Arc::new(version.into())).collect(),
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
        };
        match model.is_whole() {
            true => Ok(model),
            false => Err(format!(
                "the versions of model {} are not in order",
                model.id
            )),
        }
    }
}

impl From<&ModelVersion> for DiskVersion {
    fn from(version: &ModelVersion) -> Self {
        let version = version.clone();
        Self {
            number: version.number,
            kind: version.kind,
            features: version.features,
            target: version.target,
            group: version.group,
            options: version.options,
            query: version.query,
            rows: version.rows,
            times: version.times,
            seed: version.seed,
            metrics: version.metrics,
            created: version.created_at_nanos,
            created_by: version.created_by,
            blob: DiskBlob {
                database: version.blob.database.0,
                made_at: version.blob.made_at_nanos,
                size_bytes: version.blob.size_bytes,
                crc32c: version.blob.crc32c,
            },
        }
    }
}

impl From<DiskVersion> for ModelVersion {
    fn from(version: DiskVersion) -> Self {
        Self {
            number: version.number,
            kind: version.kind,
            features: version.features,
            target: version.target,
            group: version.group,
            options: version.options,
            query: version.query,
            rows: version.rows,
            times: version.times,
            seed: version.seed,
            metrics: version.metrics,
            created_at_nanos: version.created,
            created_by: version.created_by,
            blob: ModelBlob {
                database: DatabaseId(version.blob.database),
                made_at_nanos: version.blob.made_at,
                size_bytes: version.blob.size_bytes,
                crc32c: version.blob.crc32c,
            },
        }
    }
}
