//! Others who use a server while it is sent nonsense: two write, one asks how much is there. They do
//! what real writers do: what is refused for now is sent again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::client::Client;

const DATABASE: &str = "others";
/// Rows of one write.
const ROWS: u64 = 50;
/// Between two requests: enough that they do not keep the machine busy by themselves.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
struct Figures {
    stored: AtomicU64,
    /// Answers of 503 and 507, which are 5xx.
    refused: AtomicU64,
    is_over: AtomicBool,
}

/// The others, until [`Background::finish`].
#[derive(Debug)]
pub(super) struct Background {
    threads: Vec<JoinHandle<()>>,
    figures: Arc<Figures>,
    /// Dropping it wakes everyone who pauses.
    running: Sender<()>,
}

impl Background {
    /// Sets them going in a database of their own.
    pub(super) fn start(client: &Client) -> Self {
        client.create(DATABASE);
        client.write(DATABASE, "load,writer=none n=0i 0");
        let figures = Arc::new(Figures::default());
        figures.stored.store(1, Ordering::SeqCst);
        let (running, ended) = channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let spawn = |work: fn(&Client, &Figures, u64)| {
            let (client, figures) = (client.clone(), Arc::clone(&figures));
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || {
                for round in 0.. {
                    if figures.is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    work(&client, &figures, round);
                    // One pauses at a time, which spreads them.
                    let paused = ended.lock().unwrap().recv_timeout(PAUSE);
                    assert_ne!(paused, Ok(()));
                }
            })
        };
        let threads = vec![spawn(write_v2), spawn(write_v3), spawn(count)];
        Self {
            threads,
            figures,
            running,
        }
    }

    /// Stops them; everything that was acknowledged is there, once. Returns how often they were
    /// told to come again by a 5xx.
    pub(super) fn finish(self, client: &Client) -> u64 {
        self.figures.is_over.store(true, Ordering::SeqCst);
        drop(self.running);
        for thread in self.threads {
            thread.join().expect("the others are served as always");
        }
        let stored = self.figures.stored.load(Ordering::SeqCst);
        assert!(stored > 1, "the others wrote");
        let counted = client.count(DATABASE, "SELECT count(*) FROM load");
        assert_eq!(counted, stored, "rows of the others");
        self.figures.refused.load(Ordering::SeqCst)
    }
}

fn write_v2(client: &Client, figures: &Figures, round: u64) {
    let path = format!("/api/v2/write?bucket={DATABASE}&precision=ns");
    write(client, figures, &path, "v2", round);
}

fn write_v3(client: &Client, figures: &Figures, round: u64) {
    let path = format!("/api/v3/write_lp?db={DATABASE}&precision=ns");
    write(&client.on_v3(), figures, &path, "v3", round);
}

fn write(client: &Client, figures: &Figures, path: &str, writer: &str, round: u64) {
    let first = 1 + round * ROWS;
    let line = |n| format!("load,writer={writer} n={n}i {n}\n");
    let body: String = (first..first + ROWS).map(line).collect();
    while !is_served(figures, client.post(path, &body).status, 204) {}
    figures.stored.fetch_add(ROWS, Ordering::SeqCst);
}

fn count(client: &Client, figures: &Figures, _: u64) {
    let before = figures.stored.load(Ordering::SeqCst);
    let reply = client.ask(DATABASE, "SELECT count(*) AS n FROM load", "json");
    if is_served(figures, reply.status, 200) {
        let counted = reply.json()[0]["n"].as_u64().unwrap();
        assert!(counted >= before, "{counted} of {before} rows are seen");
    }
}

/// Whether a request was served; any answer but that and "come again" is a failure.
fn is_served(figures: &Figures, status: u16, good: u16) -> bool {
    if matches!(status, 503 | 507) {
        figures.refused.fetch_add(1, Ordering::SeqCst);
    }
    assert!(
        status == good || matches!(status, 429 | 503 | 507),
        "the others got {status}"
    );
    status == good
}
