//! Records through the operations of the catalog, and what rights allow.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use uuid::Uuid;

use super::*;
use crate::{Catalog, DatabaseName, ErrorKind, Limits, Retention, TableId, inspect};

type Store = Arc<dyn ObjectStore>;

async fn open(store: &Store) -> Catalog {
    let catalog = Catalog::open(Arc::clone(store), Limits::default()).await;
    let catalog = catalog.unwrap();
    catalog.open_for_writing(Uuid::nil(), 7).await.unwrap();
    catalog
}

fn store() -> Store {
    Arc::new(InMemory::new())
}

fn user(id: RecordId, name: &str) -> User {
    User {
        id,
        name: name.to_owned(),
        is_active: true,
        password: Some("$argon2id$…".to_owned()),
        created_at_nanos: 1,
        updated_at_nanos: 2,
    }
}

fn organization(id: RecordId, name: &str) -> Organization {
    Organization {
        name: name.to_owned(),
        description: "of tests".to_owned(),
        ..Organization::first(id, 3)
    }
}

fn label(id: RecordId, organization: RecordId, name: &str) -> Label {
    Label {
        id,
        organization,
        name: name.to_owned(),
        properties: [("color".to_owned(), "ffb3b3".to_owned())].into(),
    }
}

fn token(id: RecordId, name: &str) -> Token {
    let right = Right {
        action: Action::Read,
        database: "plant*".parse().unwrap(),
        tables: vec!["motor".parse().unwrap()],
    };
    let secret = [u8::try_from(id.0 % 251).unwrap(); 32];
    Token::new(id, name, secret, vec![right].into(), 4)
}

fn mapping(id: RecordId, organization: RecordId, policy: &str, target: u32) -> DatabaseMapping {
    DatabaseMapping {
        id,
        organization,
        target: DatabaseId(target),
        database: "telegraf".to_owned(),
        retention_policy: policy.to_owned(),
        is_default: true,
    }
}

fn notes(id: RecordId, organization: RecordId, database: u32) -> BucketNotes {
    BucketNotes {
        id,
        database: DatabaseId(database),
        organization,
        description: "vibration".to_owned(),
        labels: Vec::new(),
        members: Vec::new(),
        created_at_nanos: 5,
        updated_at_nanos: 6,
    }
}

fn task(id: RecordId, database: u32, name: &str) -> Task {
    Task {
        id,
        database: DatabaseId(database),
        name: name.to_owned(),
        description: "of tests".to_owned(),
        trigger: TaskTrigger::Cron {
            pattern: "0 6 * * *".to_owned(),
            zone: Some("Europe/Zurich".to_owned()),
            offset: Some("5s".to_owned()),
        },
        options: TaskOptions {
            timeout_nanos: Some(1),
            ..TaskOptions::default()
        },
        statement: "DELETE FROM motor WHERE true".to_owned(),
        status: TaskStatus::Disabled {
            reason: "it failed".to_owned(),
        },
        owner: Some(RecordId(3)),
        owner_name: "ada".to_owned(),
        created_at_nanos: 8,
        updated_at_nanos: 9,
    }
}

fn rollup(id: RecordId, database: u32, name: &str) -> Rollup {
    Rollup {
        id,
        database: DatabaseId(database),
        name: name.to_owned(),
        source: TableId(1),
        target: TableId(2),
        every_nanos: 60_000_000_000,
        by: Some(vec!["asset".to_owned()]),
        fields: vec![RollupField {
            field: "v".to_owned(),
            functions: RollupFunction::ALL.to_vec(),
        }],
        lag_nanos: 5,
        since_nanos: -7,
        is_paused: true,
        touched: vec![TouchedRange {
            id: 3,
            times: -5..10,
        }],
        last_touched: 4,
        owner: Some(RecordId(3)),
        owner_name: "ada".to_owned(),
        created_at_nanos: 8,
        updated_at_nanos: 9,
    }
}

