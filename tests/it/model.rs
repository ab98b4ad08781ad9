//! The whole engine against a naive map, asked in SQL: random writes, deletes, drops, flushes,
//! compactions, `kill -9` and orderly restarts; after every step every query must equal the map.
//!
//! The server compacts whatever it can at once, so that every file is rewritten several times. The steps
//! follow from a seed; what the background does in between does not, and must not matter.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::Client;
use crate::harness::{Seeded, Server, Site, wait_until};

const DATABASE: &str = "plant";
const STEPS: usize = 60;
const SEEDS: [u64; 3] = [1, 2, 3];
const DAY: i64 = 86_400_000_000_000;

/// Host, rack and time of a row.
type Key = (Option<&'static str>, Option<&'static str>, i64);

/// What a row has of its two fields.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Fields {
    load: Option<f64>,
    state: Option<i64>,
}

type Rows = BTreeMap<Key, Fields>;

/// Whether a row is meant.
type Test = Box<dyn Fn(&Key) -> bool>;

fn site() -> Site {
    Site::open()
        .set("buffer.flush_age=200ms")
        .set("compaction.fan_in=2")
        .set("compaction.settle_age=0s")
        .set("maintenance.interval=50ms")
}

struct Model {
    random: Seeded,
    site: Site,
    /// Nothing while it is restarted.
    server: Option<Server>,
    rows: Rows,
    /// The rows of the table while it is dropped.
    dropped: Option<Rows>,
}

impl Model {
    fn new(seed: u64) -> Self {
        let site = site();
        let server = site.start();
        server.client().create(DATABASE);
        Self {
            random: Seeded(seed),
            site,
            server: Some(server),
            rows: Rows::new(),
            dropped: None,
        }
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.below(choices.len() as u64) as usize]
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=9 => self.write(),
            10..=12 => self.delete_keys(),
            13 => self.delete_by_field(),
            14 => self.drop_or_undrop(),
            15..=16 => self.restart(true),
            17 => self.restart(false),
            _ => self.wait_for_background(),
        }
    }

    fn write(&mut self) {
        if self.dropped.is_some() {
            return; // it would make a new table of that name
        }
        let mut lines = String::new();
        for _ in 0..=self.random.below(20) {
            let host = self.pick(&[None, Some("a"), Some("b"), Some("c")]);
            let rack = self.pick(&[None, Some("1"), Some("2")]);
            let day = self.pick(&[0, 0, 0, 1, 8, 100]);
            let time = day * DAY + self.random.below(6) as i64;
            let number = self.random.below(100) as i64;
            let fields = match self.random.below(3) {
                0 => Fields {
                    load: Some(number as f64 / 4.0),
                    state: None,
                },
                1 => Fields {
                    load: None,
                    state: Some(number),
                },
                _ => Fields {
                    load: Some(-number as f64),
                    state: Some(number),
                },
            };
            lines.push_str(&line((host, rack, time), fields));
            let kept = self.rows.entry((host, rack, time)).or_default();
            kept.load = fields.load.or(kept.load);
            kept.state = fields.state.or(kept.state);
        }
        self.client().write(DATABASE, lines);
    }

    fn delete_keys(&mut self) {
        let host = self.pick(&["a", "b", "c"]);
        let from = self.pick(&[0, 2, DAY, 8 * DAY]);
        let to = from + self.pick(&[0, 3, DAY, 200 * DAY]);
        let (condition, is_meant): (String, Test) = match self.random.below(3) {
            0 => (
                format!("host = '{host}'"),
                Box::new(move |key| key.0 == Some(host)),
            ),
            1 => (
                format!("host <> '{host}' AND rack IS NULL"),
                Box::new(move |key| key.0.is_some_and(|found| found != host) && key.1.is_none()),
            ),
            _ => (
                "rack IN ('1', '3')".to_owned(),
                Box::new(|key| key.1 == Some("1")),
            ),
        };
        let range = format!(
            "time >= arrow_cast({from}, 'Timestamp(Nanosecond, None)') AND \
             time <= arrow_cast({to}, 'Timestamp(Nanosecond, None)')"
        );
        self.delete(&format!("{condition} AND {range}"));
        self.rows
            .retain(|key, _| !(is_meant(key) && (from..=to).contains(&key.2)));
    }

    fn delete_by_field(&mut self) {
        let limit = self.random.below(100) as i64;
        self.delete(&format!("state > {limit} OR load < -{limit}"));
        self.rows.retain(|_, fields| {
            let is_high = fields.state.is_some_and(|state| state > limit);
            let is_low = fields.load.is_some_and(|load| load < -limit as f64);
            !(is_high || is_low)
        });
    }

    fn delete(&mut self, condition: &str) {
        if self.exists() {
            self.run(&format!("DELETE FROM m WHERE {condition}"));
        }
    }

    fn drop_or_undrop(&mut self) {
        match self.dropped.take() {
            Some(rows) => {
                self.run("UNDROP TABLE m");
                self.rows = rows;
            }
            None if self.exists() => {
                self.run("DROP TABLE m");
                self.dropped = Some(std::mem::take(&mut self.rows));
            }
            None => {}
        }
    }

    /// Whether the table is there: it comes into being by being written to.
    fn exists(&self) -> bool {
        self.client().tables(DATABASE) == ["m"]
    }

    fn run(&self, sql: &str) {
        let reply = self.client().ask(DATABASE, sql, "json");
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
    }

    fn restart(&mut self, by_force: bool) {
        // The old process must be gone before the new one takes its directory.
        let old = self.server.take().expect("it runs");
        match by_force {
            true => old.kill(),
            false => drop(old.stop()),
        }
        self.server = Some(self.site.start());
    }

    fn client(&self) -> &Client {
        self.server.as_ref().expect("it runs").client()
    }

    /// Until what is buffered now has been flushed.
    fn wait_for_background(&self) {
        let is_flushed = |text: &str| {
            let bytes = text
                .lines()
                .find_map(|line| line.strip_prefix("tidemill_wal_segments "));
            bytes.is_some_and(|segments| segments.parse::<u64>().is_ok_and(|count| count <= 1))
        };
        wait_until("the log is flushed", || {
            is_flushed(&self.client().get("/metrics").text())
        });
    }

    fn check(&self) {
        if !self.exists() {
            assert!(self.rows.is_empty());
            return;
        }
        let sql = "SELECT host, rack, arrow_cast(time, 'Int64') AS t, load, state FROM m";
        let mut found = Rows::new();
        for row in self.client().rows(DATABASE, sql) {
            let (key, fields) = row_of(&row);
            assert_eq!(found.insert(key, fields), None, "{key:?} is there twice");
        }
        assert_eq!(found, self.rows);
        let count = self.client().count(DATABASE, "SELECT count(*) FROM m");
        assert_eq!(count, self.rows.len() as u64);
        let narrow = "SELECT count(*) FROM m WHERE host = 'a' AND \
                      time < arrow_cast(3, 'Timestamp(Nanosecond, None)')";
        let expected = self
            .rows
            .keys()
            .filter(|key| key.0 == Some("a") && key.2 < 3);
        let count = self.client().count(DATABASE, narrow);
        assert_eq!(count, expected.count() as u64);
    }
}

