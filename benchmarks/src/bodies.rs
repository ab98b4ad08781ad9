//! Request bodies rendered and compressed before any clock runs, so that the generator is never
//! what is measured.
//!
//! ```text
//! rows (one thread) ──► raw body of N lines ──► gzip (other threads) ──► bodies in order
//!        │
//!        ├──► CSV file of the same rows, for the comparison
//!        └──► the model's answers
//! ```

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cpu::{CpuData, csv_header};
use crate::error::{AtPath, Result};
use crate::model::Model;

/// One write request, compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) gzip: Vec<u8>,
    pub(crate) rows: u64,
    /// Bytes of line protocol before compression.
    pub(crate) line_bytes: u64,
}

struct RawBody {
    number: usize,
    rows: u64,
    lines: Vec<u8>,
}

/// Renders the data once into bodies of `lines_per_body` lines, a CSV file at `csv_path` and the
/// answers of the queries. The bodies are the same whatever the number of `compressors` threads.
pub(crate) fn render(
    data: &CpuData,
    lines_per_body: u64,
    compressors: usize,
    csv_path: &Path,
) -> Result<(Vec<Body>, Model)> {
    let finished = Mutex::new(Vec::new());
    let (sender, receiver) = sync_channel(2 * compressors);
    let receiver = Mutex::new(receiver);
    let model = std::thread::scope(|scope| {
        for _ in 0..compressors {
            scope.spawn(|| compress_all(&receiver, &finished));
        }
        // The sender moves in, so that its end is the compressors' end.
        render_rows(data, lines_per_body, csv_path, sender)
    })?;
    let mut bodies = finished
        .into_inner()
        .expect("a compressor's panic has ended the scope");
    bodies.sort_by_key(|(number, _)| *number);
    Ok((bodies.into_iter().map(|(_, body)| body).collect(), model))
}

fn render_rows(
    data: &CpuData,
    lines_per_body: u64,
    csv_path: &Path,
    sender: SyncSender<RawBody>,
) -> Result<Model> {
    let mut csv = BufWriter::with_capacity(1 << 20, File::create(csv_path).at(csv_path)?);
    csv.write_all(csv_header().as_bytes()).at(csv_path)?;
    let (mut model, mut stream) = (Model::new(data), data.rows());
    let mut body = RawBody {
        number: 0,
        rows: 0,
        lines: Vec::new(),
    };
    let mut csv_line = Vec::new();
    while let Some(row) = stream.advance() {
        model.add(&row);
        row.write_line(&mut body.lines);
        body.rows += 1;
        csv_line.clear();
        row.write_csv(&mut csv_line);
        csv.write_all(&csv_line).at(csv_path)?;
        if body.rows == lines_per_body {
            let next = RawBody {
                number: body.number + 1,
                rows: 0,
                lines: Vec::new(),
            };
            send(&sender, std::mem::replace(&mut body, next));
        }
    }
    if body.rows > 0 {
        send(&sender, body);
    }
    csv.flush().at(csv_path)?;
    Ok(model)
}

fn send(sender: &SyncSender<RawBody>, body: RawBody) {
    sender
        .send(body)
        .expect("the compressors end only after the sender");
}

fn compress_all(receiver: &Mutex<Receiver<RawBody>>, finished: &Mutex<Vec<(usize, Body)>>) {
    loop {
        let received = receiver
            .lock()
            .expect("no compressor panics with the lock")
            .recv();
        let Ok(raw) = received else { return };
        let line_bytes = raw.lines.len() as u64;
        let body = Body {
            gzip: gzip(&raw.lines),
            rows: raw.rows,
            line_bytes,
        };
        finished
            .lock()
            .expect("no compressor panics with the lock")
            .push((raw.number, body));
    }
}

/// Level 6, the default of the clients that write in production.
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

    const DATA: CpuData = CpuData {
        scale: 7,
        rows: 103,
        seed: 1,
        start_ns: 0,
    };

    fn rendered(compressors: usize) -> (Vec<Body>, String) {
        let folder = tempfile::tempdir().unwrap();
        let csv_path = folder.path().join("rows.csv");
        let (bodies, _) = render(&DATA, 20, compressors, &csv_path).unwrap();
        (bodies, std::fs::read_to_string(csv_path).unwrap())
    }

    #[test]
    fn bodies_hold_every_row_once_and_in_order() {
        let (bodies, csv) = rendered(2);
        assert_eq!(
            bodies.iter().map(|body| body.rows).collect::<Vec<_>>(),
            [20, 20, 20, 20, 20, 3]
        );
        let mut read_back = Vec::new();
        for body in &bodies {
            flate2::read::GzDecoder::new(&body.gzip[..])
                .read_to_end(&mut read_back)
                .unwrap();
        }
        let (mut stream, mut expected) = (DATA.rows(), Vec::new());
        while let Some(row) = stream.advance() {
            row.write_line(&mut expected);
        }
        assert!(read_back == expected);
        assert_eq!(
            bodies.iter().map(|body| body.line_bytes).sum::<u64>(),
            expected.len() as u64
        );
        assert_eq!(csv.lines().count(), 104);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        assert!(rendered(1) == rendered(4));
    }
}
