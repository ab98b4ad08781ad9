//! Checks of a real server and who is told of what they see: over any end of the process nothing is missed, nothing
//! is told that is not so, and what is told twice has the same id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::client::Client;
use crate::harness::{Seeded, Server, Site, wait_until};
use crate::webhook::Webhook;

/// Runs a statement that must succeed; returns the first value of its result.
fn run(client: &Client, sql: &str) -> Value {
    let rows = client.rows("plant", sql);
    let first = rows.first().and_then(Value::as_object);
    first
        .and_then(|row| row.values().next())
        .cloned()
        .unwrap_or_default()
}

fn refused(client: &Client, sql: &str, expected: &str) {
    let reply = client.ask("plant", sql, "json");
    assert_ne!(reply.status, 200, "{sql}");
    let said = reply.text();
    assert!(said.contains(expected), "{sql}: {said}");
}

/// A server whose endpoints may be on this machine.
fn site() -> Site {
    Site::open().set(r#"notifications.allowed=["127.0.0.1"]"#)
}

/// Starts a server and waits until it knows what its checks have seen.
fn start(site: &Site) -> Server {
    let server = site.start();
    wait_until("checks run", || {
        let unknown = "SELECT count(*) FROM system.checks WHERE state IS NULL";
        server.client().count("plant", unknown) == 0
    });
    server
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server's checks follow the clock of the machine"
)]
fn now_secs() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn temperature(client: &Client, asset: &str, temp: f64) {
    client.write("plant", format!("motor,asset={asset} temp={temp}\n"));
}

const HOT: &str = "CREATE CHECK hot EVERY '1s' AS \
     SELECT asset, last_value(temp ORDER BY time) AS temp FROM motor GROUP BY asset \
     LEVEL crit WHEN temp > 90 warn WHEN temp > 80 \
     MESSAGE '{{ asset }} is at {{ temp }}'";

fn endpoint(client: &Client, webhook: &Webhook) {
    let url = webhook.url("/hook");
    let sql = format!("CREATE ENDPOINT pager USING webhook WITH (url = '{url}')");
    run(client, &sql);
}

fn statuses(client: &Client) -> Vec<String> {
    let sql = "SELECT tags, previous_level, level, state, message FROM system.check_statuses ORDER BY time, tags";
    let rows = client.rows("plant", sql);
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| {
            let names = ["previous_level", "level", "state", "message"];
            names.map(|name| text(row, name)).join(" ")
        })
        .collect()
}

#[test]
fn a_change_of_level_is_seen_and_told() {
    let webhook = Webhook::start();
    let server = site().start();
    let client = server.client();
    temperature(client, "m1", 70.0);
    run(client, HOT);
    endpoint(client, &webhook);
    run(client, "CREATE NOTIFICATION RULE page TO pager");
    temperature(client, "m1", 95.0);
    wait_until("somebody is told", || !webhook.taken().is_empty());
    let told = webhook.taken()[0].clone();
    let body = told.json();
    assert_eq!(told.path, "/hook");
    assert_eq!(body["status"], "firing");
    assert_eq!(body["message"], "m1 is at 95.0");
    assert_eq!(body["database"], "plant");
    assert_eq!(body["alerts"][0]["level"], "crit");
    assert_eq!(body["alerts"][0]["tags"]["asset"], "m1");
    assert_eq!(body["alerts"][0]["values"]["temp"], 95.0);
    assert_eq!(told.header("idempotency-key"), body["id"].as_str().unwrap());
    let alerts = client.rows("plant", "SHOW ALERTS");
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0]["state"], "firing");
    let noted = run(
        client,
        "ACKNOWLEDGE CHECK hot WHERE asset = 'm1' COMMENT 'on my way'",
    );
    assert_eq!(noted, "1");
    let comment = "SELECT acknowledged_comment FROM system.alerts";
    assert_eq!(run(client, comment), "on my way");
    temperature(client, "m1", 60.0);
    wait_until("somebody is told that it is over", || {
        webhook
            .taken()
            .iter()
            .any(|it| it.json()["status"] == "resolved")
    });
    assert_eq!(client.rows("plant", "SHOW ALERTS").len(), 0);
    assert_eq!(
        statuses(client),
        [
            "ok crit firing m1 is at 95.0",
            "crit ok resolved m1 is at 60.0"
        ]
    );
    wait_until("what became of it is seen", || {
        let delivered = "SELECT count(*) FROM system.notifications WHERE state = 'delivered'";
        client.count("plant", delivered) == 2
    });
}