fn line(key: Key, fields: Fields) -> String {
    let tag = |name: &str, value: Option<&str>| match value {
        Some(value) => format!(",{name}={value}"),
        None => String::new(),
    };
    let load = fields.load.map(|load| format!("load={load}"));
    let state = fields.state.map(|state| format!("state={state}i"));
    let fields: Vec<String> = load.into_iter().chain(state).collect();
    format!(
        "m{}{} {} {}\n",
        tag("host", key.0),
        tag("rack", key.1),
        fields.join(","),
        key.2
    )
}

fn row_of(row: &Value) -> (Key, Fields) {
    let text = |name: &str| {
        let value = row[name].as_str()?;
        let known = ["a", "b", "c", "1", "2"];
        Some(
            *known
                .iter()
                .find(|known| **known == value)
                .expect("it was written"),
        )
    };
    let key = (text("host"), text("rack"), row["t"].as_i64().unwrap());
    let fields = Fields {
        load: row["load"].as_f64(),
        state: row["state"].as_i64(),
    };
    (key, fields)
}

#[test]
fn every_answer_equals_a_naive_map() {
    for seed in SEEDS {
        let mut model = Model::new(seed);
        // Every column is there from the start, so that conditions can name it.
        let first = "m,host=a,rack=1 load=0,state=0i 0";
        model.client().write(DATABASE, first);
        let all = Fields {
            load: Some(0.0),
            state: Some(0),
        };
        model.rows.insert((Some("a"), Some("1"), 0), all);
        for step in 0..STEPS {
            model.step();
            eprintln!("seed {seed}, step {step}: {} rows", model.rows.len());
            model.check();
        }
    }
}

#[test]
fn files_are_compacted_in_the_background_and_nothing_changes() {
    let site = site();
    let server = site.start();
    server.client().create(DATABASE);
    for round in 0..12 {
        let line = format!("m,host=a load={round} {round}\nm,host=b load={round} {round}");
        server.client().write(DATABASE, line);
        let flushed = format!("tidemill_flushes_total {}", round + 1);
        wait_until("the rows are flushed", || {
            server.client().get("/metrics").text().contains(&flushed)
        });
    }
    let compactions = || {
        let text = server.client().get("/metrics").text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("tidemill_compactions_total "));
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    wait_until("files are compacted", || compactions() > 2);
    let sum = "SELECT sum(load) FROM m";
    assert_eq!(server.client().value(DATABASE, sum), 132.0);
    drop(server.stop());
    let server = site.start();
    assert_eq!(server.client().value(DATABASE, sum), 132.0);
    assert_eq!(
        server.client().count(DATABASE, "SELECT count(*) FROM m"),
        24
    );
}
