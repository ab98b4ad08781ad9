//! The real server with its objects at the other end of HTTP, in an S3 service that goes away, refuses,
//! loses answers and takes its time. What was acknowledged is there whatever it does, once.

mod backup;
mod service;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::Said;
use crate::client::{Client, Reply};
use crate::harness::{Seeded, Server, Site, run, wait_until};
use service::{BACKUPS, Harm, Meant, Service, all, changes, commits, parts, uploads};

const DAY: i64 = 86_400_000_000_000;
const WRITE: &str = "/api/v3/write_lp?db=db&precision=nanosecond";

/// The rows of table `m` by time.
type Rows = BTreeMap<i64, f64>;

/// A site whose servers flush and compact all the time.
fn busy(service: &Service) -> Site {
    service
        .site()
        .set("buffer.flush_age=200ms")
        .set("compaction.fan_in=2")
        .set("compaction.settle_age=0s")
        .set("maintenance.interval=50ms")
        .set("maintenance.replaced_file_age=5s")
}

/// A figure of a server.
fn figure(server: &Server, name: &str) -> u64 {
    let text = server.client().get("/metrics").text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("{name} is not in\n{text}"));
    line.parse::<f64>().unwrap() as u64
}

/// Does something after which there is a flush, and waits for that.
fn and_flush(server: &Server, act: impl FnOnce()) {
    let before = figure(server, "tidemill_flushes_total");
    act();
    wait_until("rows are flushed", || {
        figure(server, "tidemill_flushes_total") > before
    });
}

/// The lines of a batch: new rows of a day, and other values for rows of the batch before.
fn batch(number: i64, day: i64, rows: &mut Rows) -> String {
    const ROWS: i64 = 40;
    let first = day * DAY + number * ROWS;
    let mut lines = String::new();
    for time in (first - 5).max(day * DAY)..first + ROWS {
        let value = (number * 1000 + time % 1000) as f64;
        rows.insert(time, value);
        lines.push_str(&format!("m,t=t{} v={value} {time}\n", time % 3));
    }
    lines
}

/// Every row is there once, with its newest value.
fn assert_rows(client: &Client, rows: &Rows) {
    let reply = ask_rows(client);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        rows_of(&reply),
        rows.clone().into_iter().collect::<Vec<_>>()
    );
    let count = client.count("db", "SELECT count(*) FROM m");
    assert_eq!(count, rows.len() as u64);
}

fn ask_rows(client: &Client) -> Reply {
    let sql = "SELECT arrow_cast(time, 'Int64') AS t, v FROM m ORDER BY t";
    client.ask("db", sql, "json")
}

fn rows_of(reply: &Reply) -> Vec<(i64, f64)> {
    let rows = reply.json();
    let row = |row: &serde_json::Value| (row["t"].as_i64().unwrap(), row["v"].as_f64().unwrap());
    rows.as_array().unwrap().iter().map(row).collect()
}

/// Sends lines until they are taken. What may pass is the only reason not to take them.
fn write_patiently(client: &Client, lines: &str) {
    wait_until("the lines are taken", || {
        let reply = client.post(WRITE, lines);
        let is_passing = reply.status == 503 && !reply.header("retry-after").is_empty();
        assert!(reply.status == 204 || is_passing, "{}", reply.text());
        reply.status == 204
    });
}

