//! Tasks of a real server: they run by themselves, over any end of the process, and with the rights of
//! whoever wrote them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::client::Client;
use crate::harness::{Seeded, Server, Site, wait_until};

/// Runs a statement that must succeed; returns the first value of its result.
fn run(client: &Client, sql: &str) -> Value {
    let rows = client.rows("plant", sql);
    let first = rows.first().and_then(Value::as_object);
    first
        .and_then(|row| row.values().next())
        .cloned()
        .unwrap_or_default()
}

/// Starts a server and waits until it knows how far its tasks are.
fn start(site: &Site) -> Server {
    let server = site.start();
    wait_until("tasks run", || {
        let unknown = "SELECT count(*) FROM system.tasks WHERE state IS NULL";
        server.client().count("plant", unknown) == 0
    });
    server
}

/// What is wrong with a statement.
fn refused(client: &Client, sql: &str) -> String {
    let reply = client.ask("plant", sql, "json");
    assert_ne!(reply.status, 200, "{sql}");
    reply.text()
}

fn runs(client: &Client, condition: &str) -> Vec<Value> {
    let sql = format!("SELECT * FROM system.task_runs WHERE {condition} ORDER BY run_id");
    client.rows("plant", &sql)
}

fn wait_for_runs(client: &Client, condition: &str, count: usize) -> Vec<Value> {
    let what = format!("{count} runs with {condition}");
    wait_until(&what, || runs(client, condition).len() >= count);
    runs(client, condition)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server's tasks follow the clock of the machine"
)]
fn now_secs() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// Ten rows a second, from a while ago until long after the test.
fn write_source(client: &Client) {
    let now = now_secs() * 10;
    let lines: String = (now - 100..now + 6000)
        .map(|tenth| format!("source,t={} v={}i {tenth}00000000\n", tenth % 3, tenth % 17))
        .collect();
    client.write("plant", lines);
}

const SUMS: &str = "CREATE TASK sums EVERY '1s' CATCH UP 10000 AS \
     INSERT INTO sums SELECT date_bin(INTERVAL '1 second', time) AS time, t, sum(v) AS total, \
     count(*) AS n FROM source WHERE time >= $window_start AND time < $window_stop GROUP BY 1, 2";

/// Every window that is done with has its rows, and no other has.
fn check_sums(client: &Client) {
    let through = "SELECT CAST(completed_through AS BIGINT) AS x FROM system.tasks";
    let through = client.value("plant", through).as_i64().unwrap();
    let expected = format!(
        "SELECT count(*) AS x FROM (SELECT date_bin(INTERVAL '1 second', time) AS time, t, \
         sum(v) AS total, count(*) AS n FROM source WHERE time >= (SELECT min(time) FROM sums) \
         AND CAST(time AS BIGINT) < {through} GROUP BY 1, 2) AS s"
    );
    let matching = format!(
        "SELECT count(*) AS x FROM (SELECT date_bin(INTERVAL '1 second', time) AS time, t, \
         sum(v) AS total, count(*) AS n FROM source GROUP BY 1, 2) AS s \
         JOIN sums ON s.time = sums.time AND s.t = sums.t \
         WHERE s.total = sums.total AND s.n = sums.n AND CAST(s.time AS BIGINT) < {through}"
    );
    let written = format!("SELECT count(*) AS x FROM sums WHERE CAST(time AS BIGINT) < {through}");
    let expected = client.count("plant", &expected);
    assert!(expected > 0);
    assert_eq!(
        client.count("plant", &matching),
        expected,
        "no window is missing or wrong"
    );
    assert_eq!(
        client.count("plant", &written),
        expected,
        "and nothing else is there"
    );
}

#[test]
fn windows_are_neither_missed_nor_wrong_however_often_the_process_is_killed() {
    let site = Site::open();
    let mut server = site.start();
    write_source(server.client());
    run(server.client(), SUMS);
    wait_for_runs(server.client(), "state = 'succeeded'", 2);
    for seed in 0..10 {
        let mut random = Seeded(seed);
        // Sometimes in the middle of a start, which catches up.
        server.kill();
        site.start_and_kill(Duration::from_millis(random.below(900)));
        server = start(&site);
        let client = server.client();
        let done = runs(client, "state = 'succeeded'").len();
        let more = usize::try_from(random.below(4)).unwrap();
        wait_for_runs(client, "state = 'succeeded'", done + more);
    }
    let client = server.client();
    let done = runs(client, "state = 'succeeded'").len();
    wait_for_runs(client, "state = 'succeeded'", done + 2);
    run(client, "ALTER TASK sums PAUSE");
    wait_until("nothing runs", || {
        runs(client, "state IN ('queued', 'running')").is_empty()
    });
    check_sums(client);
    assert_eq!(
        runs(client, "state NOT IN ('succeeded')"),
        Vec::<Value>::new()
    );
    // No window is done with twice, but for those that a crash cut off between the work and the note.
    let windows = "SELECT count(DISTINCT window_stop) AS x FROM system.task_runs";
    assert!(client.count("plant", windows) as usize + 20 >= runs(client, "true").len());
}