#[test]
fn nothing_is_missed_or_invented_however_often_the_process_is_killed() {
    let webhook = Webhook::start();
    let site = site();
    let mut server = site.start();
    for asset in 0..3 {
        temperature(server.client(), &format!("m{asset}"), 70.0);
    }
    run(server.client(), HOT);
    endpoint(server.client(), &webhook);
    run(
        server.client(),
        "CREATE NOTIFICATION RULE page LEVELS (crit, warn) TO pager",
    );
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for seed in 0..8 {
        let mut random = Seeded(seed);
        let asset = format!("m{}", random.below(3));
        let temps = [70.0, 85.0, 95.0];
        let temp = temps[usize::try_from(random.below(3)).unwrap()];
        let client = server.client();
        let before = level(client, &asset);
        temperature(client, &asset, temp);
        let after = match temp {
            95.0 => "crit",
            85.0 => "warn",
            _ => "ok",
        };
        if before != after {
            let changes = expected.entry(asset.clone()).or_default();
            changes.push(format!("{before} {after}"));
        }
        // Sometimes before anything was seen, sometimes after, sometimes in the middle of a start.
        if random.below(2) == 0 {
            wait_until("it is seen", || level(server.client(), &asset) == after);
        }
        server.kill();
        site.start_and_kill(Duration::from_millis(random.below(900)));
        server = start(&site);
        let client = server.client();
        wait_until("it is seen at last", || level(client, &asset) == after);
    }
    let client = server.client();
    wait_until("everybody is told", || {
        let pending = "SELECT count(*) FROM system.notifications WHERE state = 'pending'";
        client.count("plant", pending) == 0
    });
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let rows = "SELECT tags, previous_level, level FROM system.check_statuses ORDER BY time";
    for row in client.rows("plant", rows) {
        let tags: Value = serde_json::from_str(row["tags"].as_str().unwrap()).unwrap();
        let asset = tags["asset"].as_str().unwrap().to_owned();
        let (from, to) = (&row["previous_level"], &row["level"]);
        let change = format!("{} {}", from.as_str().unwrap(), to.as_str().unwrap());
        seen.entry(asset).or_default().push(change);
    }
    assert_eq!(seen, expected, "every change once, and no other");
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for body in webhook.taken().iter().map(|request| request.json()) {
        // What is told again has the same id and says the same.
        let alert = &body["alerts"][0];
        if !ids.insert(alert["id"].as_str().unwrap().to_owned()) {
            continue;
        }
        let asset = alert["tags"]["asset"].as_str().unwrap().to_owned();
        let (from, to) = (&alert["previous_level"], &alert["level"]);
        let change = format!("{} {}", from.as_str().unwrap(), to.as_str().unwrap());
        told.entry(asset).or_default().push(change);
    }
    assert_eq!(told, expected, "everybody was told of every change");
}