fn assert_sound(service: &Service, site: &Site) {
    let data_dir = site.data_dir().display().to_string();
    let mut verify = service.command(&["verify", "--data-dir", &data_dir]);
    let said: Said = run(&mut verify, b"").into();
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn rows_in_s3_and_in_the_log_are_there_after_a_kill_and_on_another_machine() {
    let service = Service::start();
    let site = service.site().set("buffer.flush_age=200ms");
    let mut rows = Rows::new();
    let server = site.start();
    and_flush(&server, || {
        server.client().write("db", batch(0, 0, &mut rows));
    });
    server.kill();
    assert_eq!(service.objects("data/", ".parquet").len(), 1);
    assert_eq!(site.files("parquet"), [""; 0].map(std::path::PathBuf::from));

    // From here on nothing is flushed before the kill.
    let site = site.set("buffer.flush_age=1h");
    let server = site.start();
    server.client().write("db", batch(1, 0, &mut rows));
    assert_rows(server.client(), &rows);
    server.kill();
    let server = site.start();
    assert_rows(server.client(), &rows);
    server.stop();
    assert_sound(&service, &site);

    let elsewhere = service.site();
    let server = elsewhere.start();
    assert_rows(server.client(), &rows);
    server.client().write("db", batch(2, 0, &mut rows));
    server.stop();
    assert_rows(elsewhere.start().client(), &rows);
}

#[test]
fn an_outage_stops_no_writes_and_ends_by_itself() {
    let mut service = Service::start();
    let site = service
        .site()
        .set("buffer.flush_age=200ms")
        .set("buffer.flush_bytes=512KiB")
        .set("buffer.bytes_max=64MiB");
    let server = site.start();
    let client = server.client();
    let mut rows = Rows::new();
    and_flush(&server, || client.write("db", batch(0, 0, &mut rows)));

    service.stop();
    let mut number = 0;
    let write = |rows: &mut Rows, number: &mut i64| {
        let lines: String = (0..10)
            .map(|_| {
                *number += 1;
                batch(*number, 1, rows)
            })
            .collect();
        client.write("db", lines);
    };
    wait_until("rows wait on the local disk", || {
        write(&mut rows, &mut number);
        figure(&server, "tidemill_spilled_files") > 0
    });
    // What is in memory and on the local disk is read; what is in S3 is not said to be nothing.
    let count = client.count("db", "SELECT count(*) FROM m WHERE time >= '1970-01-02'");
    assert_eq!(count, rows.len() as u64 - 40);
    let reply = ask_rows(client);
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (503, "storage_unavailable")
    );
    // A new table cannot be made durable: the client is told to come back, and does.
    let other = "other v=1 1";
    let reply = client.post(WRITE, other);
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (503, "storage_unavailable")
    );
    assert!(!reply.header("retry-after").is_empty());
    write(&mut rows, &mut number);

    let flushes = figure(&server, "tidemill_flushes_total");
    service.again();
    wait_until("the rows are in S3", || {
        figure(&server, "tidemill_spilled_files") == 0
            && figure(&server, "tidemill_flushes_total") > flushes
    });
    write_patiently(client, other);
    write(&mut rows, &mut number);
    assert_rows(client, &rows);
    server.kill();
    let server = site.start();
    assert_rows(server.client(), &rows);
    assert_eq!(server.client().value("db", "SELECT v FROM other"), 1.0);
    server.stop();
    assert_sound(&service, &site);
}

#[test]
fn an_outage_that_lasts_fills_the_log_and_then_writers_are_told_to_wait() {
    let mut service = Service::start();
    let site = service
        .site()
        .set("buffer.flush_age=200ms")
        .set("wal.segment_size=1MiB")
        .set("wal.quota=4MiB");
    let server = site.start();
    let client = server.client();
    // Not of the kind that a log makes much smaller.
    let mut random = Seeded(4);
    let mut line = |row: usize| {
        let digits = |_| format!("{:016x}", random.next());
        format!(
            "m s=\"{}\" {row}",
            (0..3000).map(digits).collect::<String>()
        )
    };
    let first = line(0);
    and_flush(&server, || client.write("db", first));
    service.stop();
    let mut acknowledged = 1;
    let refused = loop {
        let reply = client.post(WRITE, line(acknowledged));
        match reply.status {
            204 => acknowledged += 1,
            _ => break reply,
        }
        assert!(acknowledged < 1000, "the quota does not count");
    };
    assert_eq!(
        (refused.status, refused.reason().as_str()),
        (503, "storage_unavailable")
    );
    assert!(!refused.header("retry-after").is_empty());
    assert!(acknowledged > 20, "only {acknowledged}");
    // What is told to stop now keeps its rows in the log.
    server.signal("TERM");
    let said = server.wait_failed();
    assert!(said.contains("unavailable"), "{said}");
    service.again();
    let server = site.start();
    let count = || server.client().count("db", "SELECT count(*) FROM m");
    assert_eq!(count(), acknowledged as u64);
    let last = line(acknowledged);
    write_patiently(server.client(), &last);
    assert_eq!(count(), acknowledged as u64 + 1);
    server.stop();
    assert_sound(&service, &site);
}