#[test]
fn missed_windows_are_caught_up_as_far_as_the_task_lets_them_wait() {
    let site = Site::open();
    let server = site.start();
    write_source(server.client());
    let sql = SUMS.replace("CATCH UP 10000", "CATCH UP 2");
    run(server.client(), &sql);
    wait_for_runs(server.client(), "state = 'succeeded'", 1);
    run(server.client(), "ALTER TASK sums PAUSE");
    let stopped_at = now_secs();
    server.stop();
    wait_until("some windows are missed", || now_secs() >= stopped_at + 5);
    let server = start(&site);
    run(server.client(), "ALTER TASK sums RESUME");
    let skipped = wait_for_runs(server.client(), "state = 'skipped'", 1);
    assert!(skipped[0]["window_start"].as_str() < skipped[0]["window_stop"].as_str());
    wait_for_runs(server.client(), "state = 'succeeded'", 4);
    // The windows of all runs are next to each other.
    let gaps = "SELECT count(*) AS x FROM (SELECT window_start, \
                lag(window_stop) OVER (ORDER BY window_stop) AS before FROM system.task_runs \
                WHERE state IN ('succeeded', 'skipped')) AS w WHERE window_start > before";
    assert_eq!(server.client().count("plant", gaps), 0);
}

#[test]
fn a_task_is_paused_run_by_hand_resumed_replaced_and_dropped() {
    let server = Server::open();
    let client = server.client();
    write_source(client);
    run(client, &SUMS.replace("'1s'", "'1h' PAUSED"));
    assert_eq!(run(client, "SELECT state FROM system.tasks"), "paused");
    let id = run(
        client,
        "EXECUTE TASK sums FROM '2020-01-01T00:00:00Z' TO '2099-01-01T00:00:00Z'",
    );
    assert_eq!(id.as_str().unwrap().len(), 16, "the id of the run");
    let by_hand = wait_for_runs(client, "state = 'succeeded'", 1);
    assert_eq!(
        (&by_hand[0]["cause"], &by_hand[0]["attempt"]),
        (&"request".into(), &1.into())
    );
    let rows = by_hand[0]["row_count"].as_u64().unwrap();
    assert_eq!(client.count("plant", "SELECT count(*) FROM sums"), rows);
    run(
        client,
        &SUMS.replace("CREATE TASK", "CREATE OR REPLACE TASK"),
    );
    wait_for_runs(client, "cause = 'schedule' AND state = 'succeeded'", 1);
    assert_eq!(
        run(
            client,
            &SUMS.replace("CREATE TASK", "CREATE TASK IF NOT EXISTS")
        ),
        "the task exists already"
    );
    assert!(refused(client, SUMS).contains("already exists"));
    run(client, "DROP TASK sums");
    assert!(client.rows("plant", "SHOW TASKS").is_empty());
    assert!(refused(client, "EXECUTE TASK sums").contains("not found"));
    let audit = "SELECT action FROM system.audit WHERE subject = 'sums' ORDER BY time, action";
    let actions = client.rows("plant", audit);
    let actions: Vec<_> = actions
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["create task", "change task", "remove task"]);
}

#[test]
fn a_task_does_what_its_owner_may_do_at_the_time() {
    let server = Site::new().start();
    let token = std::fs::read_to_string(server.site().data_dir().join("admin-token")).unwrap();
    let admin = server.client().with_token(Some(token.trim()));
    write_source(&admin);
    let create = |rights: &str| {
        let rows = admin.rows("plant", &format!("CREATE TOKEN maker {rights}"));
        let secret = rows[0]["token"].as_str().unwrap().to_owned();
        server.client().with_token(Some(&secret))
    };
    let maker = create("READ ON plant.source");
    assert!(
        refused(&maker, SUMS).contains("write"),
        "it may not write there"
    );
    admin.rows("plant", "DROP TOKEN maker");
    let maker = create("READ ON plant.source, WRITE ON plant.sums");
    run(&maker, SUMS);
    wait_for_runs(&maker, "state = 'succeeded'", 1);
    // Others neither see it nor change it; who administers the database does.
    let rows = admin.rows("plant", "CREATE TOKEN other READ ON plant");
    let other = server.client().with_token(rows[0]["token"].as_str());
    assert!(other.rows("plant", "SHOW TASKS").is_empty());
    assert!(refused(&other, "ALTER TASK sums PAUSE").contains("not found"));
    assert_ne!(
        other.ask("_tasks", "SELECT * FROM runs", "json").status,
        200
    );
    assert_eq!(admin.rows("plant", "SHOW TASKS").len(), 1);
    admin.rows("plant", "DROP TOKEN maker");
    let failed = wait_for_runs(&admin, "state = 'failed'", 1);
    let error = failed[0]["error"].as_str().unwrap();
    assert!(
        error.contains("'maker'") && error.contains("revoked"),
        "{error}"
    );
}