fn check_of(id: RecordId, database: u32) -> Check {
    Check {
        task: task(id, database, "hot"),
        levels: vec![CheckLevel {
            level: "crit".to_owned(),
            when: "temp > 90".to_owned(),
            until: Some("temp < 85".to_owned()),
        }],
        series: vec!["asset".to_owned()],
        worse_for_nanos: 1,
        better_for_nanos: 2,
        silence: Some(CheckSilence {
            after_nanos: 3,
            level: "warn".to_owned(),
        }),
        forget_after_nanos: Some(4),
        message: "{{ asset }}".to_owned(),
        v2: Some("{}".to_owned()),
    }
}

fn endpoint(id: RecordId, database: u32) -> Endpoint {
    Endpoint {
        id,
        database: DatabaseId(database),
        name: "pager".to_owned(),
        description: "of tests".to_owned(),
        kind: "webhook".to_owned(),
        target: "https://example.org".to_owned(),
        options: vec!["url".to_owned()],
        sealed: "00ff".to_owned(),
        is_active: true,
        owner: Some(RecordId(3)),
        owner_name: "ada".to_owned(),
        v2: Some("{}".to_owned()),
        created_at_nanos: 10,
        updated_at_nanos: 11,
    }
}

fn condition() -> TagCondition {
    TagCondition {
        tag: "asset".to_owned(),
        operator: "!~".to_owned(),
        value: "^m".to_owned(),
    }
}

fn rule(id: RecordId, database: u32, endpoint: RecordId) -> NotificationRule {
    NotificationRule {
        id,
        database: DatabaseId(database),
        name: "page".to_owned(),
        description: "of tests".to_owned(),
        endpoint,
        checks: vec!["hot".to_owned()],
        levels: vec!["crit".to_owned()],
        tells_resolved: true,
        tags: vec![condition()],
        group_by: Some(vec!["line".to_owned()]),
        every_nanos: Some(5),
        repeat_nanos: Some(6),
        message: Some("{{ message }}".to_owned()),
        is_active: true,
        owner: Some(RecordId(3)),
        owner_name: "ada".to_owned(),
        v2: Some("{}".to_owned()),
        created_at_nanos: 12,
        updated_at_nanos: 13,
    }
}

fn silence(id: RecordId, database: u32) -> Silence {
    Silence {
        id,
        database: DatabaseId(database),
        check: Some("hot".to_owned()),
        tags: vec![condition()],
        until_nanos: 99,
        comment: "maintenance".to_owned(),
        owner_name: "ada".to_owned(),
        created_at_nanos: 14,
    }
}

/// One of everything, each referring to whatever it can.
async fn populate(catalog: &Catalog) {
    let name = DatabaseName::new("plant").unwrap();
    let plant = catalog.create_database(&name, Retention::Forever).await;
    let plant = plant.unwrap().0;
    catalog
        .administer(|edits| {
            let ada = edits.create(|id| user(id, "ada"))?.id;
            let works = edits.create(|id| organization(id, "works"))?.id;
            let role = Role::Owner;
            edits.change(works, |works: &mut Organization| {
                works.members.push(Member { user: ada, role });
                Ok(())
            })?;
            let red = edits.create(|id| label(id, works, "red"))?.id;
            edits.create(|id| Token {
                organization: Some(works),
                user: Some(ada),
                permissions: Some("[]".to_owned()),
                expires_at_nanos: Some(99),
                ..token(id, "reader")
            })?;
            edits.create(|id| mapping(id, works, "autogen", plant))?;
            edits.create(|id| BucketNotes {
                labels: vec![red],
                members: vec![Member { user: ada, role }],
                ..notes(id, works, plant)
            })?;
            edits.create(|id| task(id, plant, "hourly"))?;
            for (name, trigger) in [
                (
                    "every",
                    TaskTrigger::Every {
                        length: "1h".to_owned(),
                        offset: None,
                    },
                ),
                (
                    "on write",
                    TaskTrigger::Write {
                        table: "motor".to_owned(),
                        after: 77,
                    },
                ),
            ] {
                let status = TaskStatus::Active;
                let owner = None;
                edits.create(|id| Task {
                    trigger,
                    status,
                    owner,
                    ..task(id, plant, name)
                })?;
            }
            edits.create(|id| rollup(id, plant, "minutes"))?;
            edits.create(|id| check_of(id, plant))?;
            let pager = edits.create(|id| endpoint(id, plant))?.id;
            edits.create(|id| rule(id, plant, pager))?;
            edits.create(|id| silence(id, plant))?;
            Ok(())
        })
        .await
        .unwrap();
}