/// Writes, changes schemas, deletes, flushes and compacts while the service does harm; nothing shows.
fn survives(harms: &[(u64, Meant, Harm)]) {
    let service = Service::start();
    let site = busy(&service);
    let server = site.start();
    let client = server.client();
    for &(percent, is_meant, harm) in harms {
        service.harm(percent, is_meant, harm);
    }
    let mut rows = Rows::new();
    for number in 0..16 {
        and_flush(&server, || {
            write_patiently(client, &batch(number, number % 3, &mut rows));
            write_patiently(client, &format!("m{number} v=1 {number}"));
        });
        if number % 5 == 4 {
            let gone = (number / 2) * 40;
            delete_patiently(client, gone);
            rows.retain(|time, _| time % DAY >= gone);
        }
        // Whatever is answered is right.
        let reply = ask_rows(client);
        match reply.status {
            200 => assert_eq!(
                rows_of(&reply),
                rows.clone().into_iter().collect::<Vec<_>>()
            ),
            status => assert_eq!(status, 503, "{}", reply.text()),
        }
    }
    wait_until("files are compacted", || {
        figure(&server, "tidemill_compactions_total") > 4
    });
    let harmed = service.heal();
    assert!(harmed > 10, "only {harmed} requests came to harm");
    assert_rows(client, &rows);
    server.kill();
    let server = site.start();
    assert_rows(server.client(), &rows);
    for number in 0..16 {
        let sql = format!("SELECT count(*) FROM m{number}");
        assert_eq!(server.client().count("db", &sql), 1, "{sql}");
    }
    server.stop();
    assert_sound(&service, &site);
}

/// Deletes the rows of each day before this time of it.
fn delete_patiently(client: &Client, before: i64) {
    let days = (0..3).map(|day| {
        let (start, end) = (day * DAY, day * DAY + before);
        let at = |time| format!("arrow_cast({time}, 'Timestamp(Nanosecond, None)')");
        format!("(time >= {} AND time < {})", at(start), at(end))
    });
    let days: Vec<String> = days.collect();
    for day in days {
        let sql = format!("DELETE FROM m WHERE {day}");
        wait_until("the rows are deleted", || {
            let reply = client.ask("db", &sql, "json");
            assert!(matches!(reply.status, 200 | 503), "{}", reply.text());
            reply.status == 200
        });
    }
}

#[test]
fn requests_that_are_refused_change_nothing() {
    survives(&[
        (15, all, Harm::Refuse(500)),
        (15, all, Harm::Refuse(503)),
        (5, all, Harm::Delay(Duration::from_millis(300))),
    ]);
}

#[test]
fn commits_whose_answers_are_lost_count_once() {
    survives(&[
        (30, commits, Harm::LoseAnswer),
        (30, commits, Harm::Deny(500)),
    ]);
}

#[test]
fn changes_whose_answers_are_lost_count_once() {
    survives(&[
        (20, changes, Harm::LoseAnswer),
        (20, changes, Harm::Deny(503)),
    ]);
}