#[test]
fn a_task_that_goes_on_failing_is_retried_then_disabled_with_the_reason() {
    let site = Site::open();
    let server = site.start();
    let client = server.client();
    write_source(client);
    let sql = SUMS.replace("CATCH UP 10000", "RETRIES 1 DISABLE AFTER 2");
    run(client, &sql);
    wait_for_runs(client, "state = 'succeeded'", 1);
    run(client, "DROP TABLE source");
    wait_until("it is disabled", || {
        run(client, "SELECT status FROM system.tasks") == "disabled"
    });
    let reason = run(client, "SELECT reason FROM system.tasks");
    let reason = reason.as_str().unwrap();
    assert!(
        reason.starts_with("2 windows in a row failed") && reason.contains("'source'"),
        "{reason}"
    );
    let attempts: Vec<_> = runs(client, "state = 'failed'")
        .iter()
        .map(|run| run["attempt"].as_u64().unwrap())
        .collect();
    assert_eq!(attempts, [1, 2, 1, 2]);
    server.kill();
    let server = start(&site);
    let client = server.client();
    assert_eq!(run(client, "SELECT status FROM system.tasks"), "disabled");
    run(client, "UNDROP TABLE source");
    run(client, "ALTER TASK sums RESUME");
    let done = runs(client, "state = 'succeeded'").len();
    wait_for_runs(client, "state = 'succeeded'", done + 2);
}

#[test]
fn rows_become_what_the_target_makes_of_them() {
    let server = Server::open();
    let client = server.client();
    write_source(client);
    // A tag passed on stays one, a named one becomes one, and rows without a time have the window's end.
    run(
        client,
        "CREATE TASK state EVERY '1h' PAUSED AS INSERT INTO state TAGS (unit) \
         SELECT t, v % 2 AS unit, max(v) AS top, 'ok' AS word FROM source GROUP BY 1, 2",
    );
    run(
        client,
        "EXECUTE TASK state FROM '2026-01-01' TO '2026-01-02'",
    );
    wait_for_runs(client, "state = 'succeeded'", 1);
    let tags = client.rows("plant", "SHOW TAG KEYS FROM state");
    let tags: Vec<_> = tags
        .iter()
        .map(|row| row["tag_key"].as_str().unwrap())
        .collect();
    assert_eq!(tags, ["t", "unit"]);
    let times = "SELECT DISTINCT time FROM state";
    assert_eq!(run(client, times), "2026-01-02T00:00:00");
    // Again is the same again.
    let before = client.count("plant", "SELECT count(*) FROM state");
    run(
        client,
        "EXECUTE TASK state FROM '2026-01-01' TO '2026-01-02'",
    );
    wait_for_runs(client, "state = 'succeeded'", 2);
    assert_eq!(client.count("plant", "SELECT count(*) FROM state"), before);
    // Other statements run too.
    run(
        client,
        "CREATE TASK sweep EVERY '1h' PAUSED AS DELETE FROM state WHERE time < $window_stop",
    );
    run(
        client,
        "EXECUTE TASK sweep FROM '2026-01-01' TO '2026-01-03'",
    );
    wait_for_runs(client, "task_name = 'sweep' AND state = 'succeeded'", 1);
    assert_eq!(client.count("plant", "SELECT count(*) FROM state"), 0);
}

/// How many rows of `hot` there are, and how many there should be.
fn hot(client: &Client) -> (u64, u64) {
    if !client.tables("plant").contains(&"hot".to_owned()) {
        return (
            0,
            client.count("plant", "SELECT count(*) FROM source WHERE v > 90"),
        );
    }
    let found = "SELECT count(*) FROM hot JOIN source USING (time, t) WHERE hot.v = source.v";
    let expected = "SELECT count(*) FROM source WHERE v > 90";
    (
        client.count("plant", found),
        client.count("plant", expected),
    )
}

