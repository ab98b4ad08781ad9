//! A data directory on a small volume of its own that runs full, and one that takes no writes.
//!
//! The volume is a `tmpfs`. Mounting it takes a mount namespace, which `unshare` makes without any
//! privilege on most machines; where it may not, these tests say so and pass. Each test runs again
//! inside its namespace, as the ignored test that follows it.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::harness::{Site, wait_until};

/// Runs one of the ignored tests below in a mount namespace of its own.
fn in_namespace(test: &str) {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount"]);
        command
    };
    let probe = unshare()
        .args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: this machine lets nobody mount a volume in a namespace");
        return;
    }
    let name = format!("full_disk::{test}");
    let output = unshare()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn mount(args: &[&str], path: &Path) {
    let status = Command::new("mount").args(args).arg(path).status();
    assert!(status.unwrap().success(), "mount {args:?}");
}

/// A data directory on a volume of sixteen megabytes.
fn small_site() -> Site {
    let site = Site::open()
        .set("wal.segment_size=1MiB")
        .set("wal.quota=8MiB");
    std::fs::create_dir(site.data_dir()).unwrap();
    mount(
        &["-t", "tmpfs", "-o", "size=16m", "tmpfs"],
        &site.data_dir(),
    );
    site
}

/// Takes all the space that is left.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

const WRITE: &str = "/api/v3/write_lp?db=db&precision=nanosecond";

/// One row per call, told apart by its time, in a line long enough to fill segments.
fn line(time: usize) -> String {
    format!("m s=\"{}\" {time}", "x".repeat(20_000))
}

#[test]
fn full_disk_refuses_writes_answers_queries_and_takes_writes_again() {
    in_namespace("inside_a_full_disk_refuses_writes_answers_queries_and_takes_writes_again");
}

#[test]
#[ignore = "needs a mount namespace; the test above runs it in one"]
fn inside_a_full_disk_refuses_writes_answers_queries_and_takes_writes_again() {
    let site = small_site();
    let server = site.start();
    let client = server.client();
    client.write("db", line(0));
    let mut acknowledged = 1;
    fill(&site.data_dir().join("filler"));
    // What is reserved in the active segment is still to be had.
    let refused = loop {
        let reply = client.post(WRITE, line(acknowledged));
        match reply.status {
            204 => acknowledged += 1,
            _ => break reply,
        }
    };
    assert_eq!(
        (refused.status, refused.reason().as_str()),
        (507, "storage_full")
    );
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(
        client.dump("db").len(),
        acknowledged,
        "queries are answered"
    );

    std::fs::remove_file(site.data_dir().join("filler")).unwrap();
    wait_until("writes are taken again", || {
        client.post(WRITE, line(acknowledged)).status == 204
    });
    acknowledged += 1;
    let before = client.dump("db");
    assert_eq!(before.len(), acknowledged);
    server.kill();
    let server = site.start();
    assert_eq!(server.client().dump("db"), before);
    server.stop();
}

#[test]
fn volume_that_takes_no_writes_stops_a_start_and_harms_nothing() {
    in_namespace("inside_a_volume_that_takes_no_writes_stops_a_start_and_harms_nothing");
}

#[test]
#[ignore = "needs a mount namespace; the test above runs it in one"]
fn inside_a_volume_that_takes_no_writes_stops_a_start_and_harms_nothing() {
    let site = small_site();
    let server = site.start();
    server.client().write("db", line(0));
    let before = server.client().dump("db");
    server.kill();
    std::fs::remove_file(site.data_dir().join("endpoints.json")).unwrap();
    mount(&["-o", "remount,ro"], &site.data_dir());
    let said = site.start_refused();
    // What was refused, where, and why.
    for words in [
        "cannot lock",
        &site.data_dir().display().to_string(),
        "Read-only file system",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    mount(&["-o", "remount,rw"], &site.data_dir());
    let server = site.start();
    assert_eq!(server.client().dump("db"), before);
    server.stop();
}

#[test]
fn volume_that_stops_taking_writes_is_read_on_and_heals_by_itself() {
    in_namespace("inside_a_volume_that_stops_taking_writes_is_read_on_and_heals_by_itself");
}

/// The volume itself cannot be made read-only while the log's segment is open; what is mounted in its
/// place can, and then nothing can be created, renamed or removed any more.
#[test]
#[ignore = "needs a mount namespace; the test above runs it in one"]
fn inside_a_volume_that_stops_taking_writes_is_read_on_and_heals_by_itself() {
    let site = small_site().set("buffer.flush_age=100ms");
    let data_dir = site.data_dir();
    let server = site.start();
    let client = server.client();
    client.write("db", line(0));
    wait_until("a row is in a file", || site.files("parquet").len() == 1);
    mount(&["--bind", &data_dir.display().to_string()], &data_dir);
    mount(&["-o", "remount,bind,ro"], &data_dir);
    let mut acknowledged = 1;
    // What is left of the active segment is still to be had.
    let refused = loop {
        let reply = client.post(WRITE, line(acknowledged));
        match reply.status {
            204 => acknowledged += 1,
            _ => break reply,
        }
    };
    assert_eq!(
        (refused.status, refused.reason().as_str()),
        (503, "storage_read_only")
    );
    assert!(!refused.header("retry-after").is_empty());
    let ready = client.get("/ready");
    assert_eq!(
        (ready.status, ready.reason().as_str()),
        (503, "storage_read_only")
    );
    assert_eq!(client.get("/health").status, 200);
    // From files and from memory.
    assert_eq!(client.dump("db").len(), acknowledged);
    let new_table = client.post(WRITE, "other v=1 1");
    assert_eq!(new_table.status, 503, "{}", new_table.text());

    mount(&["-o", "remount,bind,rw"], &data_dir);
    wait_until("writes are taken again", || {
        client.post(WRITE, line(acknowledged)).status == 204
    });
    acknowledged += 1;
    let before = client.dump("db");
    assert_eq!(before.len(), acknowledged);
    wait_until("the server is ready again", || {
        client.get("/ready").status == 200
    });
    server.kill();
    let server = site.start();
    assert_eq!(server.client().dump("db"), before);
    server.stop();
}
