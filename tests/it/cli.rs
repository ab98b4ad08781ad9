//! The command line, as a person at a terminal or a script uses it.

use std::io::Write as _;
use std::process::Output;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Server, Site, checkout, run, tidemill, wait_until};

/// What a command said and whether it succeeded.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it was not killed"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a command against a server.
fn say(server: &Server, args: &[&str], input: &[u8]) -> Said {
    run(&mut server.cli(args), input).into()
}

/// Runs a command that must succeed; returns its standard output.
fn out(server: &Server, args: &[&str], input: &[u8]) -> String {
    let said = say(server, args, input);
    assert_eq!(said.code, 0, "{args:?}: {}", said.err);
    said.out
}

#[test]
fn every_command_explains_itself() {
    for command in [
        "",
        "serve",
        "demo",
        "write",
        "query",
        "database",
        "database list",
        "database create",
        "database delete",
        "table",
        "table list",
        "table create",
        "table delete",
        "table undrop",
        "token",
        "token create",
        "token list",
        "token rotate",
        "token revoke",
        "load",
        "load cmapss",
        "config",
        "ping",
    ] {
        for flag in ["--help", "-h"] {
            let args: Vec<_> = command.split_whitespace().chain([flag]).collect();
            let said: Said = run(tidemill().args(&args), b"").into();
            assert_eq!(said.code, 0, "{args:?}: {}", said.err);
            assert!(
                said.out.contains("Usage: tidemill"),
                "{args:?}: {}",
                said.out
            );
            assert!(said.err.is_empty(), "{args:?}: {}", said.err);
        }
    }
    let said: Said = run(tidemill().arg("--help"), b"").into();
    for command in [
        "serve", "demo", "write", "query", "database", "table", "load", "config", "ping",
    ] {
        let listed = said
            .out
            .lines()
            .any(|line| line.trim_start().starts_with(command));
        assert!(listed, "{command}: {}", said.out);
    }
    let said: Said = run(tidemill().arg("--version"), b"").into();
    assert_eq!(
        said.out.trim(),
        concat!("tidemill ", env!("CARGO_PKG_VERSION"))
    );
    for wrong in [
        &["nonsense"][..],
        &["serve", "--nonsense"],
        &["query", "--format", "xml", "x"],
        &[],
    ] {
        let said: Said = run(tidemill().args(wrong), b"").into();
        assert_eq!(said.code, 2, "{wrong:?}");
        assert!(
            said.err.contains("--help") || said.err.contains("Usage:"),
            "{wrong:?}: {}",
            said.err
        );
    }
}