#[test]
fn new_rows_are_followed_over_crashes() {
    let site = Site::open();
    let mut server = site.start();
    server.client().write("plant", "source,t=a v=1i 1");
    run(
        server.client(),
        "CREATE TASK hot ON WRITE TO source AS INSERT INTO hot SELECT time, t, v FROM source \
         WHERE time >= $window_start AND time < $window_stop AND v > 90",
    );
    let mut random = Seeded(7);
    for round in 1..=10_u64 {
        let lines: String = (0..100)
            .map(|row| {
                format!(
                    "source,t=b v={}i {}\n",
                    random.below(100),
                    round * 1000 + row
                )
            })
            .collect();
        server.client().write("plant", lines);
        if round % 3 == 0 {
            // In whatever state the run is.
            server.kill();
            server = start(&site);
        } else if round % 5 == 0 {
            server.stop();
            server = start(&site);
        }
    }
    let client = server.client();
    wait_until("all new rows are looked at", || {
        let (found, expected) = hot(client);
        found == expected
    });
    let done = wait_for_runs(client, "cause = 'write' AND state = 'succeeded'", 1);
    let failed = runs(client, "state = 'failed'");
    assert!(!done.is_empty() && failed.is_empty(), "{failed:?}");
}

#[test]
fn clients_of_influxdb_2_run_tasks() {
    let server = Server::open();
    let client = server.client();
    write_source(client);
    let body = serde_json::json!({ "flux": SUMS.replace("CREATE TASK sums", "CREATE TASK sums IN plant") });
    let made = client.post("/api/v2/tasks", body.to_string());
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(
        (&made["every"], &made["status"]),
        (&"1s".into(), &"active".into())
    );
    let path = format!("/api/v2/tasks/{}", made["id"].as_str().unwrap());
    let list = |path: &str| client.get(path).json();
    let runs = format!("{path}/runs");
    wait_until("it has run twice", || {
        let runs = list(&runs);
        let runs = runs["runs"].as_array().unwrap();
        runs.iter().filter(|run| run["status"] == "success").count() >= 2
    });
    let forced = client.post(&runs, r#"{"scheduledFor":"2026-01-01T00:00:01Z"}"#);
    assert_eq!(forced.status, 201, "{}", forced.text());
    let forced = forced.json();
    assert_eq!(forced["scheduledFor"], "2026-01-01T00:00:01Z");
    assert!(forced["requestedAt"].is_string());
    let run = format!("{runs}/{}", forced["id"].as_str().unwrap());
    wait_until("the one asked for is done", || {
        list(&run)["status"] == "success"
    });
    let log = list(&format!("{run}/logs"));
    let events = log["events"].as_array().unwrap();
    assert!(
        events[1]["message"]
            .as_str()
            .unwrap()
            .ends_with("Completed(success)")
    );
    assert!(
        !list(&format!("{path}/logs"))["events"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let again = client.post(&format!("{run}/retry"), "");
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(again.json()["scheduledFor"], "2026-01-01T00:00:01Z");
    assert_eq!(client.send("DELETE", &path, &[], b"").status, 204);
    assert_eq!(client.get(&path).status, 404);
}

#[test]
fn tasks_are_looked_after_from_the_command_line() {
    let server = Server::open();
    write_source(server.client());
    let out = |args: &[&str]| {
        let mut command = server.cli(&["task"]);
        let output = crate::harness::run(command.args(args).args(["--database", "plant"]), b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let sql = "INSERT INTO maxima SELECT t, max(v) AS v FROM source \
               WHERE time >= $window_start AND time < $window_stop GROUP BY 1";
    out(&["create", "maxima", "--every", "1s", "--retries", "1", sql]);
    wait_for_runs(server.client(), "state = 'succeeded'", 1);
    out(&["pause", "maxima"]);
    assert!(out(&["list", "--format", "csv"]).contains("maxima,EVERY '1s',"));
    let run = out(&[
        "run",
        "maxima",
        "--from",
        "2026-01-01",
        "--to",
        "2027-01-01",
    ]);
    assert!(run.contains("maxima"), "{run}");
    wait_for_runs(
        server.client(),
        "cause = 'request' AND state = 'succeeded'",
        1,
    );
    assert!(out(&["runs", "maxima", "--format", "csv"]).contains("succeeded"));
    out(&["resume", "maxima"]);
    out(&["drop", "maxima"]);
    assert!(!out(&["list"]).contains("maxima"));
}
