//! The layers over a made-up struct with every kind of field.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::*;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Engine {
    name: String,
    wal: Wal,
    wal_archive: Archive,
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Wal {
    recovery: Recovery,
    segment: ByteSize,
    #[serde(with = "humantime_serde")]
    flush_after: Duration,
    depth: u32,
    ratio: f64,
    sync: bool,
    limit: Option<u64>,
    path: Option<PathBuf>,
    hosts: Vec<String>,
    ports: Vec<u16>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Archive {
    s3: S3,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct S3 {
    access_key: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Recovery {
    #[default]
    Strict,
    Salvage,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            name: "tidemill".to_owned(),
            wal: Wal::default(),
            wal_archive: Archive::default(),
            labels: BTreeMap::new(),
        }
    }
}

impl Default for Wal {
    fn default() -> Self {
        Self {
            recovery: Recovery::Strict,
            segment: ByteSize::mib(64),
            flush_after: Duration::from_secs(600),
            depth: 8,
            ratio: 0.5,
            sync: true,
            limit: None,
            path: None,
            hosts: vec!["a".to_owned()],
            ports: vec![],
        }
    }
}

fn read(file: Option<&str>, variables: &[(&str, &str)], flags: &[(&str, Value)]) -> Result<Engine> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    layered(
        file.map(|_| path.as_path()),
        variables.iter().map(owned),
        flags
            .iter()
            .map(|(path, value)| ((*path).to_owned(), value.clone()))
            .collect(),
    )
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn settings_are_listed_by_their_paths() {
    let listed = listed(&Engine::default()).unwrap();
    let value = |wanted: &str| {
        let found = listed.iter().find(|(path, _)| path == wanted);
        found.map(|(_, value)| value.as_deref())
    };
    for (path, expected) in [
        ("name", Some(Some("tidemill"))),
        ("wal.recovery", Some(Some("strict"))),
        ("wal.depth", Some(Some("8"))),
        ("wal.flush_after", Some(Some("10m"))),
        ("wal.hosts", Some(Some("[\"a\"]"))),
        ("wal.limit", Some(None)),
        ("wal_archive.s3.access_key", Some(Some(""))),
        ("wal", None),
    ] {
        assert_eq!(value(path), expected, "{path}");
    }
}

#[test]
fn defaults_stand_where_nothing_is_said() {
    assert_eq!(read(None, &[], &[]).unwrap(), Engine::default());
    assert_eq!(
        read(Some(""), &[("PATH", "/bin")], &[]).unwrap(),
        Engine::default()
    );
}

#[test]
fn later_layers_win() {
    let file = Some("[wal]\ndepth = 1\nratio = 1.0\nsync = false\n");
    let variables = &[("TIDEMILL_WAL_DEPTH", "2"), ("TIDEMILL_WAL_RATIO", "2")];
    let flags = &[("wal.depth", text("3")), ("wal.depth", text("4"))];
    let wal = read(file, variables, flags).unwrap().wal;
    assert_eq!((wal.depth, wal.ratio, wal.sync), (4, 2.0, false));
    assert_eq!(wal.segment, ByteSize::mib(64));
}

/// A value as text in a variable and after `--set`, and what must come of it.
#[test]
fn text_is_read_by_the_type_of_the_default() {
    let check = |path: &str, variable: &str, value: &str, change: fn(&mut Engine)| {
        let mut wanted = Engine::default();
        change(&mut wanted);
        assert_ne!(wanted, Engine::default(), "{path}: the case shows nothing");
        assert_eq!(
            read(None, &[(variable, value)], &[]).unwrap(),
            wanted,
            "{variable}={value}"
        );
        assert_eq!(
            read(None, &[], &[(path, text(value))]).unwrap(),
            wanted,
            "{path}={value}"
        );
    };
    check("name", "TIDEMILL_NAME", "42", |e| e.name = "42".to_owned());
    check("name", "TIDEMILL_NAME", "true", |e| {
        e.name = "true".to_owned()
    });
    check("name", "TIDEMILL_NAME", "a = \"b\" # c", |e| {
        e.name = "a = \"b\" # c".to_owned()
    });
    check("wal.depth", "TIDEMILL_WAL_DEPTH", "1_000", |e| {
        e.wal.depth = 1000
    });
    check("wal.depth", "TIDEMILL_WAL_DEPTH", " 9 ", |e| {
        e.wal.depth = 9
    });
    check("wal.ratio", "TIDEMILL_WAL_RATIO", "1", |e| {
        e.wal.ratio = 1.0
    });
    check("wal.ratio", "TIDEMILL_WAL_RATIO", "1e-3", |e| {
        e.wal.ratio = 0.001
    });
    check("wal.ratio", "TIDEMILL_WAL_RATIO", ".25", |e| {
        e.wal.ratio = 0.25
    });
    check("wal.sync", "TIDEMILL_WAL_SYNC", "false", |e| {
        e.wal.sync = false
    });
    check("wal.recovery", "TIDEMILL_WAL_RECOVERY", "salvage", |e| {
        e.wal.recovery = Recovery::Salvage
    });
    check("wal.segment", "TIDEMILL_WAL_SEGMENT", "8 MiB", |e| {
        e.wal.segment = ByteSize::mib(8)
    });
    check("wal.segment", "TIDEMILL_WAL_SEGMENT", "8388608", |e| {
        e.wal.segment = ByteSize::mib(8)
    });
    check(
        "wal.flush_after",
        "TIDEMILL_WAL_FLUSH_AFTER",
        "1m 5s",
        |e| {
            e.wal.flush_after = Duration::from_secs(65);
        },
    );
    check("wal.limit", "TIDEMILL_WAL_LIMIT", "5", |e| {
        e.wal.limit = Some(5)
    });
    check("wal.path", "TIDEMILL_WAL_PATH", "/a b", |e| {
        e.wal.path = Some("/a b".into())
    });
    check("wal.path", "TIDEMILL_WAL_PATH", "7", |e| {
        e.wal.path = Some("7".into())
    });
    check("wal.hosts", "TIDEMILL_WAL_HOSTS", "b, c", |e| {
        e.wal.hosts = vec!["b".to_owned(), "c".to_owned()];
    });
    check("wal.hosts", "TIDEMILL_WAL_HOSTS", "[\"b,c\"]", |e| {
        e.wal.hosts = vec!["b,c".to_owned()]
    });
    check("wal.hosts", "TIDEMILL_WAL_HOSTS", "", |e| {
        e.wal.hosts.clear()
    });
    check("wal.hosts", "TIDEMILL_WAL_HOSTS", "1,2", |e| {
        e.wal.hosts = vec!["1".to_owned(), "2".to_owned()];
    });
    check("wal.ports", "TIDEMILL_WAL_PORTS", "1,2", |e| {
        e.wal.ports = vec![1, 2]
    });
    check(
        "wal_archive.s3.access_key",
        "TIDEMILL_WAL_ARCHIVE_S3__ACCESS_KEY",
        "k",
        |e| {
            e.wal_archive.s3.access_key = "k".to_owned();
        },
    );
    check("labels.site", "TIDEMILL_LABELS_SITE", "north", |e| {
        e.labels.insert("site".to_owned(), "north".to_owned());
    });
}

#[test]
fn file_fills_nested_and_open_tables() {
    let file = "name = \"n\"\n[wal]\nlimit = 7\nflush_after = \"5s\"\n[wal_archive.s3]\naccess_key = \"k\"\n\
                [labels]\nsite = \"north\"\n\"odd key\" = \"x\"\n";
    let engine = read(Some(file), &[], &[]).unwrap();
    assert_eq!((engine.name.as_str(), engine.wal.limit), ("n", Some(7)));
    assert_eq!(engine.wal_archive.s3.access_key, "k");
    assert_eq!(engine.labels.len(), 2);
    assert_eq!(engine.wal.depth, Wal::default().depth);
}

#[test]
fn unknown_names_are_errors_with_a_suggestion() {
    let check = |result: Result<Engine>, wanted: &[&str]| {
        let error = result.expect_err(wanted[0]).to_string();
        for part in wanted {
            assert!(error.contains(part), "{error}");
        }
    };
    check(
        read(Some("[wal]\nrecovry = 1\n"), &[], &[]),
        &[
            "t.toml",
            "unknown setting \"wal.recovry\"; did you mean \"wal.recovery\"?",
        ],
    );
    check(
        read(Some("[wla]\ndepth = 1\n"), &[], &[]),
        &["unknown setting \"wla\""],
    );
    check(
        read(Some("nmae = \"x\"\n"), &[], &[]),
        &["\"nmae\"; did you mean \"name\"?"],
    );
    check(
        read(Some("[wal_archive.s3]\nacess_key = 1\n"), &[], &[]),
        &["\"wal_archive.s3.acess_key\"; did you mean \"wal_archive.s3.access_key\"?"],
    );
    check(
        read(None, &[("TIDEMILL_WAL_DEPHT", "1")], &[]),
        &[
            "environment",
            "\"TIDEMILL_WAL_DEPHT\"; did you mean \"TIDEMILL_WAL_DEPTH\"?",
        ],
    );
    check(
        read(None, &[("TIDEMILL_WAL_ARCHIVE_S3_ACCESS_KEY", "1")], &[]),
        &["did you mean \"TIDEMILL_WAL_ARCHIVE_S3__ACCESS_KEY\"?"],
    );
    check(
        read(None, &[], &[("wal.recover", text("strict"))]),
        &["flags: unknown setting \"wal.recover\"; did you mean \"wal.recovery\"?"],
    );
    check(
        read(None, &[], &[("wal.depth.x", text("1"))]),
        &["unknown setting \"wal.depth.x\""],
    );
    let far = read(None, &[], &[("temperature", text("1"))])
        .expect_err("unknown")
        .to_string();
    assert!(!far.contains("did you mean"), "{far}");
}

#[test]
fn wrong_values_are_errors_that_name_their_origin() {
    let check = |result: Result<Engine>, wanted: &[&str]| {
        let error = result.expect_err(wanted[0]).to_string();
        for part in wanted {
            assert!(error.contains(part), "{error}");
        }
    };
    check(
        read(None, &[("TIDEMILL_WAL_DEPTH", "deep")], &[]),
        &["environment variable TIDEMILL_WAL_DEPTH: \"deep\" is not a value for \"wal.depth\""],
    );
    check(
        read(None, &[("TIDEMILL_WAL_DEPTH", "-1")], &[]),
        &["\"-1\" is not a value"],
    );
    check(
        read(None, &[("TIDEMILL_WAL_DEPTH", "")], &[]),
        &["\"\" is not a value"],
    );
    check(
        read(None, &[("TIDEMILL_WAL_SYNC", "maybe")], &[]),
        &["\"maybe\"", "expected a boolean"],
    );
    check(
        read(None, &[], &[("wal.recovery", text("no"))]),
        &["flags: \"no\"", "unknown variant"],
    );
    check(
        read(None, &[], &[("wal.sync", Value::Integer(1))]),
        &["\"1\" is not a value"],
    );
    check(
        read(
            None,
            &[("TIDEMILL_WAL_ARCHIVE_S3", "{ access_key = \"k\" }")],
            &[],
        ),
        &[
            "\"wal_archive.s3\" has settings below it",
            "\"wal_archive.s3.access_key\"",
        ],
    );
    check(
        read(None, &[], &[("wal", text("1"))]),
        &["flags: \"wal\" has settings below it"],
    );
    check(
        read(None, &[], &[("wal", Value::Table(Table::new()))]),
        &["has settings below it"],
    );
    check(
        read(None, &[], &[("wal.path.x", text("1"))]),
        &["not a value for \"wal.path.x\""],
    );
    check(
        read(Some("[wal]\ndepth = \"x\"\n"), &[], &[]),
        &["t.toml", "depth"],
    );
    check(read(Some("wal = 1\n"), &[], &[]), &["t.toml", "wal"]);
    check(read(Some("[wal\n"), &[], &[]), &["is not TOML"]);
}

#[test]
fn missing_file_is_an_error() {
    let error = layered::<Engine>(Some(Path::new("no/such.toml")), std::iter::empty(), vec![]);
    assert!(
        error
            .expect_err("it is missing")
            .to_string()
            .contains("no/such.toml")
    );
}

#[test]
fn variables_of_others_are_left_alone() {
    for variable in [
        "TIDEMILL_HOST",
        "TIDEMILL_TOKEN",
        "TIDEMILL_TOKEN_FILE",
        "TIDEMILL_DATABASE",
        "TIDEMILL_INIT_MODE",
        "TIDEMILL_WALRUS",
        "TIDEMILL_",
        "WAL_DEPTH",
        "tidemill_wal_depth",
    ] {
        assert_eq!(
            read(None, &[(variable, "x")], &[]).unwrap(),
            Engine::default(),
            "{variable}"
        );
    }
}

#[test]
fn template_changes_nothing_until_it_is_uncommented() {
    let template = template::<Engine>().unwrap();
    assert_eq!(read(Some(&template), &[], &[]).unwrap(), Engine::default());
    assert!(
        template.contains("[wal]\n# recovery = \"strict\"\n"),
        "{template}"
    );
    assert!(
        template.contains("unless set: wal.limit, wal.path"),
        "{template}"
    );
    let uncommented: String = template
        .lines()
        .filter(|line| !line.starts_with("# Without"))
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    assert_eq!(
        read(Some(&uncommented), &[], &[]).unwrap(),
        Engine::default()
    );
}

#[test]
fn settings_written_as_toml_read_back_the_same() {
    let flags = &[
        ("wal.limit", text("7")),
        ("labels.a", text("b")),
        ("wal.ports", text("1")),
    ];
    let engine = read(None, &[], flags).unwrap();
    assert_eq!(
        read(Some(&to_toml(&engine).unwrap()), &[], &[]).unwrap(),
        engine
    );
}