/// What each second of a time to come is like is known, and so are all changes: whatever cuts the work off, every window is
/// looked at once, in its order.
#[test]
fn every_window_is_looked_at_once_under_load_however_often_the_process_is_killed() {
    const SECOND: u64 = 1_000_000_000;
    let is_hot = |second: u64| (second / 2).is_multiple_of(2);
    let webhook = Webhook::start();
    let site = site();
    let mut server = site.start();
    let now = now_secs();
    let lines: String = (now - 5..now + 900)
        .map(|second| {
            let temp = if is_hot(second) { 95 } else { 70 };
            format!("known,asset=m1 temp={temp}i {second}000000000\n")
        })
        .collect();
    server.client().write("plant", lines);
    endpoint(server.client(), &webhook);
    run(server.client(), "CREATE NOTIFICATION RULE page TO pager");
    run(
        server.client(),
        "CREATE CHECK known EVERY '1s' CATCH UP ALL AS SELECT asset, max(temp) AS temp FROM known \
         WHERE time >= $window_start AND time < $window_stop GROUP BY asset LEVEL crit WHEN temp > 90",
    );
    let made_by = now_secs();
    let mut random = Seeded(11);
    for round in 0..8 {
        webhook.answer(if random.below(3) == 0 { 503 } else { 204 });
        // Rows that have nothing to do with it, so that the log is busy whenever the process ends.
        for write in 0..random.below(25) {
            let noise: String = (0..300)
                .map(|row| format!("noise,row=r{row} v={write}i,round={round}i\n"))
                .collect();
            server.client().write("plant", noise);
        }
        server.kill();
        site.start_and_kill(Duration::from_millis(random.below(900)));
        server = start(&site);
    }
    webhook.answer(204);
    let client = server.client();
    let through = "SELECT CAST(completed_through AS BIGINT) FROM system.checks";
    // By then it has seen several changes, however fast the machine is.
    let caught_up = now_secs().max(made_by + 15) * SECOND;
    wait_until("it has caught up", || {
        client.value("plant", through).as_u64().unwrap_or(0) >= caught_up
    });
    run(client, "ALTER CHECK known PAUSE");
    wait_until("it rests", || {
        let running = "SELECT count(*) FROM system.checks WHERE state = 'paused'";
        client.count("plant", running) == 1
    });
    let through = client.value("plant", through).as_u64().unwrap();
    let pending = "SELECT count(*) FROM system.notifications WHERE state = 'pending'";
    wait_until("everybody is told", || client.count("plant", pending) == 0);
    let sql = "SELECT CAST(time AS BIGINT) AS at, previous_level, level FROM system.check_statuses ORDER BY time";
    let seen: Vec<_> = client
        .rows("plant", sql)
        .iter()
        .map(|row| (row["at"].as_u64().unwrap(), row["level"] == "crit"))
        .collect();
    // The first change is that to the first hot second; from then on every change of the seconds is one.
    let first = seen[0].0 / SECOND;
    assert!(
        first <= made_by + 6,
        "{first} is late, it was made by {made_by}"
    );
    let changes = (first..=through / SECOND).filter_map(|stop| {
        let (before, level) = (is_hot(stop - 2), is_hot(stop - 1));
        (stop == first || before != level).then_some((stop * SECOND, level))
    });
    let expected: Vec<_> = changes.collect();
    assert!(expected.len() > 4, "{expected:?}");
    assert_eq!(seen, expected, "every change once, and no other");
    let mut told = BTreeMap::new();
    for body in webhook.taken().iter().map(|request| request.json()) {
        for alert in body["alerts"].as_array().unwrap() {
            let id = alert["id"].as_str().unwrap().to_owned();
            let what = (
                alert["time_nanos"].as_u64().unwrap(),
                alert["level"] == "crit",
            );
            // What is told again has the same id, and what has another id is something else.
            assert_eq!(*told.entry(id).or_insert(what), what);
        }
    }
    let told: BTreeSet<_> = told.into_values().collect();
    assert_eq!(
        told,
        expected.into_iter().collect(),
        "everybody was told of every change"
    );
}

/// What is known of a check or a task that fails: levels, states and what was said.
fn failures(client: &Client) -> Vec<String> {
    let sql = "SELECT check_name, previous_level, level, state, tags FROM system.check_statuses \
               WHERE reason = 'failure' ORDER BY time";
    let rows = client.rows("plant", sql);
    let names = ["check_name", "previous_level", "level", "state", "tags"];
    rows.iter()
        .map(|row| names.map(|name| row[name].as_str().unwrap()).join(" "))
        .collect()
}

