//! A load that is killed again and again, and a model of what may and must be there afterwards.
//!
//! Each writer sends one batch at a time and knows of every value whether it was acknowledged. A
//! batch without an answer may have been stored or not; whichever is seen after the restart holds
//! from then on.
//!
//! | a cell of the model                  | what a query may show          |
//! |--------------------------------------|--------------------------------|
//! | acknowledged, nothing sent since     | exactly that value             |
//! | values sent since without an answer  | one of those, or the one above |
//! | never sent                           | NULL, and no row if all are so |

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::harness::{Seeded, Site};

/// Twenty kills; every fifth end is an orderly one.
const ENDS: u64 = 25;
const WRITERS: usize = 4;
const FIELDS: [&str; 3] = ["a", "b", "c"];
/// 2024-01-01T00:00:00Z in milliseconds.
const START_MS: i64 = 1_704_067_200_000;
const DAY_MS: i64 = 86_400_000;

/// One value of a row.
#[derive(Debug, Clone, Default)]
struct Cell {
    known: Value,
    perhaps: Vec<Value>,
}

impl Cell {
    fn allows(&self, seen: &Value) -> bool {
        *seen == self.known || self.perhaps.contains(seen)
    }
}

/// The rows of one writer by time in milliseconds.
type Rows = BTreeMap<i64, [Cell; 3]>;

/// A line to be sent: a time, and a value or nothing for each field.
type Line = (i64, [Option<Value>; 3]);

struct Writer {
    number: usize,
    seeded: Seeded,
    rows: Rows,
    /// A batch that nobody knows the fate of, to be sent again.
    pending: Option<Vec<Line>>,
    sent: u64,
}

impl Writer {
    fn new(number: usize) -> Self {
        let seeded = Seeded(0xc0ffee + number as u64);
        Self {
            number,
            seeded,
            rows: Rows::new(),
            pending: None,
            sent: 0,
        }
    }

    /// Sends batches until there is no answer; tells `acked` of each answer.
    fn run(mut self, client: &Client, acked: &Sender<()>) -> Self {
        loop {
            let again = self.pending.take().filter(|_| self.seeded.below(2) == 0);
            let batch = again.unwrap_or_else(|| self.batch());
            let reply = client.try_send("POST", &self.path(), &[], self.text(&batch).as_bytes());
            let status = reply.as_ref().map_or(503, |reply| reply.status);
            assert!(
                matches!(status, 204 | 503),
                "{:?}",
                reply.map(|reply| reply.text())
            );
            self.note(&batch, status == 204);
            if status != 204 {
                self.pending = Some(batch);
                return self;
            }
            let _ = acked.send(());
        }
    }

    /// Every writer has an API of its own; the last does not wait for the disk, which only the death
    /// of the machine would punish.
    fn path(&self) -> String {
        match self.number {
            0 => "/write?db=load&precision=ms".to_owned(),
            1 => "/api/v2/write?bucket=load&precision=ms".to_owned(),
            2 => "/api/v3/write_lp?db=load&precision=millisecond".to_owned(),
            _ => "/api/v3/write_lp?db=load&precision=millisecond&no_sync=true".to_owned(),
        }
    }

    fn batch(&mut self) -> Vec<Line> {
        let count = 1 + self.seeded.below(60);
        (0..count).map(|_| self.line()).collect()
    }

    /// Mostly a new row; sometimes one from before, or from earlier in the batch, with other values.
    fn line(&mut self) -> Line {
        let row = match self.seeded.below(10) {
            0..3 if self.sent > 0 => self.seeded.below(self.sent),
            _ => {
                self.sent += 1;
                self.sent - 1
            }
        };
        // Rows alternate between two days, so that every flush makes several files.
        let time = START_MS + (row % 2) as i64 * DAY_MS + row as i64;
        let mut values = [None, None, None];
        let must = self.seeded.below(3) as usize;
        for (field, value) in values.iter_mut().enumerate() {
            let number = self.seeded.below(1 << 20);
            let wanted = field == must || self.seeded.below(2) == 0;
            *value = wanted.then(|| match field {
                0 => json!(number as f64 / 8.0),
                1 => json!(number),
                _ => json!(format!("text {number}")),
            });
        }
        (time, values)
    }

    fn text(&self, batch: &[Line]) -> String {
        let mut text = String::new();
        for (time, values) in batch {
            let fields: Vec<String> = FIELDS
                .iter()
                .zip(values)
                .filter_map(|(name, value)| {
                    let suffix = if *name == "b" { "i" } else { "" };
                    Some(format!("{name}={}{suffix}", value.as_ref()?))
                })
                .collect();
            let (writer, series) = (self.number, time % 3);
            let fields = fields.join(",");
            text.push_str(&format!(
                "load,writer={writer},series={series} {fields} {time}\n"
            ));
        }
        text
    }

    fn note(&mut self, batch: &[Line], is_acked: bool) {
        for (time, values) in batch {
            let cells = self.rows.entry(*time).or_default();
            for (cell, value) in cells.iter_mut().zip(values) {
                let Some(value) = value else { continue };
                if is_acked {
                    *cell = Cell {
                        known: value.clone(),
                        perhaps: Vec::new(),
                    };
                } else {
                    cell.perhaps.push(value.clone());
                }
            }
        }
    }

