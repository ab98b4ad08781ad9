//! Writes rendered bodies over a number of connections and times it.
//!
//! Connections take the next unsent body, as writers with a shared queue do: rows arrive nearly,
//! not exactly, in time order. The first refusal ends the load with an error, whatever its status:
//! a rate that counts refused rows is no rate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::bodies::Body;
use crate::client::Client;
use crate::error::Result;

/// What a load took on the client's side.
#[derive(Debug)]
pub(crate) struct Load {
    /// From before the first request to after the last acknowledgement.
    pub(crate) wall: Duration,
    /// Time of every request, ascending.
    pub(crate) acknowledgements: Vec<Duration>,
}

/// Sends every body once over `connections` connections.
pub(crate) fn load(address: &str, bodies: &[Body], connections: usize) -> Result<Load> {
    let next = AtomicUsize::new(0);
    let clients: Vec<_> = (0..connections).map(|_| Client::new(address)).collect();
    let start = Instant::now();
    let results: Vec<Result<Vec<Duration>>> = std::thread::scope(|scope| {
        let writers: Vec<_> = clients
            .iter()
            .map(|client| scope.spawn(|| write_rest(client, bodies, &next)))
            .collect();
        let join = |writer: std::thread::ScopedJoinHandle<'_, _>| {
            writer
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        writers.into_iter().map(join).collect()
    });
    let wall = start.elapsed();
    let mut acknowledgements = Vec::with_capacity(bodies.len());
    for times in results {
        acknowledgements.extend(times?);
    }
    acknowledgements.sort_unstable();
    Ok(Load {
        wall,
        acknowledgements,
    })
}

fn write_rest(client: &Client, bodies: &[Body], next: &AtomicUsize) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
        let start = Instant::now();
        if let Err(error) = client.write_gzip(&body.gzip) {
            // The other connections need not go on.
            next.store(bodies.len(), Ordering::Relaxed);
            return Err(error);
        }
        times.push(start.elapsed());
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A server that keeps every body and answers `status` from request number `refuse_from` on,
    /// 204 before.
    fn fake(refuse_from: usize, status: &'static str) -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || answer_all(stream.unwrap(), &seen, refuse_from, status));
            }
        });
        (address, kept)
    }

    fn answer_all(stream: TcpStream, seen: &Mutex<Vec<Vec<u8>>>, refuse_from: usize, status: &str) {
        let mut reader = BufReader::new(stream);
        loop {
            let (mut length, mut line) = (0, String::new());
            loop {
                line.clear();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let mut seen = seen.lock().unwrap();
            let status = if seen.len() >= refuse_from {
                status
            } else {
                "204 No Content"
            };
            seen.push(body);
            let length = if status.starts_with("204") {
                ""
            } else {
                "Content-Length: 0\r\n"
            };
            write!(reader.get_mut(), "HTTP/1.1 {status}\r\n{length}\r\n").unwrap();
        }
    }

    fn bodies() -> Vec<Body> {
        (0..20_u8)
            .map(|byte| Body {
                gzip: vec![byte; 100],
                rows: 1,
                line_bytes: 0,
            })
            .collect()
    }

    #[test]
    fn every_body_is_written_once() {
        for connections in [1, 4] {
            let (address, seen) = fake(usize::MAX, "");
            let load = load(&address, &bodies(), connections).unwrap();
            let mut seen = seen.lock().unwrap().clone();
            seen.sort_unstable();
            assert_eq!(
                seen,
                bodies()
                    .into_iter()
                    .map(|body| body.gzip)
                    .collect::<Vec<_>>()
            );
            assert_eq!(load.acknowledgements.len(), 20);
            assert!(load.acknowledgements.is_sorted());
        }
    }

    #[test]
    fn a_refused_body_fails_the_load() {
        for status in [
            "400 Bad Request",
            "429 Too Many Requests",
            "503 Service Unavailable",
        ] {
            let (address, _) = fake(7, status);
            let error = load(&address, &bodies(), 2).unwrap_err().to_string();
            assert!(
                error.contains("/api/v2/write?org=default&bucket=bench"),
                "{error}"
            );
            assert!(error.contains(&status[..3]), "{error}");
        }
    }
}