#[test]
fn people_are_told_when_a_check_cannot_look_and_when_it_can_again() {
    let webhook = Webhook::start();
    let site = site().set("checks.failures_told=2");
    let server = site.start();
    let client = server.client();
    client.write("plant", "motor,asset=m1 n=1i\n");
    endpoint(client, &webhook);
    // Whatever series it is about, whoever relies on a check is told that it fails.
    run(
        client,
        "CREATE NOTIFICATION RULE page WHERE line = 'A' TO pager",
    );
    run(
        client,
        "CREATE CHECK share EVERY '1s' RETRIES 0 AS SELECT asset, 100 / last_value(n ORDER BY time) AS share FROM motor \
         GROUP BY asset LEVEL crit WHEN share > 1000",
    );
    client.write("plant", "motor,asset=m1 n=0i\n");
    wait_until("it is known", || failures(client).len() == 1);
    assert_eq!(failures(client), ["share ok unknown firing {}"]);
    wait_until("somebody is told", || webhook.taken().len() == 1);
    let body = webhook.taken()[0].json();
    assert_eq!(body["level"], "unknown");
    let message = body["message"].as_str().unwrap();
    assert!(
        message.starts_with("check share cannot look: "),
        "{message}"
    );
    assert_eq!(client.rows("plant", "SHOW ALERTS")[0]["level"], "unknown");
    assert_eq!(client.rows("plant", "SHOW CHECKS")[0]["level"], "unknown");
    server.kill();
    let server = start(&site);
    let client = server.client();
    let failed = "SELECT count(*) FROM system.checks WHERE failures >= 4";
    wait_until("it fails on", || client.count("plant", failed) == 1);
    assert_eq!(failures(client).len(), 1, "it is known already");
    client.write("plant", "motor,asset=m1 n=1i\n");
    wait_until("it is over", || failures(client).len() == 2);
    assert_eq!(failures(client)[1], "share unknown ok resolved {}");
    wait_until("that is told", || webhook.taken().len() == 2);
    let body = webhook.taken()[1].json();
    assert_eq!(body["status"], "resolved");
    assert_eq!(body["message"], "check share looks again");
    assert_eq!(client.rows("plant", "SHOW ALERTS").len(), 0);
}

#[test]
fn people_are_told_when_a_task_is_disabled_and_when_it_runs_again() {
    let webhook = Webhook::start();
    let server = site().start();
    let client = server.client();
    client.write("plant", "motor,asset=m1 n=0i\n");
    endpoint(client, &webhook);
    run(
        client,
        "CREATE NOTIFICATION RULE page LEVELS (unknown) TO pager",
    );
    run(
        client,
        "CREATE NOTIFICATION RULE others FOR CHECKS (shares) TO pager",
    );
    run(
        client,
        "CREATE TASK shares EVERY '1s' RETRIES 0 DISABLE AFTER 2 AS INSERT INTO share \
         SELECT asset, 100 / last_value(n ORDER BY time) AS share FROM motor GROUP BY asset",
    );
    wait_until("it is told", || webhook.taken().len() == 1);
    let body = webhook.taken()[0].json();
    let message = body["message"].as_str().unwrap();
    assert!(
        message.starts_with("task shares runs no more: "),
        "{message}"
    );
    assert_eq!(body["rule"], "page");
    let disabled = "SELECT count(*) FROM system.tasks WHERE status = 'disabled'";
    wait_until("it is disabled", || client.count("plant", disabled) == 1);
    client.write("plant", "motor,asset=m1 n=1i\n");
    run(client, "ALTER TASK shares RESUME");
    wait_until("it is told that it runs", || webhook.taken().len() == 2);
    assert_eq!(
        webhook.taken()[1].json()["message"],
        "task shares runs again"
    );
    assert_eq!(
        failures(client),
        [
            "shares ok unknown firing {\"task\":\"shares\"}",
            "shares unknown ok resolved {\"task\":\"shares\"}",
        ]
    );
}