/// The kinds and names of all records.
fn listed(records: &Records) -> Vec<String> {
    let line = |record: &Record| {
        let (kind, _, name) = record.key();
        format!("{} {name}", kind.noun())
    };
    records.iter().map(line).collect()
}

#[tokio::test]
async fn a_store_has_an_organization_from_the_start_and_keeps_it() {
    let store = store();
    let first = open(&store).await.state();
    let organization = first.default_organization().unwrap();
    assert_eq!(
        (&*organization.name, organization.created_at_nanos),
        ("default", 7)
    );
    let again = open(&store).await;
    assert_eq!(again.state().records(), first.records());
    let refused = again.remove_record::<Organization>(organization.id).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn records_survive_commits_and_checkpoints() {
    let store = store();
    let catalog = open(&store).await;
    populate(&catalog).await;
    let written = catalog.state();
    assert_eq!(written.records().len(), 15);
    let read = Catalog::open(Arc::clone(&store), Limits::default())
        .await
        .unwrap();
    assert_eq!(read.state().records(), written.records(), "from commits");

    let bytes = inspect::encode_state(&written);
    let kept = inspect::decode_state(&bytes, written.number(), "kept").unwrap();
    assert_eq!(kept.records(), written.records(), "from a checkpoint");
}

#[tokio::test]
async fn ids_are_never_given_again() {
    let store = store();
    let catalog = open(&store).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let id = catalog
            .create_record(|id| user(id, "ada"))
            .await
            .unwrap()
            .id;
        assert!(!seen.contains(&id));
        seen.push(id);
        catalog.remove_record::<User>(id).await.unwrap();
        let state = catalog.state();
        let bytes = inspect::encode_state(&state);
        let kept = inspect::decode_state(&bytes, state.number(), "kept").unwrap();
        assert_eq!(kept.records().next_id(), state.records().next_id());
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let store = store();
    let catalog = open(&store).await;
    populate(&catalog).await;
    let before = catalog.state();
    let works = before.organization_named("works").unwrap().id;
    let nobody = RecordId(4711);
    let check = async |result: Result<()>, expected: &str| {
        assert_eq!(result.unwrap_err().reason(), expected);
        assert_eq!(catalog.state().number(), before.number(), "{expected}");
    };
    macro_rules! refused {
        ($make:expr, $reason:literal) => {
            check(catalog.create_record($make).await.map(drop), $reason).await
        };
    }
    refused!(|id| user(id, "ada"), "user_exists");
    refused!(|id| user(id, ""), "invalid_name");
    refused!(|id| user(id, &"x".repeat(256)), "invalid_name");
    refused!(|id| user(id, "a\u{202e}b"), "invalid_name");
    refused!(|id| organization(id, "works"), "organization_exists");
    refused!(|id| label(id, works, "red"), "label_exists");
    refused!(|id| label(id, nobody, "red"), "organization_not_found");
    refused!(|id| token(id, "reader"), "token_exists");
    refused!(
        |id| Token {
            user: Some(nobody),
            ..token(id, "x")
        },
        "user_not_found"
    );
    refused!(
        |id| Token {
            secrets: vec![],
            ..token(id, "x")
        },
        "invalid_record"
    );
    let taken = before.token_named("reader").unwrap().secrets.clone();
    refused!(
        |id| Token {
            secrets: taken.clone(),
            ..token(id, "x")
        },
        "invalid_record"
    );
    refused!(|id| mapping(id, works, "autogen", 1), "mapping_exists");
    refused!(|id| mapping(id, works, "weekly", 9), "database_not_found");
    refused!(|id| mapping(id, works, "a/b", 1), "invalid_database_name");
    refused!(|id| notes(id, works, 1), "bucket_exists");
    refused!(|id| notes(id, works, 9), "database_not_found");
    refused!(|id| task(id, 1, "hourly"), "task_exists");
    refused!(|id| task(id, 9, "hourly"), "database_not_found");
    refused!(|id| task(id, 1, ""), "invalid_name");
    refused!(|id| check_of(id, 1), "check_exists");
    refused!(|id| check_of(id, 9), "database_not_found");
    refused!(|id| endpoint(id, 1), "endpoint_exists");
    let pager = before.endpoints().next().unwrap().id;
    refused!(|id| rule(id, 1, pager), "notification_rule_exists");
    refused!(|id| rule(id, 1, nobody), "endpoint_not_found");
    refused!(|id| silence(id, 9), "database_not_found");
    let change = catalog.change_record(nobody, |_: &mut User| Ok(())).await;
    check(change.map(drop), "user_not_found").await;
    // An id of another kind is none.
    let change = catalog.change_record(works, |_: &mut User| Ok(())).await;
    check(change.map(drop), "user_not_found").await;
    check(
        catalog.remove_record::<Label>(nobody).await,
        "label_not_found",
    )
    .await;
    check(
        catalog.remove_record::<Organization>(works).await,
        "invalid_record",
    )
    .await;
    let rename = |user: &mut User| {
        user.name = "ada\n".to_owned();
        Ok(())
    };
    let ada = before.user_named("ada").unwrap().id;
    check(
        catalog.change_record(ada, rename).await.map(drop),
        "invalid_name",
    )
    .await;
    // The first of two changes is undone with the second.
    let both = catalog.administer(|edits| {
        edits.create(|id| user(id, "bob"))?;
        edits.create(|id| user(id, "bob")).map(drop)
    });
    check(both.await, "user_exists").await;
}

#[tokio::test]
async fn a_limit_of_records_is_kept() {
    let limits = Limits {
        records: 3,
        ..Limits::default()
    };
    let catalog = Catalog::open(store(), limits).await.unwrap();
    for name in ["a", "b", "c"] {
        catalog.create_record(|id| user(id, name)).await.unwrap();
    }
    let full = catalog.create_record(|id| user(id, "d")).await.unwrap_err();
    assert_eq!(full.reason(), "record_limit");
}

#[tokio::test]
async fn what_belongs_to_a_record_goes_with_it() {
    let check = async |name: &str, expected: &[&str]| {
        let store = store();
        let catalog = open(&store).await;
        populate(&catalog).await;
        let state = catalog.state();
        match name {
            "ada" => {
                let id = state.user_named("ada").unwrap().id;
                catalog.remove_record::<User>(id).await.unwrap();
                let state = catalog.state();
                assert!(
                    state
                        .organization_named("works")
                        .unwrap()
                        .members
                        .is_empty()
                );
                assert!(
                    state
                        .bucket_notes(DatabaseId(1))
                        .unwrap()
                        .members
                        .is_empty()
                );
            }
            "red" => {
                let id = state.labels().next().unwrap().id;
                catalog.remove_record::<Label>(id).await.unwrap();
                let state = catalog.state();
                assert!(state.bucket_notes(DatabaseId(1)).unwrap().labels.is_empty());
            }
            "pager" => {
                let id = state.endpoints().next().unwrap().id;
                catalog.remove_record::<Endpoint>(id).await.unwrap();
            }
            "plant" => catalog.purge_database("plant").await.unwrap(),
            "works" => {
                catalog.purge_database("plant").await.unwrap();
                let id = state.organization_named("works").unwrap().id;
                catalog.remove_record::<Organization>(id).await.unwrap();
            }
            other => panic!("{other}"),
        }
        assert_eq!(
            listed(catalog.state().records()),
            expected,
            "without {name}"
        );
        // The log says the same.
        let checked = inspect::check(&store).await.unwrap();
        assert_eq!(checked.damages, []);
        assert_eq!(checked.state.unwrap().records(), catalog.state().records());
    };
    let (first, ada, works) = ("organization default", "user ada", "organization works");
    let (red, reader) = ("label red", "token reader");
    let (mapping, notes) = ("database mapping telegraf/autogen", "bucket ");
    let (hourly, every, on_write) = ("task hourly", "task every", "task on write");
    let (hot, pager, page) = ("check hot", "endpoint pager", "notification rule page");
    let silence = "silence 000000000000000f";
    let tasks = [hourly, every, on_write, "rollup minutes"];
    let checks = [hot, pager, page, silence];
    let without_ada = [
        &[first, works, red, mapping, notes][..],
        &tasks[..],
        &checks[..],
    ];
    check("ada", &without_ada.concat()).await;
    let others = [first, ada, works, reader, mapping, notes];
    check("red", &[&others[..], &tasks[..], &checks[..]].concat()).await;
    let others = [first, ada, works, red, reader, mapping, notes];
    check(
        "pager",
        &[&others[..], &tasks[..], &[hot, silence]].concat(),
    )
    .await;
    check("plant", &[first, ada, works, red, reader]).await;
    check("works", &[first, ada]).await;
}

#[tokio::test]
async fn one_mapping_of_a_database_is_its_default() {
    let catalog = open(&store()).await;
    populate(&catalog).await;
    let works = catalog.state().organization_named("works").unwrap().id;
    let weekly = catalog
        .create_record(|id| mapping(id, works, "weekly", 1))
        .await;
    let weekly = weekly.unwrap().id;
    let defaults = |catalog: &Catalog| -> Vec<String> {
        let state = catalog.state();
        let defaults = state.mappings().filter(|mapping| mapping.is_default);
        defaults
            .map(|mapping| mapping.retention_policy.clone())
            .collect()
    };
    assert_eq!(defaults(&catalog), ["weekly"]);
    let unset = |mapping: &mut DatabaseMapping| {
        mapping.is_default = false;
        Ok(())
    };
    catalog.change_record(weekly, unset).await.unwrap();
    assert!(defaults(&catalog).is_empty());
}

#[tokio::test]
async fn a_name_is_free_again_after_a_change_or_removal() {
    let catalog = open(&store()).await;
    let ada = catalog
        .create_record(|id| user(id, "ada"))
        .await
        .unwrap()
        .id;
    let rename = |user: &mut User| {
        user.name = "eve".to_owned();
        Ok(())
    };
    catalog.change_record(ada, rename).await.unwrap();
    let other = catalog
        .create_record(|id| user(id, "ada"))
        .await
        .unwrap()
        .id;
    assert_eq!(catalog.state().user_named("eve").unwrap().id, ada);
    catalog.remove_record::<User>(other).await.unwrap();
    assert!(catalog.state().user_named("ada").is_none());
}

#[tokio::test]
async fn a_new_secret_leaves_the_old_one_a_while() {
    let good = |token: &Token, now: i64| -> Vec<u8> {
        let good = token.secrets.iter().filter(|secret| secret.is_good(now));
        good.map(|secret| secret.sha256[0]).collect()
    };
    let mut token = Token::new(RecordId(1), "t", [1; 32], Rights::administrator(), 0);
    token.rotate([2; 32], 100, 10);
    assert_eq!((good(&token, 99), good(&token, 100)), (vec![1, 2], vec![2]));
    token.rotate([3; 32], 500, 20);
    assert_eq!(good(&token, 99), [1, 2, 3], "a later turn prolongs nothing");
    assert_eq!(good(&token, 100), [2, 3]);
    token.rotate([4; 32], 150, 150);
    assert_eq!(good(&token, 150), [4], "no grace is none");
    for secret in 5..20 {
        token.rotate([secret; 32], 1_000, 200);
    }
    assert_eq!(good(&token, 200), [16, 17, 18, 19]);
}

#[test]
fn ids_are_16_hexadecimal_digits() {
    assert_eq!(RecordId(0x2a).to_string(), "000000000000002a");
    assert_eq!("000000000000002a".parse(), Ok(RecordId(0x2a)));
    assert_eq!("ffffffffffffffff".parse(), Ok(RecordId(u64::MAX)));
    for bad in [
        "",
        "2a",
        "000000000000002A",
        "0000000000000000",
        "00000000000000002a",
        "+00000000000002a",
    ] {
        assert_eq!(bad.parse::<RecordId>(), Err(InvalidRecordId), "{bad}");
    }
}

#[test]
fn patterns_are_names_with_stars() {
    for (pattern, yes, no) in [
        (
            "plant",
            &["plant"][..],
            &["plan", "plants", "Plant", ""][..],
        ),
        ("*", &["", "plant", "a/b"], &[]),
        ("plant*", &["plant", "plant_7"], &["aplant", "plan"]),
        ("*_raw", &["a_raw", "_raw"], &["raw", "a_raw_b"]),
        (
            "a*b*c",
            &["abc", "a-b-c", "abbc", "abcbc"],
            &["acb", "ab", "bc", "abcd"],
        ),
        ("a*a", &["aa", "aba"], &["a", "ab"]),
        ("**", &["", "x"], &[]),
        ("ä*", &["äh"], &["ah"]),
    ] {
        let parsed: Pattern = pattern.parse().unwrap();
        for name in yes {
            assert!(parsed.matches(name), "{pattern} {name}");
        }
        for name in no {
            assert!(!parsed.matches(name), "{pattern} {name}");
        }
    }
    for bad in ["", "a\0", &"x".repeat(1025)] {
        assert_eq!(bad.parse::<Pattern>(), Err(InvalidPattern));
    }
}

/// Rights written as `read:plant, write:lab:motor|m*`.
fn rights(text: &str) -> Rights {
    let right = |text: &str| {
        let (action, what) = text.split_once(':').unwrap();
        let (database, tables) = what.split_once(':').unwrap_or((what, ""));
        let tables = tables.split('|').filter(|table| !table.is_empty());
        let actions = [Action::Read, Action::Write, Action::Admin];
        Right {
            action: actions.into_iter().find(|a| a.name() == action).unwrap(),
            database: database.parse().unwrap(),
            tables: tables.map(|table| table.parse().unwrap()).collect(),
        }
    };
    let rights: Vec<_> = text
        .split(", ")
        .filter(|t| !t.is_empty())
        .map(right)
        .collect();
    rights.into()
}

#[test]
fn rights_allow_what_they_say_and_no_more() {
    use Action::{Admin, Read, Write};
    for (text, action, database, table, expected) in [
        ("", Read, "plant", Some("motor"), false),
        ("read:plant", Read, "plant", Some("motor"), true),
        ("read:plant", Read, "plant", None, true),
        ("read:plant", Read, "lab", None, false),
        ("read:plant", Write, "plant", Some("motor"), false),
        ("write:plant", Read, "plant", Some("motor"), false),
        ("admin:plant", Read, "plant", Some("motor"), true),
        ("admin:plant", Write, "plant", None, true),
        ("admin:plant", Admin, "plant", None, true),
        ("admin:plant", Admin, "lab", None, false),
        ("read:plant:motor", Read, "plant", Some("motor"), true),
        ("read:plant:motor", Read, "plant", Some("pump"), false),
        ("read:plant:motor", Read, "plant", None, false),
        ("read:plant:*", Read, "plant", None, true),
        ("read:*, write:*", Read, "_tasks", Some("runs"), false),
        ("admin:_tasks", Read, "_tasks", Some("runs"), false),
        ("admin:*", Write, "_tasks", Some("runs"), true),
        ("read:plant:m*|p*", Read, "plant", Some("pump"), true),
        (
            "read:p*, write:plant:motor",
            Write,
            "plant",
            Some("motor"),
            true,
        ),
        (
            "read:p*, write:plant:motor",
            Write,
            "plant",
            Some("pump"),
            false,
        ),
    ] {
        let found = rights(text).allow(action, database, table);
        assert_eq!(found, expected, "{text} {action} {database} {table:?}");
    }
    for (text, is_administrator, sees_plant, reads_some) in [
        ("admin:*", true, true, true),
        ("admin:*:*", true, true, true),
        ("admin:*:motor", false, true, true),
        ("read:*, write:*", false, true, true),
        ("write:plant:motor", false, true, false),
        ("read:lab", false, false, false),
    ] {
        let rights = rights(text);
        assert_eq!(rights.are_administrator(), is_administrator, "{text}");
        assert_eq!(rights.see_database("plant"), sees_plant, "{text}");
        assert_eq!(rights.allow_some(Read, "plant"), reads_some, "{text}");
    }
    assert_eq!(Rights::administrator().to_string(), "admin");
    let text = "read:plant, write:lab:motor|m*";
    assert_eq!(rights(text).to_string(), text);
}

/// Puts a commit of format 2 into a store.
async fn put_commit_of_format_2(store: &Store, number: u64, body: &str) {
    let (writer, checksum) = (Uuid::nil(), crc32c::crc32c(body.as_bytes()));
    let object =
        format!(r#"{{"format":2,"number":{number},"writer":"{writer}","body_crc32c":{checksum}}}"#);
    let path = format!("manifest/{number:020}.json").as_str().into();
    let payload = object_store::PutPayload::from(format!("{object}\n{body}\n"));
    let put = object_store::ObjectStoreExt::put(&**store, &path, payload);
    put.await.unwrap();
}

#[tokio::test]
async fn tokens_of_earlier_formats_do_everything_for_ever() {
    let store = store();
    let cluster = Uuid::from_u128(7);
    let body = format!(r#"[{{"initialize_cluster":{{"cluster":"{cluster}"}}}}]"#);
    put_commit_of_format_2(&store, 1, &body).await;
    for (number, digit) in [(2, "1"), (3, "2")] {
        let sha256 = digit.repeat(64);
        let body = format!(r#"[{{"put_token":{{"name":"admin","sha256":"{sha256}"}}}}]"#);
        put_commit_of_format_2(&store, number, &body).await;
    }
    let catalog = open(&store).await;
    let state = catalog.state();
    let token = state.token_named("admin").unwrap();
    assert_eq!(token.secrets, [Secret::present([0x22; 32])]);
    assert!(token.rights.are_administrator() && token.is_live(i64::MAX));
    assert_eq!(state.default_organization().unwrap().id, RecordId(1));
    // It stays what it is when it is changed, and takes no id from others.
    let changed = catalog.put_admin_token("admin", [3; 32], 9).await.unwrap();
    assert_eq!(changed.id, token.id);
    let ada = catalog.create_record(|id| user(id, "ada")).await.unwrap();
    assert_eq!(ada.id, RecordId(2));
    let again = Catalog::open(Arc::clone(&store), Limits::default()).await;
    assert_eq!(again.unwrap().state().records(), catalog.state().records());
    assert_eq!(inspect::check(&store).await.unwrap().damages, []);
}

fn version(number: u32) -> ModelVersion {
    ModelVersion {
        number,
        kind: "ridge".to_owned(),
        features: vec!["a".to_owned(), "b".to_owned()],
        target: Some("y".to_owned()),
        group: Some("machine".to_owned()),
        options: vec![("alpha".to_owned(), "0.1".to_owned())],
        query: Some("SELECT a, b, y FROM t".to_owned()),
        rows: 1000,
        times: Some((-5, 99)),
        seed: Some(42),
        metrics: vec![("rmse".to_owned(), 0.1 + 0.2)],
        created_at_nanos: 7,
        created_by: Some("ada".to_owned()),
        blob: ModelBlob {
            database: DatabaseId(1),
            made_at_nanos: i64::from(number),
            size_bytes: 1 << 20,
            crc32c: 0xdead_beef,
        },
    }
}

fn model(id: RecordId, name: &str, numbers: &[u32]) -> Model {
    Model {
        id,
        database: DatabaseId(1),
        name: name.to_owned(),
        current: numbers[0],
        versions: numbers.iter().map(|n| Arc::new(version(*n))).collect(),
        last_version: *numbers.iter().max().unwrap(),
        created_at_nanos: 1,
        updated_at_nanos: 2,
    }
}

#[tokio::test]
async fn models_survive_commits_and_checkpoints_and_go_with_their_database() {
    let store = store();
    let catalog = open(&store).await;
    populate(&catalog).await;
    let made = catalog.create_record(|id| model(id, "wear", &[2, 3])).await;
    let made = made.unwrap();
    let state = catalog.state();
    assert_eq!(state.model(DatabaseId(1), "wear"), Some(&made));
    assert_eq!(state.model(DatabaseId(2), "wear"), None);
    let read = Catalog::open(Arc::clone(&store), Limits::default()).await;
    let read = read.unwrap().state();
    assert_eq!(read.records(), state.records(), "from commits");
    let bytes = inspect::encode_state(&state);
    let kept = inspect::decode_state(&bytes, state.number(), "kept").unwrap();
    assert_eq!(kept.records(), state.records(), "from a checkpoint");

    catalog.drop_database("plant", 1).await.unwrap();
    assert_eq!(catalog.state().models().count(), 1, "it can come back");
    catalog
        .undrop_database("plant", crate::Undrop::LAST)
        .await
        .unwrap();
    assert_eq!(catalog.state().model(DatabaseId(1), "wear"), Some(&made));
    catalog.purge_database("plant").await.unwrap();
    assert_eq!(catalog.state().models().count(), 0);
}

#[tokio::test]
async fn models_that_make_no_sense_are_refused() {
    let catalog = open(&store()).await;
    populate(&catalog).await;
    let create = |model: fn(RecordId) -> Model| catalog.create_record(model);
    create(|id| model(id, "wear", &[1])).await.unwrap();
    let refused = async |model: fn(RecordId) -> Model, expected: &str| {
        let error = create(model).await.unwrap_err();
        assert_eq!(error.reason(), expected, "{error}");
    };
    refused(|id| model(id, "wear", &[1]), "model_exists").await;
    refused(|id| model(id, "wear@1", &[1]), "invalid_record").await;
    refused(|id| model(id, "", &[1]), "invalid_name").await;
    refused(|id| model(id, "x", &[2, 1]), "invalid_record").await;
    refused(
        |id| Model {
            current: 9,
            ..model(id, "x", &[1])
        },
        "invalid_record",
    )
    .await;
    refused(
        |id| Model {
            last_version: 1,
            ..model(id, "x", &[1, 2])
        },
        "invalid_record",
    )
    .await;
    refused(
        |id| Model {
            database: DatabaseId(9),
            ..model(id, "x", &[1])
        },
        "database_not_found",
    )
    .await;
}

#[test]
fn a_model_keeps_its_newest_versions() {
    let mut kept = model(RecordId(1), "wear", &[1]);
    for _ in 0..MODEL_VERSIONS_MAX + 3 {
        kept.add_version(version, 9);
    }
    let last = 1 + 3 + MODEL_VERSIONS_MAX as u32;
    assert_eq!((kept.current, kept.last_version), (last, last));
    assert_eq!(kept.versions.len(), MODEL_VERSIONS_MAX);
    assert_eq!(kept.version(4), None);
    assert_eq!(
        kept.version(5).unwrap().blob.path(),
        "models/1/0000000000000005-deadbeef.model"
    );
    // One of them is used, and a number is never given again.
    kept.current = 5;
    kept.add_version(version, 10);
    assert_eq!((kept.current, kept.updated_at_nanos), (last + 1, 10));
}
