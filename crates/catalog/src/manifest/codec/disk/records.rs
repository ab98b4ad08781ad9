//! What administered records look like in JSON. Ids are texts, as JSON's numbers lose the ends of long
//! ones in many programs.

mod check;
mod model;
mod rollup;
mod task;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(in crate::manifest::codec) use check::{DiskCheck, DiskEndpoint, DiskRule, DiskSilence};
pub(in crate::manifest::codec) use task::DiskTask;

use super::{hex, unhex};
use crate::ids::DatabaseId;
use crate::records::{
    Action, BucketNotes, Check, DatabaseMapping, Endpoint, Label, Member, Model, NotificationRule,
    Organization, Record, RecordId, Right, Rights, Role, Rollup, Secret, Silence, Task, Token,
    User,
};
use model::DiskModel;
use rollup::DiskRollup;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::manifest::codec) enum DiskRecord {
    Organization(DiskOrganization),
    User(DiskUser),
    Token(DiskToken),
    Label(DiskLabel),
    DatabaseMapping(DiskMapping),
    BucketNotes(DiskNotes),
    Model(DiskModel),
    Task(DiskTask),
    Rollup(DiskRollup),
    Check(DiskCheck),
    Endpoint(DiskEndpoint),
    NotificationRule(DiskRule),
    Silence(DiskSilence),
}