/// Large enough to be sent in several requests, by a compaction and by a backup.
#[test]
fn large_files_arrive_in_parts_of_which_some_are_lost() {
    let service = Service::start();
    let site = busy(&service);
    let server = site.start();
    let client = server.client();
    service.harm(40, parts, Harm::Refuse(503));
    service.harm(20, parts, Harm::LoseAnswer);
    service.harm(25, uploads, Harm::LoseAnswer);
    service.harm(25, uploads, Harm::Deny(500));
    let mut random = Seeded(9);
    let mut starts = BTreeMap::new();
    for number in 0..2 {
        let mut lines = String::new();
        for time in number * 250..(number + 1) * 250 {
            let digits = |_| format!("{:016x}", random.next());
            let text: String = (0..3000).map(digits).collect();
            lines.push_str(&format!("m s=\"{text}\" {time}\n"));
            starts.insert(time, text[..20].to_owned());
        }
        and_flush(&server, || client.write("db", lines));
    }
    wait_until("files are compacted", || {
        figure(&server, "tidemill_compactions_total") > 0
    });
    let place = format!("s3://{BACKUPS}/large");
    let data_dir = site.data_dir().display().to_string();
    wait_until("there is a backup", || {
        let mut backup = service.command(&["backup", "--data-dir", &data_dir, "--to", &place]);
        Said::from(run(&mut backup, b"")).code == 0
    });
    assert!(service.heal() > 2);
    let sql = "SELECT arrow_cast(time, 'Int64') AS t, left(s, 20) AS s, character_length(s) AS n \
               FROM m ORDER BY t";
    let rows = client.rows("db", sql);
    let expected: Vec<_> = starts
        .iter()
        .map(|(time, start)| serde_json::json!({ "t": time, "s": start, "n": 48_000 }))
        .collect();
    assert!(rows == expected, "{} rows", rows.len());
    server.stop();
    assert_sound(&service, &site);
    let mut check = service.command(&["backup", "check", "--in", &place]);
    let said = Said::from(run(&mut check, b""));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn statements_whose_answers_are_lost_are_answered() {
    let service = Service::start();
    let server = service.site().start();
    let client = server.client();
    client.create("db");
    service.harm(40, commits, Harm::LoseAnswer);
    service.harm(40, commits, Harm::Deny(500));
    for number in 0..12 {
        client.create(&format!("d{number}"));
    }
    assert!(service.heal() > 5);
    let listed = client.get("/api/v3/configure/database?format=json").json();
    assert_eq!(listed.as_array().unwrap().len(), 13, "{listed}");
}

#[test]
fn a_start_waits_for_a_service_that_is_away() {
    let mut service = Service::start();
    let site = service.site();
    let server = site.start();
    server.client().write("db", "m v=1 1");
    server.stop();
    service.stop();
    let server = site.start_after("the object store does not answer", || service.again());
    assert_eq!(server.client().dump("db"), ["m v=1.0 @1"]);
    server.stop();
    // It is there, and not ready.
    service.harm(100, all, Harm::Refuse(503));
    let server = site.start_after("the object store does not answer", || {
        assert!(service.heal() > 3);
    });
    assert_eq!(server.client().dump("db"), ["m v=1.0 @1"]);
}

#[test]
fn a_service_that_refuses_stops_the_start() {
    let service = Service::start();
    for (name, value, complaint) in [
        (
            "TIDEMILL_OBJECT_STORE_S3__BUCKET",
            "elsewhere",
            "NoSuchBucket",
        ),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "nobody", "NotSignedUp"),
    ] {
        let said = service.site().env(name, value).start_refused();
        assert!(said.contains(complaint), "{name}: {said}");
        assert!(!said.contains("hush-hush"), "{said}");
    }
    assert!(service.objects("", "").is_empty());
}

#[test]
fn the_first_of_two_servers_on_one_bucket_takes_no_more_writes() {
    let service = Service::start();
    let (first, second) = (busy(&service), busy(&service));
    let mut rows = Rows::new();
    let old = first.start();
    and_flush(&old, || {
        old.client().write("db", batch(0, 0, &mut rows));
    });
    let new = second.start();
    assert_rows(new.client(), &rows);
    // Until it notices it takes rows into its own log, and nowhere else.
    wait_until("the first one is fenced", || {
        let reply = old.client().post(WRITE, "m,t=t0 v=-1 7");
        match reply.status {
            204 => false,
            status => {
                assert_eq!((status, reply.reason().as_str()), (503, "fenced"));
                true
            }
        }
    });
    let ready = old.client().get("/ready");
    assert_eq!((ready.status, ready.reason().as_str()), (503, "fenced"));
    assert_eq!(ask_rows(old.client()).status, 200, "queries are answered");
    new.client().write("db", batch(1, 0, &mut rows));
    assert_rows(new.client(), &rows);
    old.kill();
    // Its log may have rows that nobody else has: that is for a person to decide.
    let said = first.start_refused();
    assert!(said.contains("belongs to log"), "{said}");
    and_flush(&new, || {
        new.client().write("db", batch(2, 0, &mut rows));
    });
    assert_rows(new.client(), &rows);
    new.stop();
    assert_rows(second.start().client(), &rows);
}
