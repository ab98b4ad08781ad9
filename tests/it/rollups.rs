//! Rollups of a real server: they follow what is written, over any end of the process.

use std::time::Duration;

use serde_json::Value;

use crate::client::Client;
use crate::harness::{Seeded, Server, Site, wait_until};

const CREATE: &str = "CREATE ROLLUP motor_1m ON motor EVERY '1m' LAG '0s'";

const GROUPS: &str = "SELECT date_bin(INTERVAL '5 minutes', time) AS t, asset, count(*) AS c, sum(n) AS s, \
     min(v) AS low, max(v) AS high, last_value(v ORDER BY time) AS last FROM motor GROUP BY 1, 2 ORDER BY 1, 2";

const HELD: &str = "SELECT time, asset, rows AS c, n_sum AS s, v_min AS low, v_max AS high, v_last AS last \
     FROM motor_1m ORDER BY 1, 2";

fn recomputed() -> String {
    let sql = GROUPS
        .replace("5 minutes", "1 minute")
        .replace(" AS t,", " AS time,");
    format!("SET tidemill.use_rollups = false; {sql}")
}

/// Starts a server and waits until it knows how far its rollups are.
fn start(site: &Site) -> Server {
    let server = site.start();
    wait_until("rollups are followed", || {
        let unknown = "SELECT count(*) FROM system.rollups WHERE state IS NULL";
        server.client().count("plant", unknown) == 0
    });
    server
}

/// Rows of long ago: of some minutes, those of each in no order.
fn write(client: &Client, random: &mut Seeded) {
    let mut lines = String::new();
    for _ in 0..200 {
        let second = 1_700_000_000 + random.below(3600);
        let (asset, n) = (random.below(4), random.below(100));
        let v = n as f64 / 4.0;
        lines += &format!("motor,asset=a{asset} v={v},n={n}i {second}{asset}00000000\n");
    }
    client.write("plant", lines);
}

fn settled(client: &Client) {
    wait_until("all windows are computed", || {
        let open = "SELECT count(*) FROM system.rollups WHERE changed_windows > 0 OR changed_windows IS NULL";
        client.count("plant", open) == 0
    });
}

fn check(client: &Client) {
    let raw = client.rows(
        "plant",
        &format!("SET tidemill.use_rollups = false; {GROUPS}"),
    );
    assert_eq!(client.rows("plant", GROUPS), raw);
}

#[test]
fn a_rollup_is_what_the_rows_are_however_often_the_process_is_killed() {
    let site = Site::open();
    let server = site.start();
    let mut random = Seeded(1);
    server.client().create("plant");
    write(server.client(), &mut random);
    server.client().rows("plant", CREATE);
    settled(server.client());
    let mut server = server;
    for round in 0..8 {
        for _ in 0..random.below(4) {
            write(server.client(), &mut random);
            check(server.client());
        }
        if round % 3 == 1 {
            let from = random.below(60);
            let sql = format!(
                "DELETE FROM motor WHERE time >= '2023-11-14T22:{from:02}:00Z' AND time < '2023-11-14T22:{from:02}:40Z'"
            );
            server.client().rows("plant", &sql);
        }
        server.kill();
        site.start_and_kill(Duration::from_millis(random.below(900)));
        server = start(&site);
        check(server.client());
    }
    let client = server.client();
    settled(client);
    let held: Vec<Value> = client.rows("plant", HELD);
    assert!(!held.is_empty());
    assert_eq!(held, client.rows("plant", &recomputed()));
    let plan = client.rows("plant", &format!("EXPLAIN {GROUPS}"));
    assert!(
        format!("{plan:?}").contains("TableScan: rollup motor_1m"),
        "{plan:?}"
    );
    let metrics = client.get("/metrics").text();
    assert!(metrics.contains("tidemill_rollups 1"), "{metrics}");
}