/// When a record was made and changed, nanoseconds since 1970.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub(in crate::manifest::codec) struct DiskTimes {
    created: i64,
    updated: i64,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskOrganization {
    id: String,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    times: DiskTimes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    members: Vec<DiskMember>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskMember {
    user: String,
    role: DiskRole,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(in crate::manifest::codec) enum DiskRole {
    Member,
    Owner,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskUser {
    id: String,
    name: String,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    times: DiskTimes,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskToken {
    id: String,
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    is_active: bool,
    secrets: Vec<DiskSecret>,
    rights: Vec<DiskRight>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<String>,
    times: DiskTimes,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskSecret {
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskRight {
    action: DiskAction,
    database: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tables: Vec<String>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(in crate::manifest::codec) enum DiskAction {
    Read,
    Write,
    Admin,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskLabel {
    id: String,
    organization: String,
    name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskMapping {
    id: String,
    organization: String,
    target: u32,
    database: String,
    retention_policy: String,
    is_default: bool,
}

#[derive(Serialize, Deserialize)]
pub(in crate::manifest::codec) struct DiskNotes {
    id: String,
    database: u32,
    organization: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    members: Vec<DiskMember>,
    times: DiskTimes,
}

impl From<&Record> for DiskRecord {
    fn from(record: &Record) -> Self {
        match record {
            Record::Organization(record) => Self::Organization((&**record).into()),
            Record::User(record) => Self::User((&**record).into()),
            Record::Token(record) => Self::Token((&**record).into()),
            Record::Label(record) => Self::Label((&**record).into()),
            Record::DatabaseMapping(record) => Self::DatabaseMapping((&**record).into()),
            Record::BucketNotes(record) => Self::BucketNotes((&**record).into()),
            Record::Model(record) => Self::Model((&**record).into()),
            Record::Task(record) => Self::Task((&**record).into()),
            Record::Rollup(record) => Self::Rollup((&**record).into()),
            Record::Check(record) => Self::Check((&**record).into()),
            Record::Endpoint(record) => Self::Endpoint((&**record).into()),
            Record::NotificationRule(record) => Self::NotificationRule((&**record).into()),
            Record::Silence(record) => Self::Silence((&**record).into()),
        }
    }
}

impl TryFrom<DiskRecord> for Record {
    type Error = String;

    fn try_from(record: DiskRecord) -> Result<Self, String> {
        Ok(match record {
            DiskRecord::Organization(record) => Organization::try_from(record)?.into(),
            DiskRecord::User(record) => User::try_from(record)?.into(),
            DiskRecord::Token(record) => Token::try_from(record)?.into(),
            DiskRecord::Label(record) => Label::try_from(record)?.into(),
            DiskRecord::DatabaseMapping(record) => DatabaseMapping::try_from(record)?.into(),
            DiskRecord::BucketNotes(record) => BucketNotes::try_from(record)?.into(),
            DiskRecord::Model(record) => Model::try_from(record)?.into(),
            DiskRecord::Task(record) => Task::try_from(record)?.into(),
            DiskRecord::Rollup(record) => Rollup::try_from(record)?.into(),
            DiskRecord::Check(record) => Check::try_from(record)?.into(),
            DiskRecord::Endpoint(record) => Endpoint::try_from(record)?.into(),
            DiskRecord::NotificationRule(record) => NotificationRule::try_from(record)?.into(),
            DiskRecord::Silence(record) => Silence::try_from(record)?.into(),
        })
    }
}

/// A token of a format that knew names and digests alone: it could do everything.
pub(super) fn token_of_name(name: &str, sha256: &str) -> Result<Record, String> {
    let (id, rights) = (RecordId::of_name(name), Rights::administrator());
    Ok(Token::new(id, name, digest(sha256)?, rights, 0).into())
}

impl From<&Organization> for DiskOrganization {
    fn from(record: &Organization) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name.clone(),
            description: record.description.clone(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
            members: record.members.iter().map(DiskMember::from).collect(),
        }
    }
}

impl TryFrom<DiskOrganization> for Organization {
    type Error = String;

    fn try_from(record: DiskOrganization) -> Result<Self, String> {
        Ok(Self {
            id: parse_record_id(&record.id)?,
            name: record.name,
            description: record.description,
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
            members: members(&record.members)?,
        })
    }
}

impl From<&Member> for DiskMember {
    fn from(member: &Member) -> Self {
        Self {
            user: member.user.to_string(),
            role: match member.role {
                Role::Member => DiskRole::Member,
                Role::Owner => DiskRole::Owner,
            },
        }
    }
}

fn members(members: &[DiskMember]) -> Result<Vec<Member>, String> {
    let member = |member: &DiskMember| {
        Ok(Member {
            user: parse_record_id(&member.user)?,
            role: match member.role {
                DiskRole::Member => Role::Member,
                DiskRole::Owner => Role::Owner,
            },
        })
    };
    members.iter().map(member).collect()
}

impl From<&User> for DiskUser {
    fn from(record: &User) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name.clone(),
            is_active: record.is_active,
            password: record.password.clone(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
        }
    }
}

impl TryFrom<DiskUser> for User {
    type Error = String;

    fn try_from(record: DiskUser) -> Result<Self, String> {
        Ok(Self {
            id: parse_record_id(&record.id)?,
            name: record.name,
            is_active: record.is_active,
            password: record.password,
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
        })
    }
}

impl From<&Token> for DiskToken {
    fn from(record: &Token) -> Self {
        let secret = |secret: &Secret| DiskSecret {
            sha256: hex(&secret.sha256),
            valid_until: secret.valid_until_nanos,
        };
        Self {
            id: record.id.to_string(),
            name: record.name.clone(),
            description: record.description.clone(),
            is_active: record.is_active,
            secrets: record.secrets.iter().map(secret).collect(),
            rights: record.rights.iter().map(DiskRight::from).collect(),
            organization: record.organization.map(|id| id.to_string()),
            user: record.user.map(|id| id.to_string()),
            permissions: record.permissions.clone(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
            expires: record.expires_at_nanos,
        }
    }
}

impl TryFrom<DiskToken> for Token {
    type Error = String;

    fn try_from(record: DiskToken) -> Result<Self, String> {
        let secret = |secret: &DiskSecret| {
            Ok::<_, String>(Secret {
                sha256: digest(&secret.sha256)?,
                valid_until_nanos: secret.valid_until,
            })
        };
        let reference = |id: Option<String>| id.as_deref().map(parse_record_id).transpose();
        let rights: Result<Vec<_>, _> = record.rights.iter().map(Right::try_from).collect();
        Ok(Self {
            id: parse_record_id(&record.id)?,
            name: record.name,
            description: record.description,
            is_active: record.is_active,
            secrets: record
                .secrets
                .iter()
                .map(secret)
                .collect::<Result<_, _>>()?,
            rights: rights?.into(),
            organization: reference(record.organization)?,
            user: reference(record.user)?,
            permissions: record.permissions,
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
            expires_at_nanos: record.expires,
        })
    }
}

impl From<&Right> for DiskRight {
    fn from(right: &Right) -> Self {
        Self {
            action: match right.action {
                Action::Read => DiskAction::Read,
                Action::Write => DiskAction::Write,
                Action::Admin => DiskAction::Admin,
            },
            database: right.database.to_string(),
            tables: right.tables.iter().map(|table| table.to_string()).collect(),
        }
    }
}

impl TryFrom<&DiskRight> for Right {
    type Error = String;

    fn try_from(right: &DiskRight) -> Result<Self, String> {
        let pattern = |text: &String| {
            let parsed = text.parse();
            parsed.map_err(|_| format!("'{text}' is no pattern of names"))
        };
        Ok(Self {
            action: match right.action {
                DiskAction::Read => Action::Read,
                DiskAction::Write => Action::Write,
                DiskAction::Admin => Action::Admin,
            },
            database: pattern(&right.database)?,
            tables: right.tables.iter().map(pattern).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Label> for DiskLabel {
    fn from(record: &Label) -> Self {
        Self {
            id: record.id.to_string(),
            organization: record.organization.to_string(),
            name: record.name.clone(),
            properties: record.properties.clone(),
        }
    }
}

impl TryFrom<DiskLabel> for Label {
    type Error = String;

    fn try_from(record: DiskLabel) -> Result<Self, String> {
        Ok(Self {
            id: parse_record_id(&record.id)?,
            organization: parse_record_id(&record.organization)?,
            name: record.name,
            properties: record.properties,
        })
    }
}

impl From<&DatabaseMapping> for DiskMapping {
    fn from(record: &DatabaseMapping) -> Self {
        Self {
            id: record.id.to_string(),
            organization: record.organization.to_string(),
            target: record.target.0,
            database: record.database.clone(),
            retention_policy: record.retention_policy.clone(),
            is_default: record.is_default,
        }
    }
}

impl TryFrom<DiskMapping> for DatabaseMapping {
    type Error = String;

    fn try_from(record: DiskMapping) -> Result<Self, String> {
        Ok(Self {
            id: parse_record_id(&record.id)?,
            organization: parse_record_id(&record.organization)?,
            target: DatabaseId(record.target),
            database: record.database,
            retention_policy: record.retention_policy,
            is_default: record.is_default,
        })
    }
}

impl From<&BucketNotes> for DiskNotes {
    fn from(record: &BucketNotes) -> Self {
        Self {
            id: record.id.to_string(),
            database: record.database.0,
            organization: record.organization.to_string(),
            description: record.description.clone(),
            labels: record.labels.iter().map(|id| id.to_string()).collect(),
            members: record.members.iter().map(DiskMember::from).collect(),
            times: times(record.created_at_nanos, record.updated_at_nanos),
        }
    }
}

impl TryFrom<DiskNotes> for BucketNotes {
    type Error = String;

    fn try_from(record: DiskNotes) -> Result<Self, String> {
        let labels = record.labels.iter();
        let labels: Result<_, _> = labels.map(|id| parse_record_id(id)).collect();
        Ok(Self {
            id: parse_record_id(&record.id)?,
            database: DatabaseId(record.database),
            organization: parse_record_id(&record.organization)?,
            description: record.description,
            labels: labels?,
            members: members(&record.members)?,
            created_at_nanos: record.times.created,
            updated_at_nanos: record.times.updated,
        })
    }
}

fn times(created: i64, updated: i64) -> DiskTimes {
    DiskTimes { created, updated }
}

pub(super) fn parse_record_id(text: &str) -> Result<RecordId, String> {
    text.parse().map_err(|_| format!("'{text}' is no id"))
}

fn digest(text: &str) -> Result<[u8; 32], String> {
    unhex(text).ok_or_else(|| "a token's digest is malformed".to_owned())
}