#[test]
fn an_endpoint_is_tried_out_and_looked_after_on_the_command_line() {
    let webhook = Webhook::start();
    let server = site().start();
    let client = server.client();
    temperature(client, "m1", 95.0);
    endpoint(client, &webhook);
    run(
        client,
        "CREATE CHECK hot ON motor.temp EVERY '1s' CRIT WHEN value > 90",
    );
    let said = |words: &[&str]| {
        let mut words = words.to_vec();
        words.extend(["--database", "plant"]);
        let output = crate::harness::run(&mut server.cli(&words), b"");
        let (out, err) = (output.stdout, output.stderr);
        let said = String::from_utf8([out, err].concat()).unwrap();
        assert!(output.status.success(), "{words:?}: {said}");
        said
    };
    assert!(said(&["endpoint", "test", "pager"]).contains("delivered"));
    assert_eq!(webhook.taken()[0].json()["alerts"][0]["check"], "test");
    webhook.answer(500);
    let test = ["endpoint", "test", "pager", "--database", "plant"];
    let failed = crate::harness::run(&mut server.cli(&test), b"");
    let said_why = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(1), "{said_why}");
    assert!(
        said_why.contains("failed") && said_why.contains("500"),
        "{said_why}"
    );
    assert!(said(&["endpoint", "pause", "pager"]).contains("paused"));
    assert!(said(&["endpoint", "show", "pager", "--format", "json"]).contains("webhook"));
    // The window of a row that was just written ends within a second.
    temperature(client, "m1", 95.0);
    wait_until("it fires", || {
        temperature(client, "m1", 95.0);
        said(&["check", "alerts"]).contains("crit")
    });
    assert!(said(&["check", "show", "hot", "--format", "json"]).contains("last_value"));
    assert!(
        said(&[
            "check",
            "silence",
            "hot",
            "--for",
            "1h",
            "--comment",
            "it's known"
        ])
        .contains("silence")
    );
    let silence = said(&["check", "silences", "--format", "json"]);
    assert!(silence.contains("it's known"), "{silence}");
    said(&["check", "pause", "hot"]);
    said(&["check", "acknowledge", "hot", "--where", "asset = 'm1'"]);
    said(&["check", "drop", "hot"]);
    assert_eq!(client.rows("plant", "SHOW CHECKS").len(), 0);
    assert!(said(&["endpoint", "list"]).contains("pager"));
}

/// How bad a series is, as the newest change has it.
fn level(client: &Client, asset: &str) -> String {
    let sql = format!(
        "SELECT level FROM system.check_statuses WHERE tags = '{{\"asset\":\"{asset}\"}}' ORDER BY time DESC LIMIT 1"
    );
    let level = run(client, &sql);
    level.as_str().unwrap_or("ok").to_owned()
}

#[test]
fn an_endpoint_that_is_away_is_told_when_it_is_back() {
    let webhook = Webhook::start();
    let port = webhook.port();
    let site = site();
    let server = site.start();
    let client = server.client();
    temperature(client, "m1", 95.0);
    endpoint(client, &webhook);
    run(client, "CREATE NOTIFICATION RULE page TO pager");
    webhook.answer(503);
    run(client, HOT);
    let failed = "SELECT count(*) FROM system.notifications WHERE state = 'pending' AND attempts >= 1 \
                  AND error LIKE '%503%'";
    wait_until("it was tried", || client.count("plant", failed) == 1);
    drop(webhook);
    server.stop();
    let server = start(&site);
    let client = server.client();
    let refused = "SELECT count(*) FROM system.notifications WHERE state = 'pending' AND error NOT LIKE '%503%'";
    wait_until("it was tried again", || client.count("plant", refused) == 1);
    let webhook = Webhook::on(port);
    wait_until("somebody is told", || webhook.taken().len() == 1);
    assert_eq!(webhook.taken()[0].json()["message"], "m1 is at 95.0");
}

#[test]
fn rules_tell_of_what_they_are_about_and_silences_keep_it_back() {
    let webhook = Webhook::start();
    let server = site().start();
    let client = server.client();
    for asset in ["m1", "m2", "x1"] {
        temperature(client, asset, 70.0);
    }
    endpoint(client, &webhook);
    run(client, HOT);
    let rule = "CREATE NOTIFICATION RULE page FOR CHECKS (hot) LEVELS (crit) WHERE asset ~ '^m' TO pager \
                GROUP BY ALL AT MOST EVERY '2s' NO RESOLVED MESSAGE 'look at {{ asset }}'";
    run(client, rule);
    let id = run(
        client,
        "SILENCE CHECK hot WHERE asset = 'm2' FOR '1h' COMMENT 'maintenance'",
    );
    for asset in ["m1", "m2", "x1"] {
        temperature(client, asset, 99.0);
    }
    wait_until("somebody is told", || webhook.taken().len() == 1);
    assert_eq!(webhook.taken()[0].json()["message"], "look at m1");
    let silenced = "SELECT count(*) FROM system.alerts WHERE silenced_until IS NOT NULL";
    wait_until("all is seen", || {
        client.rows("plant", "SHOW ALERTS").len() == 3
    });
    assert_eq!(client.count("plant", silenced), 1);
    run(client, &format!("UNSILENCE '{}'", id.as_str().unwrap()));
    wait_until("what still is so is told", || webhook.taken().len() == 2);
    assert_eq!(webhook.taken()[1].json()["message"], "look at m2");
    let waiting = "SELECT count(*) FROM system.notifications WHERE state = 'pending'";
    assert_eq!(client.count("plant", waiting), 0);
}

