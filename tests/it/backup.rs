//! `verify`, `backup` and `restore` as an operator runs them, on local disk, beside a running server and
//! without one.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::Said;
use crate::client::Client;
use crate::harness::{Site, run, tidemill, wait_until};

const DAY: i64 = 86_400_000_000_000;

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn say(args: &[&str]) -> Said {
    run(tidemill().args(args), b"").into()
}

/// What a command prints that must succeed, as JSON.
pub(crate) fn report(said: Said) -> Value {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
}

fn verify(site: &Site, flags: &[&str]) -> Said {
    let data_dir = text(&site.data_dir());
    say(&[&["verify", "--data-dir", &data_dir][..], flags].concat())
}

fn back_up(site: &Site, place: &Path) -> Value {
    let data_dir = text(&site.data_dir());
    let place = text(place);
    let args = ["backup", "--data-dir", &data_dir, "--to", &place];
    report(say(&[&args[..], &["--format", "json"]].concat()))
}

fn restore(place: &Path, site: &Site, flags: &[&str]) -> Said {
    let (place, data_dir) = (text(place), text(&site.data_dir()));
    let args = ["restore", "--from", &place, "--to-data-dir", &data_dir];
    say(&[&args[..], flags].concat())
}

/// Rows of two days in files, in two tables.
fn written(site: &Site) -> Vec<String> {
    let server = site.start();
    let lines: String = (0..600)
        .map(|row| format!("m,t=t{} v={row} {}\n", row % 5, (row % 2) * DAY + row))
        .collect();
    server.client().write("db", lines);
    server.client().write("db", "other s=\"x\" 1");
    let rows = server.client().dump("db");
    server.stop();
    rows
}

fn rows_of(site: &Site) -> Vec<String> {
    let server = site.start();
    let rows = server.client().dump("db");
    server.stop();
    rows
}