#[test]
fn lines_are_written_from_files_and_from_standard_input() {
    let server = Server::open();
    let lines = "m v=1 1700000000000000001\nm v=2 1700000000000000002\n";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(lines.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    let zstd = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    let expected = [
        "m v=1.0 @1700000000000000001",
        "m v=2.0 @1700000000000000002",
    ];
    for (name, bytes) in [
        ("plain", lines.as_bytes()),
        ("gzip", &gzip),
        ("zstd", &zstd),
    ] {
        let file = server.site().folder().join(format!("{name}.any"));
        std::fs::write(&file, bytes).unwrap();
        let file = file.display().to_string();
        for (from, args, input) in [
            ("file", vec!["write", "-d", "db", &file], &b""[..]),
            ("stdin", vec!["write", "-d", "db"], bytes),
            ("dash", vec!["write", "--database", "db", "-"], bytes),
        ] {
            let said = say(&server, &args, input);
            assert_eq!(said.code, 0, "{name} {from}: {}", said.err);
            assert!(said.err.contains("2 lines"), "{name} {from}: {}", said.err);
            assert_eq!(server.client().dump("db"), expected, "{name} {from}");
            out(&server, &["database", "delete", "db"], b"");
        }
    }
    for (precision, time) in [
        ("s", "1700000000"),
        ("ms", "1700000000000"),
        ("auto", "1700000000000"),
        ("us", "1700000000000000"),
    ] {
        let line = format!("m v=1 {time}");
        out(
            &server,
            &["write", "-d", precision, "--precision", precision],
            line.as_bytes(),
        );
        assert_eq!(
            server.client().dump(precision),
            ["m v=1.0 @1700000000000000000"],
            "{precision}"
        );
    }
}

#[test]
fn lines_that_are_refused_are_named_by_their_place_in_the_file() {
    let server = Server::open();
    // More lines than one request has.
    let mut lines: Vec<String> = (1..=12_000).map(|i| format!("m v={i} {i}")).collect();
    for bad in [3, 5_001, 11_999] {
        lines[bad - 1] = "m v=oops 1".to_owned();
    }
    let text = lines.join("\n");
    let said = say(&server, &["write", "-d", "db", "-p", "ns"], text.as_bytes());
    assert_eq!(said.code, 1, "{}", said.err);
    for bad in ["3", "5001", "11999"] {
        let named = said.err.lines().any(|line| {
            line.split(|c: char| !c.is_ascii_digit())
                .any(|word| word == bad)
        });
        assert!(named, "line {bad}: {}", said.err);
    }
    assert!(said.err.contains("3 lines refused"), "{}", said.err);
    assert_eq!(
        server.client().count("db", "SELECT count(*) FROM m"),
        11_997
    );
    let said = say(
        &server,
        &["write", "-d", "strict", "-p", "ns", "--no-partial"],
        b"m v=1 1\nbad",
    );
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(server.client().dump("strict"), [""; 0]);
}

#[test]
fn queries_print_what_was_asked_for() {
    let server = Server::open();
    server.client().write("db", "m,t=a v=1.5 1\nm,t=b v=2.5 2");
    let sql = "SELECT t, v FROM m ORDER BY t";
    let table = "+---+-----+\n| t | v   |\n+---+-----+\n| a | 1.5 |\n| b | 2.5 |\n+---+-----+";
    for (format, expected) in [
        ("table", table),
        ("json", r#"[{"t":"a","v":1.5},{"t":"b","v":2.5}]"#),
        ("jsonl", "{\"t\":\"a\",\"v\":1.5}\n{\"t\":\"b\",\"v\":2.5}"),
        ("csv", "t,v\na,1.5\nb,2.5"),
    ] {
        let printed = out(
            &server,
            &["query", "-d", "db", "--format", format, sql],
            b"",
        );
        assert_eq!(printed.trim_end(), expected, "{format}");
    }
    let folder = server.site().folder();
    let (sql_file, parquet) = (folder.join("q.sql"), folder.join("out.parquet"));
    std::fs::write(&sql_file, format!("-- both\n{sql}\n")).unwrap();
    let (sql_file, parquet_text) = (
        sql_file.display().to_string(),
        parquet.display().to_string(),
    );
    let expected = "t,v\na,1.5\nb,2.5\n";
    let csv = ["--format", "csv"];
    assert_eq!(
        out(
            &server,
            &[&["query", "-d", "db", "-f", &sql_file][..], &csv].concat(),
            b""
        ),
        expected
    );
    assert_eq!(
        out(
            &server,
            &[&["query", "-d", "db"][..], &csv].concat(),
            sql.as_bytes()
        ),
        expected
    );
    assert_eq!(
        out(
            &server,
            &[&["query", "-d", "db", "-"][..], &csv].concat(),
            sql.as_bytes()
        ),
        expected
    );
    out(
        &server,
        &[
            "query",
            "-d",
            "db",
            "--format",
            "parquet",
            "-o",
            &parquet_text,
            sql,
        ],
        b"",
    );
    let bytes = std::fs::read(&parquet).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    // A query that fails says why, prints nothing and leaves no file.
    let other = folder.join("other.csv");
    let other_text = other.display().to_string();
    for (args, complaint) in [
        (
            &["query", "-d", "db", "-o", &other_text, "SELECT * FROM n"][..],
            "not found",
        ),
        (&["query", "-d", "db", "SELEC"], "SELEC"),
        (&["query", "-d", "nowhere", "SELECT 1"], "nowhere"),
        (&["query", "SELECT 1"], "no database is given"),
        (
            &[
                "query",
                "-d",
                "db",
                "--host",
                "http://127.0.0.1:1",
                "SELECT 1",
            ],
            "127.0.0.1:1",
        ),
    ] {
        let said = say(&server, args, b"");
        assert_eq!(
            (said.code, said.out.as_str()),
            (1, ""),
            "{args:?}: {}",
            said.err
        );
        assert!(said.err.contains(complaint), "{args:?}: {}", said.err);
    }
    assert!(!other.exists());
}

#[test]
fn databases_are_managed() {
    let server = Server::open();
    assert_eq!(out(&server, &["database", "list"], b""), "");
    out(&server, &["database", "create", "b"], b"");
    out(&server, &["database", "create", "a"], b"");
    assert_eq!(out(&server, &["database", "list"], b""), "a\nb\n");
    for (args, complaint) in [
        (&["database", "create", "a"][..], "exists"),
        (&["database", "create", "../x"], "name"),
        (&["database", "delete", "none"], "none"),
    ] {
        let said = say(&server, args, b"");
        assert_eq!(said.code, 1, "{args:?}");
        assert!(said.err.contains(complaint), "{args:?}: {}", said.err);
    }
    out(&server, &["database", "delete", "a"], b"");
    assert_eq!(out(&server, &["database", "list"], b""), "b\n");
}

#[test]
fn tables_are_managed() {
    let server = Server::open();
    server.client().create("db");
    let table = |args: &[&str]| say(&server, &[&["table", "-d", "db"], args].concat(), b"");
    let list = || out(&server, &["table", "list", "-d", "db"], b"");
    assert_eq!(list(), "");
    let columns = [
        "--tags",
        "id,line",
        "--fields",
        "flow:float64,on:bool,n:int64",
    ];
    for name in ["pump", "Fan \"2\""] {
        let said = table(&[&["create", name][..], &columns].concat());
        assert_eq!(said.code, 0, "{}", said.err);
    }
    assert_eq!(list(), "Fan \"2\"\npump\n");
    let line = "pump,id=a,line=1 flow=1.5,on=true,n=3i 1";
    server.client().write("db", line);
    let row = [r#"pump flow=1.5 id="a" line="1" n=3 on=true @1"#];
    assert_eq!(server.client().dump("db"), row);
    for (args, complaint) in [
        (&["create", "pump"][..], "exists"),
        (&["create", "x", "--tags", "time"], "reserved"),
        (&["delete", "none"], "not found"),
        (&["undrop", "none"], "none"),
        (&["undrop", "pump"], "exists"),
    ] {
        let said = table(args);
        assert_eq!(said.code, 1, "{args:?}: {}", said.err);
        assert!(said.err.contains(complaint), "{args:?}: {}", said.err);
    }
    assert_eq!(table(&["delete", "Fan \"2\""]).code, 0);
    assert_eq!(table(&["delete", "pump"]).code, 0);
    assert_eq!(list(), "");
    assert_eq!(table(&["undrop", "pump"]).code, 0);
    assert_eq!(table(&["undrop", "Fan \"2\""]).code, 0);
    assert_eq!(server.client().dump("db"), row);
    // For good is for good, and a new table of the name has nothing of the old.
    assert_eq!(table(&["delete", "pump", "--now"]).code, 0);
    assert_eq!(table(&["undrop", "pump"]).code, 1);
    server.client().write("db", "pump,id=b flow=2 2");
    assert_eq!(server.client().dump("db"), [r#"pump flow=2.0 id="b" @2"#]);
    let wrong = table(&["create", "y", "--fields", "v:real"]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    let nowhere = say(&server, &["table", "list"], b"");
    assert_eq!(nowhere.code, 1);
    assert!(
        nowhere.err.contains("no database is given"),
        "{}",
        nowhere.err
    );
}

#[test]
fn a_table_deleted_for_good_takes_its_files_along() {
    let site = Site::open()
        .set("maintenance.interval=50ms")
        .set("maintenance.replaced_file_age=0s");
    let server = site.start();
    server.client().write("db", "kept v=1 1\ngone v=1 1");
    server.stop();
    assert_eq!(site.files("parquet").len(), 2);
    let server = site.start();
    // Rows of it that are not in files yet go too.
    server.client().write("db", "gone v=2 2");
    out(
        &server,
        &["table", "delete", "gone", "-d", "db", "--now"],
        b"",
    );
    wait_until("its file is gone", || site.files("parquet").len() == 1);
    server.kill();
    let server = site.start();
    assert_eq!(server.client().dump("db"), ["kept v=1.0 @1"]);
    server.stop();
    assert_eq!(site.files("parquet").len(), 1);
}

#[test]
fn ping_tells_whether_a_server_is_ready() {
    let site = Site::open();
    let server = site.start();
    assert_eq!(say(&server, &["ping"], b"").code, 0);
    let host = server.client().http().to_owned();
    server.stop();
    let said: Said = run(tidemill().args(["ping", "--host", &host]), b"").into();
    assert_eq!(said.code, 1, "{}", said.err);
}

#[test]
fn the_printed_settings_are_settings() {
    let site = Site::open();
    let template: Said = run(tidemill().arg("config"), b"").into();
    assert_eq!(template.code, 0, "{}", template.err);
    let file = site.folder().join("tidemill.toml");
    // Every value of the template is a default; in effect they change nothing.
    let uncommented: String = template
        .out
        .lines()
        .filter(|line| !line.starts_with("# Without a value"))
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    let path = file.display().to_string();
    let effective = |text: &str| -> Said {
        std::fs::write(&file, text).unwrap();
        run(
            tidemill().args(["config", "--effective", "--config", &path]),
            b"",
        )
        .into()
    };
    let (all, none) = (effective(&uncommented), effective(""));
    assert_eq!((all.code, all.out), (0, none.out), "{}", all.err);
    let changed = effective("[wal]\nsegment_size = \"3 MiB\"\n");
    assert!(
        changed.out.contains("3.0 MiB") || changed.out.contains("3 MiB"),
        "{}",
        changed.out
    );
    let wrong = effective("[wal]\nsegment_sise = \"3 MiB\"\n");
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.err.contains("did you mean \"wal.segment_size\"?"),
        "{}",
        wrong.err
    );
    let said = site.clone().set("wal.recovry=salvage").start_refused();
    assert!(said.contains("wal.recovery"), "{said}");
    let said = site
        .clone()
        .env("TIDEMILL_WAL_SEGMENT_SIZE", "large")
        .start_refused();
    assert!(said.contains("TIDEMILL_WAL_SEGMENT_SIZE"), "{said}");
    std::fs::write(&file, "[listen]\nwithout_auth = true\n").unwrap();
    let server = Site::new().arg("--config").arg(&path).start();
    assert_eq!(
        server.client().get("/metrics").status,
        200,
        "the file counts"
    );
}

#[test]
fn the_sample_is_what_it_says() {
    let folder = checkout().join("data");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let mut names = Vec::new();
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let digest = Sha256::digest(std::fs::read(folder.join(name)).unwrap());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, sum, "{name}");
        names.push(name);
    }
    assert!(names.contains(&"sample.lp"), "{sums}");
    let server = Server::open();
    let file = folder.join("sample.lp").display().to_string();
    let said = say(&server, &["write", "-d", "plant", &file], b"");
    assert!(
        said.code == 0 && said.err.contains("900 lines"),
        "{}",
        said.err
    );
    let sql = "SELECT asset_id, count(*) AS n, count(DISTINCT operating_state) AS states, \
               min(time) AS first, max(time) AS last FROM sensor_data GROUP BY 1 ORDER BY 1";
    let row = |asset: &str| -> Value {
        json!({
            "asset_id": asset, "n": 300, "states": 1,
            "first": "2025-06-01T00:00:00", "last": "2025-06-01T00:09:58",
        })
    };
    let expected = [row("motor-01"), row("motor-02"), row("motor-03")];
    assert_eq!(server.client().rows("plant", sql), expected);
    let worst = "SELECT asset_id FROM sensor_data WHERE time >= '2025-06-01T00:07:00Z' \
                 GROUP BY 1 ORDER BY rms(vibration_g) DESC LIMIT 1";
    assert_eq!(
        server.client().value("plant", worst),
        "motor-02",
        "the fault is there"
    );
}