#[test]
fn what_makes_no_sense_or_must_not_be_is_refused() {
    let server = Server::open();
    let client = server.client();
    temperature(client, "m1", 70.0);
    let select = "SELECT asset, temp FROM motor";
    let check = |rest: &str| format!("CREATE CHECK x EVERY '1m' AS {select} {rest}");
    for (sql, expected) in [
        (check(""), "LEVEL"),
        (check("LEVEL crit"), "LEVEL"),
        (check("LEVEL ok WHEN temp > 1"), "none of the other levels"),
        (check("LEVEL crit WHEN tmp > 1"), "did you mean"),
        (
            check("LEVEL crit WHEN temp > 1 crit WHEN temp > 2"),
            "two conditions",
        ),
        (
            check("LEVEL crit WHEN temp > 1 SERIES BY (line)"),
            "SERIES BY names 'line'",
        ),
        (check("LEVEL crit WHEN temp > 1 MESSAGE '{{ a'"), "template"),
        (
            check("LEVEL crit WHEN temp > 1 FOR 'soon'"),
            "length of time",
        ),
        (
            "CREATE CHECK x ON WRITE TO motor AS SELECT 1 AS a LEVEL crit WHEN a > 0".to_owned(),
            "EVERY",
        ),
        (
            "CREATE CHECK x EVERY '1m' AS DELETE FROM motor LEVEL crit WHEN true".to_owned(),
            "SELECT or WITH",
        ),
        (
            "CREATE CHECK x EVERY '1m' AS SELECT 1 AS a) AS b, (SELECT 2 AS c LEVEL crit WHEN true"
                .to_owned(),
            "",
        ),
        (
            "CREATE ENDPOINT e USING pigeon WITH (url = 'x')".to_owned(),
            "no endpoint of kind",
        ),
        (
            "CREATE ENDPOINT e USING webhook".to_owned(),
            "needs the option 'url'",
        ),
        (
            "CREATE NOTIFICATION RULE r TO nobody".to_owned(),
            "not found",
        ),
        ("SILENCE CHECK nothing FOR '1h'".to_owned(), "not found"),
        ("UNSILENCE '1'".to_owned(), "not found"),
        ("ACKNOWLEDGE CHECK nothing".to_owned(), "not found"),
        ("DROP ENDPOINT e".to_owned(), "not found"),
        ("DROP CHECK x".to_owned(), "not found"),
    ] {
        refused(client, &sql, expected);
    }
    // Nothing is sent to this machine or its neighbours unless the setting says so.
    for host in [
        "127.0.0.1",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "2130706433",
    ] {
        let sql = format!("CREATE ENDPOINT e USING webhook WITH (url = 'https://{host}/')");
        refused(client, &sql, "notifications.allowed");
    }
    refused(
        client,
        "CREATE ENDPOINT e USING webhook WITH (url = 'http://1.1.1.1/')",
        "without encryption",
    );
}

#[test]
fn a_name_that_stands_for_this_machine_is_not_called() {
    let webhook = Webhook::start();
    let server = Server::open();
    let client = server.client();
    temperature(client, "m1", 95.0);
    let url = format!("https://localhost:{}/", webhook.port());
    run(
        client,
        &format!("CREATE ENDPOINT pager USING webhook WITH (url = '{url}')"),
    );
    run(client, "CREATE NOTIFICATION RULE page TO pager");
    run(client, HOT);
    let refused = "SELECT count(*) FROM system.notifications WHERE error LIKE '%this machine%'";
    wait_until("it was refused", || client.count("plant", refused) == 1);
    assert_eq!(webhook.received().len(), 0);
}