/// The files of one kind in a place, sorted.
fn files_in(place: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![place.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == extension) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0x5a;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_store_in_use_and_at_rest_is_sound() {
    let site = Site::open();
    written(&site);
    let found = report(verify(&site, &["--format", "json"]));
    assert_eq!((&found["files"], &found["rows"]), (&3.into(), &601.into()));
    assert_eq!(found["damages"], Value::Array(vec![]));
    let server = site.start();
    server.client().write("db", "m v=1 77777\nm v=2 77778");
    for flags in [&[][..], &["--quick"], &["--parallel", "1"]] {
        let said = verify(&site, flags);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        for word in ["sound", "1 records not in files yet", "orphans   none"] {
            assert!(said.out.contains(word), "{word}: {}", said.out);
        }
    }
    server.stop();
    // A file that nothing refers to is told of, and no damage.
    let stray = site.files("parquet")[0].with_file_name("stray.parquet");
    std::fs::write(&stray, "not even Parquet").unwrap();
    let said = verify(&site, &[]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("orphan: data/"), "{}", said.out);
}

/// Harm done to a file.
type Damage = fn(&Path);

#[test]
fn damage_is_found_and_named() {
    // What follows the damage is searched byte by byte.
    let site = Site::open().set("wal.segment_size=1MiB");
    written(&site);
    let server = site.start();
    for row in 0..3 {
        server
            .client()
            .write("db", format!("m v=1 {}", 70_000 + row));
    }
    server.kill();
    let manifests = || {
        let mut files = site.files("json");
        files.retain(|path| text(path).contains("/manifest/"));
        files
    };
    let log = site.files("wal").pop().unwrap();
    let parquet = site.files("parquet")[0].clone();
    let in_the_middle: Damage = |file| flip(file, std::fs::read(file).unwrap().len() / 2);
    let first_record: Damage = |file| flip(file, 64 + 21 + 4);
    let cut: Damage = |file| {
        let bytes = std::fs::read(file).unwrap();
        std::fs::write(file, &bytes[..bytes.len() - 1]).unwrap();
    };
    let gone: Damage = |file| std::fs::remove_file(file).unwrap();
    // Whether a quick look finds it too.
    for (file, damage, is_quick) in [
        (&parquet, in_the_middle, false),
        (&parquet, cut, true),
        (&parquet, gone, true),
        (&manifests()[2], in_the_middle, true),
        (&manifests()[1], gone, true),
        (&log, first_record, true),
    ] {
        let good = std::fs::read(file).unwrap();
        damage(file);
        let name = file.file_name().unwrap().to_str().unwrap();
        for flags in [&[][..], &["--quick"]] {
            let finds = flags.is_empty() || is_quick;
            let said = verify(&site, flags);
            assert_eq!(
                said.code,
                i32::from(finds),
                "{name}: {}{}",
                said.out,
                said.err
            );
            let named = said
                .out
                .lines()
                .any(|line| line.starts_with("damaged: ") && line.contains(name));
            assert_eq!(named, finds, "{name}: {}", said.out);
        }
        std::fs::write(file, good).unwrap();
        assert_eq!(verify(&site, &[]).code, 0, "{name} is whole again");
    }
}

#[test]
fn what_cannot_be_checked_is_not_called_damaged() {
    let site = Site::open();
    let said = verify(&site, &[]);
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
    assert!(said.err.contains(&text(&site.data_dir())), "{}", said.err);
    assert!(!site.data_dir().exists(), "nothing was made");
    std::fs::create_dir_all(site.data_dir().join("objects")).unwrap();
    let said = verify(&site, &[]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains("there is no store here"), "{}", said.err);
}

#[test]
fn backups_are_incremental_and_each_is_complete() {
    let site = Site::open();
    let place = site.folder().join("backups");
    let first_rows = written(&site);
    let first = back_up(&site, &place);
    assert_eq!(first["files_copied"], 3);
    let again = back_up(&site, &place);
    assert_eq!(
        (&again["existed"], &again["files_copied"]),
        (&true.into(), &0.into())
    );
    let server = site.start();
    server.client().write("db", "m,t=t9 v=9 9");
    let second_rows = server.client().dump("db");
    server.stop();
    let second = back_up(&site, &place);
    assert_eq!(second["files_copied"], 1, "{second}");
    assert_eq!(second["backup"]["files"], 4);

    let in_place = ["--in", &text(&place)];
    let listed = say(&[&["backup", "list"][..], &in_place].concat());
    assert_eq!(
        (listed.code, listed.out.lines().count()),
        (0, 3),
        "{}",
        listed.out
    );
    let lines = listed.out;
    let json = [&["backup", "list", "--format", "json"][..], &in_place].concat();
    let listed = report(say(&json));
    assert_eq!(listed["backups"].as_array().unwrap().len(), 2);
    assert_eq!(listed["backups"][0]["number"], first["backup"]["number"]);
    let checked = say(&[&["backup", "check"][..], &in_place].concat());
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert!(checked.out.contains("sound"), "{}", checked.out);

    let number = first["backup"]["number"].to_string();
    let taken = first["backup"]["taken_at_nanos"].as_u64().unwrap();
    let soon = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(taken);
    let time = humantime::format_rfc3339_nanos(soon).to_string();
    assert!(
        lines.contains(&time),
        "what is printed can be given back: {lines}"
    );
    for (flags, expected) in [
        (&[][..], &second_rows),
        (&["--to", &number], &first_rows),
        (&["--to", &time], &first_rows),
        (&["--to", "999999"], &second_rows),
    ] {
        let target = Site::open();
        let said = restore(&place, &target, flags);
        assert_eq!(said.code, 0, "{flags:?}: {}{}", said.out, said.err);
        assert!(said.out.contains("restored as store "), "{}", said.out);
        assert_eq!(rows_of(&target), *expected, "{flags:?}");
        assert_eq!(verify(&target, &[]).code, 0, "{flags:?}");
    }
}

#[test]
fn a_restored_store_is_one_of_its_own_with_the_tokens_of_the_original() {
    let site = Site::new().env("TIDEMILL_INIT_ADMIN_TOKEN", "the-token");
    let site = site.token("the-token");
    let rows = written(&site);
    let place = site.folder().join("backups");
    back_up(&site, &place);
    let target = Site::new().token("the-token");
    assert_eq!(restore(&place, &target, &[]).code, 0);
    let server = target.start();
    assert_eq!(server.client().dump("db"), rows);
    server.client().write("db", "m,t=new v=1 5");
    assert_eq!(server.client().dump("db").len(), rows.len() + 1);
    let nobody = server.client().with_token(None);
    assert_eq!(nobody.ask("db", "SELECT 1", "json").status, 401);
    server.stop();
    // Two histories do not meet in one place.
    let (data_dir, place) = (text(&target.data_dir()), text(&place));
    let said = say(&["backup", "--data-dir", &data_dir, "--to", &place]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("choose another place"), "{}", said.err);
}

/// Writes rows one after the other until told to stop; says how many were acknowledged.
fn write_on(client: Client, stop: std::sync::mpsc::Receiver<()>) -> i64 {
    let mut next = 0;
    while stop.try_recv().is_err() {
        let lines: String = (next..next + 50)
            .map(|row| format!("m,t=t{} v={row} {row}\n", row % 3))
            .collect();
        client.write("db", lines);
        next += 50;
    }
    next
}

#[test]
fn a_backup_made_while_writes_run_is_what_the_store_was_at_one_moment() {
    let site = Site::open()
        .set("buffer.flush_age=100ms")
        .set("compaction.fan_in=2")
        .set("compaction.settle_age=0s")
        .set("maintenance.interval=50ms")
        .set("maintenance.replaced_file_age=0s");
    let server = site.start();
    server.client().create("db");
    let (stop, stopped) = std::sync::mpsc::channel();
    let client = server.client().clone();
    let writer = std::thread::spawn(move || write_on(client, stopped));
    let place = site.folder().join("backups");
    let mut numbers: Vec<u64> = Vec::new();
    wait_until("there are four backups", || {
        let flushed = server.client().get("/metrics").text();
        if !flushed.contains("tidemill_flushes_total 0") {
            let created = back_up(&site, &place);
            let number = created["backup"]["number"].as_u64().unwrap();
            if numbers.last() != Some(&number) {
                numbers.push(number);
            }
        }
        numbers.len() == 4
    });
    stop.send(()).unwrap();
    let written = writer.join().unwrap();
    server.stop();
    let mut before = 0;
    for number in numbers {
        let target = Site::open();
        let said = restore(&place, &target, &["--to", &number.to_string()]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let server = target.start();
        let client = server.client();
        let count = match client.tables("db").is_empty() {
            true => 0,
            false => client.count("db", "SELECT count(*) FROM m"),
        };
        assert!(before <= count && count <= written as u64, "{count}");
        before = count;
        if count > 0 {
            // Rows 0 to `count`, and no others: those of the acknowledged batches up to some time.
            let last = client.count("db", "SELECT max(arrow_cast(time, 'Int64')) FROM m");
            assert_eq!((last + 1, count % 50), (count, 0));
            let wrong = "SELECT count(*) FROM m WHERE v <> arrow_cast(time, 'Int64')";
            assert_eq!(client.count("db", wrong), 0);
        }
    }
    assert!(before > 0, "the last backup has rows");
}

#[test]
fn nothing_is_restored_where_something_is() {
    let site = Site::open();
    let rows = written(&site);
    let place = site.folder().join("backups");
    back_up(&site, &place);
    let said = restore(&place, &site, &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("is not empty"), "{}", said.err);
    let server = site.start();
    let said = restore(&place, &site, &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(
        said.err.contains("in use by another process"),
        "{}",
        said.err
    );
    assert_eq!(server.client().dump("db"), rows, "nothing happened to it");
    server.stop();
    for (flags, complaint) in [
        (&["--to", "1"][..], "no such backup"),
        (&["--to", "2001-01-01"], "no such backup"),
    ] {
        let target = Site::open();
        let said = restore(&place, &target, flags);
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.err.contains(complaint), "{}", said.err);
    }
    let wrong = restore(&place, &Site::open(), &["--to", "yesterday"]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    let nowhere = restore(&site.folder().join("nowhere"), &Site::open(), &[]);
    assert_eq!(nowhere.code, 1, "{}", nowhere.err);
    assert!(nowhere.err.contains("nowhere"), "{}", nowhere.err);
}

#[test]
fn damage_among_backups_is_found_and_not_restored() {
    let site = Site::open();
    let rows = written(&site);
    let place = site.folder().join("backups");
    back_up(&site, &place);
    let in_place = text(&place);
    for (extension, damage) in [("parquet", 30), ("json", 300)] {
        let file = files_in(&place, extension).remove(0);
        let good = std::fs::read(&file).unwrap();
        flip(&file, damage);
        let name = file.file_name().unwrap().to_str().unwrap();
        let said = say(&["backup", "check", "--in", &in_place]);
        assert_eq!(said.code, 1, "{name}: {}", said.out);
        assert!(
            said.out.contains("damaged: ") && said.out.contains(name),
            "{name}: {}",
            said.out
        );
        let target = Site::open();
        let said = restore(&place, &target, &[]);
        assert_eq!(said.code, 1, "{name}: {}", said.out);
        assert!(said.err.contains(name), "{name}: {}", said.err);
        // Half a store is none, whether or not other files were copied before the damage was found,
        // and the restore can be repeated.
        let found = verify(&target, &[]);
        match files_in(&target.data_dir(), "parquet").is_empty() {
            true => assert_eq!(found.code, 2, "{name}: {}{}", found.out, found.err),
            false => {
                assert_eq!(found.code, 1, "{name}: {}{}", found.out, found.err);
                assert!(found.out.contains("manifest/: there is none"), "{name}");
            }
        }
        // Nor does a server begin a new one there.
        let refused = target.start_refused();
        assert!(refused.contains("has not come to its end"), "{refused}");
        std::fs::write(&file, good).unwrap();
        let said = restore(&place, &target, &[]);
        assert_eq!(said.code, 0, "{name}: {}{}", said.out, said.err);
        assert_eq!(rows_of(&target), rows, "{name}");
    }
}

#[test]
fn damage_in_the_store_stops_a_backup() {
    let site = Site::open();
    written(&site);
    let file = site.files("parquet").remove(0);
    flip(&file, 30);
    let (data_dir, place) = (text(&site.data_dir()), text(&site.folder().join("backups")));
    let said = say(&["backup", "--data-dir", &data_dir, "--to", &place]);
    assert_eq!(said.code, 1, "{}", said.out);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        said.err.contains(name) && said.err.contains("damaged"),
        "{}",
        said.err
    );
    let listed = say(&["backup", "list", "--in", &place]);
    assert_eq!(
        (listed.code, listed.out.lines().count()),
        (0, 1),
        "{}",
        listed.out
    );
}

#[test]
fn pruning_keeps_what_the_newest_backups_need() {
    let site = Site::open()
        .set("compaction.fan_in=2")
        .set("compaction.settle_age=0s")
        .set("maintenance.interval=50ms");
    let place = site.folder().join("backups");
    let mut rows = Vec::new();
    for round in 0..4 {
        let server = site.start();
        let client = server.client();
        let files = "SELECT count(*) AS count FROM system.files";
        wait_until("files are merged", || {
            round < 2 || client.count("db", files) < round
        });
        client.write("db", format!("m v={round} {round}"));
        rows = client.dump("db");
        server.stop();
        back_up(&site, &place);
    }
    let files = files_in(&place, "parquet").len();
    let in_place = text(&place);
    let prune = ["backup", "prune", "--in", &in_place, "--format", "json"];
    let pruned = report(say(&[&prune[..], &["--keep", "1"]].concat()));
    assert_eq!(pruned["backups"].as_array().unwrap().len(), 3, "{pruned}");
    let left = files_in(&place, "parquet").len();
    assert_eq!(pruned["files"], files - left, "{pruned}");
    assert!(left < files, "{pruned}");
    assert_eq!(say(&["backup", "check", "--in", &in_place]).code, 0);
    let target = Site::open();
    assert_eq!(restore(&place, &target, &[]).code, 0);
    assert_eq!(rows_of(&target), rows);
    let nothing = say(&[&prune[..], &["--keep", "0"]].concat());
    assert_eq!(nothing.code, 2, "{}", nothing.err);
}

#[test]
fn a_place_for_backups_is_no_store_and_says_where_it_is() {
    let site = Site::open();
    written(&site);
    let data_dir = text(&site.data_dir());
    let objects = text(&site.data_dir().join("objects"));
    let inside = text(&site.data_dir().join("objects/backups"));
    let other = Site::open();
    written(&other);
    let other = text(&other.data_dir().join("objects"));
    for (args, complaint) in [
        (
            &["backup", "--data-dir", &data_dir, "--to", &other][..],
            "is a store itself",
        ),
        (
            &["backup", "--data-dir", &data_dir, "--to", &inside],
            "is inside of the store",
        ),
        (
            &["backup", "--data-dir", &data_dir, "--to", &data_dir],
            "is inside of the store",
        ),
        (
            &["backup", "--data-dir", "/nonexistent/x", "--to", &objects],
            "/nonexistent/x",
        ),
        (
            &["backup", "list", "--in", "/nonexistent/x"],
            "/nonexistent/x",
        ),
        (
            &["backup", "check", "--in", "/nonexistent/x"],
            "/nonexistent/x",
        ),
    ] {
        let said = say(args);
        assert_eq!(
            (said.code, said.out.as_str()),
            (1, ""),
            "{args:?}: {}",
            said.err
        );
        assert!(said.err.contains(complaint), "{args:?}: {}", said.err);
    }
    for wrong in [
        &["backup"][..],
        &["backup", "--to", "gs://x/y"],
        &["restore"],
    ] {
        assert_eq!(say(wrong).code, 2, "{wrong:?}");
    }
}
