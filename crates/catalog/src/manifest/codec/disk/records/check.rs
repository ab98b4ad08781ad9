//! What checks, endpoints, notification rules and silences look like in JSON.

use serde::{Deserialize, Serialize};

use super::task::DiskTask;
use super::{DiskTimes, parse_record_id, times};
use crate::ids::DatabaseId;
use crate::records::{
    Check, CheckLevel, CheckSilence, Endpoint, NotificationRule, Silence, TagCondition, Task,
};

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskCheck {
    task: DiskTask,
    levels: Vec<DiskLevel>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    series: Vec<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    worse_for_nanos: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    better_for_nanos: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    silence: Option<DiskCheckSilence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forget_after_nanos: Option<u64>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    v2: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct DiskLevel {
    level: String,
    when: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct DiskCheckSilence {
    after_nanos: u64,
    level: String,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskEndpoint {
    id: String,
    database: u32,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    kind: String,
    target: String,
    options: Vec<String>,
    sealed: String,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    owner_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    v2: Option<String>,
    times: DiskTimes,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskRule {
    id: String,
    database: u32,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    endpoint: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checks: Vec<String>,
    levels: Vec<String>,
    tells_resolved: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<DiskTagCondition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_by: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    every_nanos: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_nanos: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    owner_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    v2: Option<String>,
    times: DiskTimes,
}

#[derive(Serialize, Deserialize)]
struct DiskTagCondition {
    tag: String,
    operator: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskSilence {
    id: String,
    database: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<DiskTagCondition>,
    until: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    comment: String,
    owner_name: String,
    created: i64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl From<&Check> for DiskCheck {
    fn from(record: &Check) -> Self {
        let level = |level: &CheckLevel| DiskLevel {
            level: level.level.clone(),
            when: level.when.clone(),
            until: level.until.clone(),
        };
        let silence = record.silence.as_ref();
        Self {
            task: (&record.task).into(),
            levels: record.levels.iter().map(level).collect(),
            series: record.series.clone(),
            worse_for_nanos: record.worse_for_nanos,
            better_for_nanos: record.better_for_nanos,
            silence: silence.map(|silence| DiskCheckSilence {
                after_nanos: silence.after_nanos,
                level: silence.level.clone(),
            }),
            forget_after_nanos: record.forget_after_nanos,
            message: record.message.clone(),
            v2: record.v2.clone(),
        }
    }
}

impl TryFrom<DiskCheck> for Check {
    type Error = String;

    fn try_from(record: DiskCheck) -> Result<Self, String> {
        let level = |level: DiskLevel| CheckLevel {
            level: level.level,
            when: level.when,
            until: level.until,
        };
        Ok(Self {
            task: Task::try_from(record.task)?,
            levels: record.levels.into_iter().map(level).collect(),
            series: record.series,
            worse_for_nanos: record.worse_for_nanos,
            better_for_nanos: record.better_for_nanos,
            silence: record.silence.map(|silence| CheckSilence {
                after_nanos: silence.after_nanos,
                level: silence.level,
            }),
            forget_after_nanos: record.forget_after_nanos,
            message: record.message,
            v2: record.v2,
        })
    }
}

impl From<&Endpoint> for DiskEndpoint {
    fn from(record: &Endpoint) -> Self {
        Self {
            id: record.id.to_string(),
            database: record.database.0,
            name: record.name.clone(),
            description: record.description.clone(),
            kind: record.kind.clone(),
            target: record.target.clone(),
            options: record.options.clone(),
            sealed: record.sealed.clone(),
            is_active: record.is_active,
            owner: record.owner.map(|id| id.to_string()),
            owner_name: record.owner_name.clone(),
            v2: record.v2.clone(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
        }
    }
}

impl TryFrom<DiskEndpoint> for Endpoint {
    type Error = String;

    fn try_from(record: DiskEndpoint) -> Result<Self, String> {
        Ok(Self {
            id: parse_record_id(&record.id)?,
            database: DatabaseId(record.database),
            name: record.name,
            description: record.description,
            kind: record.kind,
            target: record.target,
            options: record.options,
            sealed: record.sealed,
            is_active: record.is_active,
            owner: record.owner.as_deref().map(parse_record_id).transpose()?,
            owner_name: record.owner_name,
            v2: record.v2,
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
        })
    }
}

impl From<&TagCondition> for DiskTagCondition {
    fn from(condition: &TagCondition) -> Self {
        Self {
            tag: condition.tag.clone(),
            operator: condition.operator.clone(),
            value: condition.value.clone(),
        }
    }
}

impl From<DiskTagCondition> for TagCondition {
    fn from(condition: DiskTagCondition) -> Self {
        Self {
            tag: condition.tag,
            operator: condition.operator,
            value: condition.value,
        }
    }
}

impl From<&NotificationRule> for DiskRule {
    fn from(record: &NotificationRule) -> Self {
        Self {
            id: record.id.to_string(),
            database: record.database.0,
            name: record.name.clone(),
            description: record.description.clone(),
            endpoint: record.endpoint.to_string(),
            checks: record.checks.clone(),
            levels: record.levels.clone(),
            tells_resolved: record.tells_resolved,
            tags: record.tags.iter().map(DiskTagCondition::from).collect(),
            group_by: record.group_by.clone(),
            every_nanos: record.every_nanos,
            repeat_nanos: record.repeat_nanos,
            message: record.message.clone(),
            is_active: record.is_active,
            owner: record.owner.map(|id| id.to_string()),
            owner_name: record.owner_name.clone(),
            v2: record.v2.clone(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
        }
    }
}

impl TryFrom<DiskRule> for NotificationRule {
    type Error = String;

    fn try_from(record: DiskRule) -> Result<Self, String> {
        Ok(Self {
            id: parse_record_id(&record.id)?,
            database: DatabaseId(record.database),
            name: record.name,
            description: record.description,
            endpoint: parse_record_id(&record.endpoint)?,
            checks: record.checks,
            levels: record.levels,
            tells_resolved: record.tells_resolved,
            tags: record.tags.into_iter().map(TagCondition::from).collect(),
            group_by: record.group_by,
            every_nanos: record.every_nanos,
            repeat_nanos: record.repeat_nanos,
            message: record.message,
            is_active: record.is_active,
            owner: record.owner.as_deref().map(parse_record_id).transpose()?,
            owner_name: record.owner_name,
            v2: record.v2,
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
        })
    }
}

impl From<&Silence> for DiskSilence {
    fn from(record: &Silence) -> Self {
        Self {
            id: record.id.to_string(),
            database: record.database.0,
            check: record.check.clone(),
            tags: record.tags.iter().map(DiskTagCondition::from).collect(),
            until: record.until_nanos,
            comment: record.comment.clone(),
            owner_name: record.owner_name.clone(),
            created: record.created_at_nanos,
        }
    }
}

impl TryFrom<DiskSilence> for Silence {
    type Error = String;

    fn try_from(record: DiskSilence) -> Result<Self, String> {
        Ok(Self {
            id: parse_record_id(&record.id)?,
            database: DatabaseId(record.database),
            check: record.check,
            tags: record.tags.into_iter().map(TagCondition::from).collect(),
            until_nanos: record.until,
            comment: record.comment,
            owner_name: record.owner_name,
            created_at_nanos: record.created,
        })
    }
}