#[test]
fn checks_run_with_the_rights_of_their_author() {
    const ADMIN: &str = "admin-token-of-this-test";
    let site = Site::new()
        .env("TIDEMILL_INIT_ADMIN_TOKEN", ADMIN)
        .token(ADMIN);
    let server = site.start();
    let admin = server.client();
    temperature(admin, "m1", 95.0);
    admin.write("plant", "secret v=1\n");
    let row = &admin.rows(
        "plant",
        "CREATE TOKEN engineer READ ON plant.motor, WRITE ON plant EXPIRES NEVER",
    )[0];
    let token = row["token"].as_str().unwrap().to_owned();
    let engineer = admin.with_token(Some(&token));
    refused(
        &engineer,
        "CREATE CHECK x EVERY '1s' AS SELECT v FROM secret LEVEL crit WHEN v > 0",
        "not found",
    );
    refused(
        &engineer,
        "CREATE ENDPOINT e USING webhook WITH (url = 'https://example.org/')",
        "no right to admin",
    );
    run(&engineer, HOT);
    wait_until("it runs", || {
        admin.rows("plant", "SHOW ALERTS").len() == 1
            && engineer.rows("plant", "SHOW ALERTS").len() == 1
    });
    let reader = &admin.rows("plant", "CREATE TOKEN reader READ ON plant EXPIRES NEVER")[0];
    let reader = admin.with_token(reader["token"].as_str());
    refused(&reader, &HOT.replace("hot", "x"), "no right to write");
    assert_eq!(reader.rows("plant", "SHOW ALERTS").len(), 0);
    assert_eq!(reader.rows("plant", "SHOW CHECKS").len(), 0);
    refused(&reader, "DROP CHECK hot", "not found");
    run(admin, "DROP TOKEN engineer");
    let failed = "SELECT count(*) FROM system.checks WHERE last_error LIKE '%revoked%'";
    wait_until("it does nothing any more", || {
        admin.count("plant", failed) == 1
    });
}

#[test]
fn secrets_of_endpoints_are_found_nowhere() {
    const SECRETS: [&str; 3] = [
        "s3cr3t-bearer-77aa",
        "s3cr3t-path-88bb",
        "s3cr3t-header-99cc",
    ];
    let webhook = Webhook::start();
    let site = site().env("TIDEMILL_LOG", "trace");
    let server = site.start();
    let client = server.client();
    temperature(client, "m1", 95.0);
    let [token, path, header] = SECRETS;
    let url = webhook.url(&format!("/{path}"));
    let make = format!(
        "ENDPOINT pager USING webhook WITH (url = '{url}', token = '{token}', \"header.X-Key\" = '{header}')"
    );
    run(client, &format!("CREATE {make}"));
    run(client, &format!("create or replace {make} COMMENT 'again'"));
    for wrong in [
        make.replace("token =", "tokn ="),
        make.replace("token =", "token"),
        make.replace(')', ""),
        make.replace("webhook", "pigeon"),
    ] {
        let reply = client.ask("plant", &format!("CREATE {wrong}"), "json");
        assert_ne!(reply.status, 200);
    }
    run(client, "CREATE NOTIFICATION RULE page TO pager");
    run(client, HOT);
    wait_until("somebody is told", || webhook.taken().len() == 1);
    let told = webhook.taken()[0].clone();
    assert_eq!(told.header("authorization"), format!("Bearer {token}"));
    assert_eq!(told.header("x-key"), header);
    assert_eq!(told.path, format!("/{path}"));
    webhook.answer(500);
    temperature(client, "m1", 60.0);
    let failed = "SELECT count(*) FROM system.notifications WHERE error IS NOT NULL";
    wait_until("it failed", || client.count("plant", failed) == 1);
    let shown = [
        "SHOW ENDPOINTS",
        "DESCRIBE ENDPOINT pager",
        "SELECT * FROM system.endpoints",
        "SELECT * FROM system.queries",
        "SELECT * FROM system.audit",
        "SELECT * FROM system.notifications",
        "SELECT * FROM system.notification_rules",
        "SELECT * FROM system.settings",
    ];
    for sql in shown {
        let rows = client.rows("plant", sql);
        assert!(!rows.is_empty(), "{sql}");
        // The statement that looks for them would be found.
        let said = format!("{rows:?}");
        for secret in SECRETS {
            assert!(!said.contains(secret), "{sql} shows {secret}: {said}");
        }
    }
    let kept = client.rows("_checks", "SELECT * FROM notifications");
    let log = server.stop();
    for secret in SECRETS {
        assert!(!format!("{kept:?}").contains(secret));
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the log has {secret}");
    }
    let mut folders = vec![site.data_dir()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            count += 1;
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            for secret in SECRETS {
                assert!(!text.contains(secret), "{} has {secret}", path.display());
            }
        }
    }
    assert!(count > 3);
}

