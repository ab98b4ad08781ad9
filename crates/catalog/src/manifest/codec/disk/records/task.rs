//! What a task looks like in JSON.

use serde::{Deserialize, Serialize};

use super::{DiskTimes, parse_record_id, times};
use crate::ids::DatabaseId;
use crate::records::{Task, TaskOptions, TaskStatus, TaskTrigger};

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskTask {
    id: String,
    database: u32,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    trigger: DiskTrigger,
    options: DiskOptions,
    statement: String,
    status: DiskStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    owner_name: String,
    times: DiskTimes,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DiskTrigger {
    Every {
        length: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        offset: Option<String>,
    },
    Cron {
        pattern: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        offset: Option<String>,
    },
    Write {
        table: String,
        after: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct DiskOptions {
    catch_up: u32,
    skips_overlap: bool,
    retries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_nanos: Option<u64>,
    disable_after: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DiskStatus {
    Active,
    Paused,
    Disabled { reason: String },
}

impl From<&Task> for DiskTask {
    fn from(record: &Task) -> Self {
        let options = &record.options;
        Self {
            id: record.id.to_string(),
            database: record.database.0,
            name: record.name.clone(),
            description: record.description.clone(),
            trigger: (&record.trigger).into(),
            options: DiskOptions {
                catch_up: options.catch_up,
                skips_overlap: options.skips_overlap,
                retries: options.retries,
                timeout_nanos: options.timeout_nanos,
                disable_after: options.disable_after,
            },
            statement: record.statement.clone(),
            status: match &record.status {
                TaskStatus::Active => DiskStatus::Active,
                TaskStatus::Paused => DiskStatus::Paused,
                TaskStatus::Disabled { reason } => DiskStatus::Disabled {
                    reason: reason.clone(),
                },
            },
            owner: record.owner.map(|owner| owner.to_string()),
            owner_name: record.owner_name.clone(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
        }
    }
}

impl TryFrom<DiskTask> for Task {
    type Error = String;

    fn try_from(record: DiskTask) -> Result<Self, String> {
        let options = record.options;
        Ok(Self {
            id: parse_record_id(&record.id)?,
            database: DatabaseId(record.database),
            name: record.name,
            description: record.description,
            trigger: record.trigger.into(),
            options: TaskOptions {
                catch_up: options.catch_up,
                skips_overlap: options.skips_overlap,
                retries: options.retries,
                timeout_nanos: options.timeout_nanos,
                disable_after: options.disable_after,
            },
            statement: record.statement,
            status: match record.status {
                DiskStatus::Active => TaskStatus::Active,
                DiskStatus::Paused => TaskStatus::Paused,
                DiskStatus::Disabled { reason } => TaskStatus::Disabled { reason },
            },
            owner: record.owner.as_deref().map(parse_record_id).transpose()?,
            owner_name: record.owner_name,
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
        })
    }
}

impl From<&TaskTrigger> for DiskTrigger {
    fn from(trigger: &TaskTrigger) -> Self {
        match trigger.clone() {
            TaskTrigger::Every { length, offset } => Self::Every { length, offset },
            TaskTrigger::Cron {
                pattern,
                zone,
                offset,
            } => Self::Cron {
                pattern,
                zone,
                offset,
            },
            TaskTrigger::Write { table, after } => Self::Write { table, after },
        }
    }
}

impl From<DiskTrigger> for TaskTrigger {
    fn from(trigger: DiskTrigger) -> Self {
        match trigger {
            DiskTrigger::Every { length, offset } => Self::Every { length, offset },
            DiskTrigger::Cron {
                pattern,
                zone,
                offset,
            } => Self::Cron {
                pattern,
                zone,
                offset,
            },
            DiskTrigger::Write { table, after } => Self::Write { table, after },
        }
    }
}
