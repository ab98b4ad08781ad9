//! Tokens of a real server: made, used, rotated and revoked, over restarts and from the command line.

use crate::client::Client;
use crate::harness::{Server, Site, run};

/// Runs a command that must succeed; returns its standard output.
fn out(server: &Server, args: &[&str]) -> String {
    let output = run(&mut server.cli(args), b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The status of a write of one row to a table.
fn write(client: &Client, token: &str, database: &str, table: &str) -> u16 {
    let path = format!("/api/v3/write_lp?db={database}");
    let row = format!("{table} v=1 1");
    let client = client.with_token(Some(token));
    client.send("POST", &path, &[], row.as_bytes()).status
}

/// The status of a query.
fn read(client: &Client, token: &str, database: &str, table: &str) -> u16 {
    let path = format!("/api/v3/query_sql?db={database}&format=json&q=SELECT+*+FROM+{table}");
    client.with_token(Some(token)).get(&path).status
}

#[test]
fn tokens_do_what_they_may_and_survive_a_restart() {
    let site = Site::new();
    let server = site.start();
    let writer = out(&server, &["token", "create", "writer", "--write", "plant"]);
    let reader = out(
        &server,
        &["token", "create", "reader", "--read", "plant:motor"],
    );
    let deploy = out(&server, &["token", "create", "deploy", "--admin"]);
    let check = |server: &Server| {
        let client = server.client();
        assert_eq!(write(client, &writer, "plant", "motor"), 204);
        assert_eq!(write(client, &writer, "plant", "pump"), 204);
        assert_eq!(write(client, &writer, "lab", "motor"), 403);
        assert_eq!(read(client, &writer, "plant", "motor"), 403);
        assert_eq!(read(client, &reader, "plant", "motor"), 200);
        assert_eq!(read(client, &reader, "plant", "pump"), 400);
        assert_eq!(read(client, &reader, "lab", "motor"), 403);
        assert_eq!(write(client, &reader, "plant", "motor"), 403);
        assert_eq!(write(client, &deploy, "lab", "motor"), 204);
        assert_eq!(read(client, &deploy, "lab", "motor"), 200);
    };
    check(&server);
    let list = out(&server, &["token", "list", "--format", "csv"]);
    for (name, permissions) in [
        ("writer", "write:plant"),
        ("reader", "read:plant:motor"),
        ("deploy", "admin"),
    ] {
        let mut lines = list.lines();
        let is_listed = |line: &str| line.starts_with(name) && line.contains(permissions);
        assert!(lines.any(is_listed), "{name}: {list}");
    }
    let log = server.stop();
    let server = site.start();
    check(&server);
    for secret in [&writer, &reader, &deploy] {
        assert!(!list.contains(&**secret) && !log.contains(&**secret));
    }

    let rotated = out(&server, &["token", "rotate", "writer"]);
    assert_eq!(write(server.client(), &writer, "plant", "motor"), 204);
    assert_eq!(write(server.client(), &rotated, "plant", "motor"), 204);
    let again = out(&server, &["token", "rotate", "writer", "--grace", "0s"]);
    assert_eq!(write(server.client(), &writer, "plant", "motor"), 401);
    assert_eq!(write(server.client(), &rotated, "plant", "motor"), 401);
    assert_eq!(write(server.client(), &again, "plant", "motor"), 204);
    out(&server, &["token", "revoke", "writer"]);
    assert_eq!(write(server.client(), &again, "plant", "motor"), 401);
    let output = run(&mut server.cli(&["token", "revoke", "writer"]), b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("token not found: writer"), "{said}");
}

#[test]
fn a_token_without_a_right_is_not_made() {
    let server = Site::new().start();
    let output = run(&mut server.cli(&["token", "create", "nothing"]), b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("no right is given"),
        "{said}"
    );
}