#[test]
fn rows_are_forwarded_and_none_is_lost_while_the_other_side_is_away() {
    let central = Site::open();
    let central_server = central.start();
    central_server.client().write("central", "warm up=1\n");
    let address = central_server.client().http().to_owned();
    let plant = site();
    let server = plant.start();
    let client = server.client();
    let now = now_secs() * 10;
    let lines: String = (now - 300..now + 6000)
        .map(|tenth| {
            let (asset, value) = (tenth % 3, tenth % 17);
            format!("source,asset=m{asset} v={value}i {tenth}00000000\n")
        })
        .collect();
    client.write("plant", lines);
    let sql = format!(
        "CREATE ENDPOINT central USING influxdb WITH (url = '{address}', bucket = 'central', token = 'x')"
    );
    run(client, &sql);
    run(
        client,
        "CREATE TASK forward EVERY '1s' AS INSERT INTO sums AT ENDPOINT central \
         SELECT date_bin(INTERVAL '1 second', time) AS time, asset, sum(v) AS total FROM source \
         WHERE time >= $window_start AND time < $window_stop GROUP BY 1, 2",
    );
    let rows = |client: &Client| client.count("central", "SELECT count(*) FROM sums");
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'sums'";
    wait_until("the table is made", || {
        central_server.client().count("central", tables) == 1
    });
    wait_until("rows arrive", || rows(central_server.client()) >= 6);
    let v3 = central_server.client().on_v3().http().to_owned();
    central_server.kill();
    let failing = "SELECT count(*) FROM system.task_runs WHERE state = 'failed'";
    wait_until("it is noticed", || client.count("plant", failing) >= 2);
    server.kill();
    let server = start(&plant);
    let client = server.client();
    wait_until("it is noticed again", || {
        client.count(
            "plant",
            "SELECT count(*) FROM system.task_runs WHERE state = 'failed'",
        ) >= 3
    });
    let bind = |address: &str| address.strip_prefix("http://").unwrap().to_owned();
    let central = central
        .arg("--http-bind")
        .arg(&bind(&address))
        .arg("--v3-bind")
        .arg(&bind(&v3));
    let central_server = central.start();
    let through = "SELECT CAST(completed_through AS BIGINT) FROM system.tasks";
    let first = "SELECT CAST(min(time) AS BIGINT) FROM sums";
    let first = central_server.client().value("central", first);
    let first = first.as_u64().unwrap();
    // Six windows at least, on a machine that does all of this at once, too.
    let back = (now_secs() * 1_000_000_000).max(first + 6_000_000_000);
    wait_until("it has caught up", || {
        client.value("plant", through).as_u64().unwrap_or(0) >= back
    });
    run(client, "ALTER TASK forward PAUSE");
    let through = client.value("plant", through).as_u64().unwrap();
    let expected = client.rows(
        "plant",
        &format!(
            "SELECT CAST(date_bin(INTERVAL '1 second', time) AS BIGINT) AS time, asset, sum(v) AS total FROM source \
             WHERE CAST(time AS BIGINT) >= {first} AND CAST(time AS BIGINT) < {through} GROUP BY 1, 2 ORDER BY 1, 2"
        ),
    );
    let found = central_server.client().rows(
        "central",
        &format!(
            "SELECT CAST(time AS BIGINT) AS time, asset, total FROM sums WHERE CAST(time AS BIGINT) < {through} \
             ORDER BY 1, 2"
        ),
    );
    assert!(expected.len() > 15, "{}", expected.len());
    assert_eq!(found, expected);
}
