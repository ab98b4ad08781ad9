//! Request bodies rendered and compressed before any clock runs, so that the generator is never
//! what is measured.
//!
//! ```text
//! lines (one thread) ──► raw body of N lines ──► gzip (other threads) ──► bodies in order
//! ```

use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use clap::ValueEnum;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::data::{Lines, TableTally, Tally};
use crate::error::Result;

/// How bodies are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    Plain,
    /// Level 6, the default of the clients that write in production.
    Gzip,
}

/// One write request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// What is sent, compressed or not.
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: u64,
    /// Bytes of line protocol before compression.
    pub(crate) line_bytes: u64,
}

/// Bodies and what a server must hold after them.
#[derive(Debug)]
pub(crate) struct Bodies {
    pub(crate) bodies: Vec<Body>,
    pub(crate) encoding: Encoding,
    /// Empty where nobody counted.
    pub(crate) tables: Vec<TableTally>,
    pub(crate) range_ns: (i64, i64),
}

impl Bodies {
    pub(crate) fn rows(&self) -> u64 {
        self.bodies.iter().map(|body| body.rows).sum()
    }

    /// Field values of all rows; 0 where nobody counted.
    pub(crate) fn values(&self) -> u64 {
        self.tables.iter().map(|table| table.values).sum()
    }

    pub(crate) fn line_bytes(&self) -> u64 {
        self.bodies.iter().map(|body| body.line_bytes).sum()
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.bodies.iter().map(|body| body.bytes.len() as u64).sum()
    }

    /// Renders a stream of lines.
    pub(crate) fn render(
        lines: &mut dyn Lines,
        lines_per_body: u64,
        encoding: Encoding,
        threads: usize,
    ) -> Self {
        let mut tally = Tally::default();
        let (bodies, result) = encode(encoding, threads, |sink| {
            let mut collector = Collector::new(lines_per_body, sink);
            loop {
                let start = collector.raw.lines.len();
                let Some(line) = lines.next_line(&mut collector.raw.lines) else {
                    break;
                };
                tally.add(&line, &collector.raw.lines[start..]);
                collector.end_line();
            }
            collector.finish();
            Ok(())
        });
        result.expect("rendering in memory does not fail");
        let range_ns = tally.range_ns.unwrap_or_default();
        Self {
            bodies,
            encoding,
            tables: tally.into_tables(),
            range_ns,
        }
    }
}

/// Lines on their way to a body.
#[derive(Debug, Default)]
pub(crate) struct RawBody {
    number: usize,
    rows: u64,
    pub(crate) lines: Vec<u8>,
}

/// Where full bodies go.
#[derive(Debug)]
pub(crate) struct Sink(SyncSender<RawBody>);

/// Cuts a stream of lines into bodies.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    sink: &'a Sink,
    lines_per_body: u64,
    /// The body that is being filled; append a line, then call [`Collector::end_line`].
    pub(crate) raw: RawBody,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(lines_per_body: u64, sink: &'a Sink) -> Self {
        Self {
            sink,
            lines_per_body,
            raw: RawBody::default(),
        }
    }

    pub(crate) fn end_line(&mut self) {
        self.raw.rows += 1;
        if self.raw.rows == self.lines_per_body {
            let next = RawBody {
                number: self.raw.number + 1,
                ..RawBody::default()
            };
            self.send(next);
        }
    }

    /// Sends what is left.
    pub(crate) fn finish(mut self) {
        if self.raw.rows > 0 {
            self.send(RawBody::default());
        }
    }

    fn send(&mut self, next: RawBody) {
        self.sink
            .0
            .send(std::mem::replace(&mut self.raw, next))
            .expect("the encoders end only after the sender");
    }
}

/// Runs `produce`, encodes what it sends on `threads` threads and returns the bodies in order. They
/// are the same whatever the number of threads.
pub(crate) fn encode<T>(
    encoding: Encoding,
    threads: usize,
    produce: impl FnOnce(&Sink) -> Result<T>,
) -> (Vec<Body>, Result<T>) {
    let finished = Mutex::new(Vec::new());
    let (sender, receiver) = sync_channel(2 * threads);
    let receiver = Mutex::new(receiver);
    let result = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| encode_all(encoding, &receiver, &finished));
        }
        // The sender moves in, so that its end is the encoders' end.
        let sink = Sink(sender);
        produce(&sink)
    });
    let mut bodies = finished
        .into_inner()
        .expect("an encoder's panic has ended the scope");
    bodies.sort_by_key(|(number, _)| *number);
    (bodies.into_iter().map(|(_, body)| body).collect(), result)
}

fn encode_all(
    encoding: Encoding,
    receiver: &Mutex<Receiver<RawBody>>,
    finished: &Mutex<Vec<(usize, Body)>>,
) {
    loop {
        let received = receiver
            .lock()
            .expect("no encoder panics with the lock")
            .recv();
        let Ok(raw) = received else { return };
        let line_bytes = raw.lines.len() as u64;
        let bytes = match encoding {
            Encoding::Plain => raw.lines,
            Encoding::Gzip => gzip(&raw.lines),
        };
        let body = Body {
            bytes,
            rows: raw.rows,
            line_bytes,
        };
        finished
            .lock()
            .expect("no encoder panics with the lock")
            .push((raw.number, body));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder
        .write_all(bytes)
        .expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::data::{Shape, Spec};

    fn rendered(encoding: Encoding, threads: usize) -> Bodies {
        let spec = Spec::new(Shape::Cpu, 7, 150_000_000_000);
        Bodies::render(&mut *spec.lines(), 20, encoding, threads)
    }

    #[test]
    fn bodies_hold_every_row_once_and_in_order() {
        let mut expected = Vec::new();
        let mut lines = Spec::new(Shape::Cpu, 7, 150_000_000_000).lines();
        while lines.next_line(&mut expected).is_some() {}
        for encoding in [Encoding::Plain, Encoding::Gzip] {
            let rendered = rendered(encoding, 2);
            let rows: Vec<u64> = rendered.bodies.iter().map(|body| body.rows).collect();
            assert_eq!(rows, [20, 20, 20, 20, 20, 5]);
            let mut read_back = Vec::new();
            for body in &rendered.bodies {
                match encoding {
                    Encoding::Plain => read_back.extend_from_slice(&body.bytes),
                    Encoding::Gzip => {
                        let mut decoder = flate2::read::GzDecoder::new(&body.bytes[..]);
                        decoder.read_to_end(&mut read_back).unwrap();
                    }
                }
            }
            assert!(read_back == expected, "{encoding:?}");
            assert_eq!(rendered.line_bytes(), expected.len() as u64);
            assert_eq!(rendered.tables[0].keys, 105);
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        assert!(rendered(Encoding::Gzip, 1).bodies == rendered(Encoding::Gzip, 4).bodies);
    }
}