    /// Compares with what is stored, which from now on is known.
    fn check(&mut self, cycle: u64, stored: &BTreeMap<i64, [Value; 3]>) {
        let number = self.number;
        for time in stored.keys() {
            assert!(
                self.rows.contains_key(time),
                "cycle {cycle}: {number} never sent {time}"
            );
        }
        let nothing = [Value::Null, Value::Null, Value::Null];
        for (time, cells) in &mut self.rows {
            let seen = stored.get(time).unwrap_or(&nothing);
            for ((cell, seen), name) in cells.iter_mut().zip(seen).zip(FIELDS) {
                let place = format!("cycle {cycle}, writer {number}, time {time}, field {name}");
                assert!(
                    cell.allows(seen),
                    "{place}: {seen} is there instead of {cell:?}"
                );
                *cell = Cell {
                    known: seen.clone(),
                    perhaps: Vec::new(),
                };
            }
        }
        self.rows.retain(|time, _| stored.contains_key(time));
    }
}

/// Everything that is stored, for each writer.
fn stored(client: &Client) -> [BTreeMap<i64, [Value; 3]>; WRITERS] {
    let mut all: [BTreeMap<_, _>; WRITERS] = Default::default();
    let sql = "SELECT writer, series, arrow_cast(time, 'Int64') AS t, a, b, c FROM load";
    for row in client.rows("load", sql) {
        let writer: usize = row["writer"].as_str().unwrap().parse().unwrap();
        let nanos = row["t"].as_i64().unwrap();
        assert_eq!(nanos % 1_000_000, 0, "{row}");
        let time = nanos / 1_000_000;
        assert_eq!(row["series"], (time % 3).to_string(), "{row}");
        let values = FIELDS.map(|name| row.get(name).cloned().unwrap_or_default());
        let earlier = all[writer].insert(time, values);
        assert_eq!(earlier, None, "the key of {row} is there twice");
    }
    let rows: usize = all.iter().map(BTreeMap::len).sum();
    assert_eq!(
        client.count("load", "SELECT count(*) FROM load"),
        rows as u64
    );
    all
}

/// Lets the writers run until `acks` answers have come and `wait` has passed, then calls `end`.
fn load(
    client: &Client,
    writers: Vec<Writer>,
    acks: u64,
    wait: Duration,
    end: impl FnOnce(),
) -> Vec<Writer> {
    std::thread::scope(|scope| {
        let (acked, answers) = channel();
        let threads: Vec<_> = writers
            .into_iter()
            .map(|writer| {
                let (client, acked) = (client.clone(), acked.clone());
                scope.spawn(move || writer.run(&client, &acked))
            })
            .collect();
        drop(acked);
        for _ in 0..acks {
            answers
                .recv_timeout(Duration::from_secs(60))
                .expect("writers get answers");
        }
        // So that not every death follows an answer.
        let (_never, clock) = channel::<()>();
        assert_eq!(clock.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
        end();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("its assertions hold"))
            .collect()
    })
}

#[test]
fn nothing_acknowledged_is_lost_however_often_the_process_dies() {
    let site = Site::open()
        .set("buffer.flush_bytes=64KiB")
        .set("buffer.flush_age=300ms")
        .set("wal.segment_size=1MiB");
    let mut seeded = Seeded(2026);
    let mut writers: Vec<_> = (0..WRITERS).map(Writer::new).collect();
    site.start().client().create("load");
    for cycle in 0..ENDS {
        if seeded.below(4) == 0 {
            // A start that is cut short, perhaps in the middle of the replay.
            site.start_and_kill(Duration::from_micros(seeded.below(60_000)));
        }
        let server = site.start();
        let client = server.client().clone();
        let (acks, wait) = (seeded.below(60), Duration::from_micros(seeded.below(8_000)));
        // Every fifth time it is asked to stop, under load too.
        let end = || {
            if cycle % 5 == 4 {
                drop(server.stop())
            } else {
                server.kill()
            }
        };
        writers = load(&client, writers, acks, wait, end);

        let server = site.start();
        if server.client().tables("load").is_empty() {
            let known =
                |writer: &Writer| writer.rows.values().flatten().any(|c| !c.known.is_null());
            assert!(
                !writers.iter().any(known),
                "cycle {cycle}: the table is gone"
            );
            continue;
        }
        for (writer, stored) in writers.iter_mut().zip(stored(server.client())) {
            writer.check(cycle, &stored);
        }
        server.kill();
    }
    let server = site.start();
    let last = stored(server.client());
    for (writer, stored) in writers.iter_mut().zip(&last) {
        assert!(
            writer.rows.len() > 100,
            "writer {} got somewhere",
            writer.number
        );
        writer.check(ENDS, stored);
    }
    assert!(
        site.files("parquet").len() > 2,
        "rows were flushed under load"
    );
    server.stop();
    assert_eq!(
        stored(site.start().client()),
        last,
        "a stop changes nothing"
    );
}
