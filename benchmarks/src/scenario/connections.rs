//! `connections`: a thousand connections that do nothing and two hundred that write as slowly as they may,
//! and what others notice of them. And what memory a body takes that inflates without end.
//!
//! Rounds without and with them take turns on one server, so that the ratio says something on a machine
//! that others use too.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;

use super::{Common, mib, positive};
use crate::client::Post;
use crate::error::{AtPath, Error, Result};
use crate::load::Drive;
use crate::machine::pause;
use crate::measure::{Measured, measure};
use crate::record::{Aim, Record, Table, say};
use crate::report::Spread;
use crate::server::Server;
use crate::source::Rendered;
use crate::target::DATABASE;

/// Between two looks after the connections that are held.
const ROUND: Duration = Duration::from_millis(500);
/// What a slow writer sends in each: a little more than the least rate of 1 KiB/s.
const MORSEL: usize = 600;
/// What a slow writer promises to send.
const PROMISED: usize = 20 << 20;
/// Of the bomb: 64 MiB each, 160 times.
const MEMBER_BYTES: usize = 64 << 20;
const MEMBERS: usize = 160;

/// Options of `connections`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Connections that do nothing after a first request.
    #[arg(long, default_value_t = 1_000)]
    idle: usize,
    /// Connections that write a body of 20 MiB at a little more than 1 KiB/s.
    #[arg(long, default_value_t = 200)]
    slow: usize,
    /// Connections that write as fast as they can.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    connections: usize,
    /// Lines of one of their requests.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    lines: u64,
    /// Times that both are measured.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    rounds: usize,
    /// Seconds of each.
    #[arg(long, default_value_t = 10, value_parser = positive)]
    seconds: usize,
}

/// Measures both in turn, and the bomb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options
        .common
        .begin("connections", "Idle and slow connections")?;
    let (server, _) = scenario.fresh_server("server", &[])?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let mut table = Table::new(
        "By round",
        &[
            "round",
            "connections besides",
            "rows/s",
            "rows per CPU second",
            "p50, ms",
            "p99, ms",
        ],
    );
    for round in 0..options.rounds {
        say(&format!("round {round}"));
        let alone = options.load(&server, 2 * round)?;
        let held = Held::open(&server, options)?;
        let beside = held.during(|| options.load(&server, 2 * round + 1))?;
        for (held, measured) in [(0, &alone), (options.idle + options.slow, &beside)] {
            let times = &measured.load.acknowledgements;
            table.push(vec![
                (round as f64).into(),
                (held as f64).into(),
                measured.rows_per_s().into(),
                measured.rows_per_cpu_s().into(),
                times.ms(0.5).into(),
                times.ms(0.99).into(),
            ]);
        }
        without.push(alone);
        with.push(beside);
    }
    let acknowledged = without
        .iter()
        .chain(&with)
        .map(|measured| measured.load.rows)
        .sum();
    super::check_count(&server.target(), "others", acknowledged)?;
    server.stop()?;
    let grown = bomb(&scenario.fresh_server("bomb", &[])?.0)?;

    let record = &mut scenario.record;
    let besides = format!("{} idle, {} slow", options.idle, options.slow);
    record.condition("connections besides", besides);
    record.condition("connections that write", options.connections);
    record.condition("lines a body", options.lines);
    compare(record, &without, &with);
    let name = "bomb of 10 GiB in 10 MiB: memory";
    record.single(name, "MiB", grown, Some(Aim::AtMost(64.0)));
    record.table(table);
    record.note(
        "The server has the default limit of 1 024 connections, fewer than are held: those that it closes, \
         oldest idle first, come again twice a second.",
    );
    record.note(super::database_note());
    scenario.finish()
}

/// What others notice, round by round.
fn compare(record: &mut Record, without: &[Measured], with: &[Measured]) {
    let ratio = |of: &dyn Fn(&Measured) -> f64| {
        let rounds = with.iter().zip(without);
        Spread::of(rounds.map(|(with, without)| of(with) / of(without)))
    };
    let acknowledged = |share| move |measured: &Measured| measured.load.acknowledgements.ms(share);
    let rate = ratio(&Measured::rows_per_s);
    record.figure(
        "rows/s, with / without them",
        "",
        rate,
        Some(Aim::AtLeast(0.9)),
    );
    let of_cpu = ratio(&Measured::rows_per_cpu_s);
    record.figure("rows per CPU second, with / without", "", of_cpu, None);
    let name = "acknowledgement, median, with / without";
    record.figure(name, "", ratio(&acknowledged(0.5)), Some(Aim::AtMost(1.2)));
    let name = "acknowledgement, p99, with / without";
    record.figure(name, "", ratio(&acknowledged(0.99)), Some(Aim::AtMost(2.0)));
}

impl Options {
    /// A load of rows that none has sent before.
    fn load(&self, server: &Server, number: usize) -> Result<Measured> {
        let first = 1_700_000_000_000_000_000 + number as u64 * 1_000_000_000_000;
        let source = Rendered {
            rows: u64::MAX / 4,
            rows_per_body: self.lines,
            write_line: |out: &mut Vec<u8>, row: u64| {
                let mut digits = itoa::Buffer::new();
                out.extend_from_slice(b"others,host=h");
                out.extend_from_slice(digits.format(row % 1000).as_bytes());
                out.extend_from_slice(b" a=");
                out.extend_from_slice(digits.format(row % 97).as_bytes());
                out.extend_from_slice(b",b=1.5 ");
                out.extend_from_slice(digits.format(first + row).as_bytes());
                out.push(b'\n');
            },
        };
        let drive = Drive {
            time_limit: Some(Duration::from_secs(self.seconds as u64)),
            ..Drive::full(self.connections)
        };
        measure(
            &server.target(),
            server.pid(),
            &source,
            &drive,
            Duration::from_secs(1),
        )
    }
}

/// Connections that are held open for nothing.
struct Held<'a> {
    server: &'a Server,
    idle: Vec<Option<TcpStream>>,
    slow: Vec<Option<TcpStream>>,
}

impl<'a> Held<'a> {
    fn open(server: &'a Server, options: &Options) -> Result<Self> {
        let mut held = Self {
            server,
            idle: Vec::new(),
            slow: Vec::new(),
        };
        for _ in 0..options.idle {
            let stream = held.opened(&ping())?;
            held.idle.push(Some(stream));
        }
        for _ in 0..options.slow {
            let stream = held.opened(&slow_head())?;
            held.slow.push(Some(stream));
        }
        Ok(held)
    }

    fn opened(&self, sent: &str) -> Result<TcpStream> {
        let address = self.server.address();
        let at = std::path::Path::new(address);
        let mut stream = TcpStream::connect(address).at(at)?;
        stream.write_all(sent.as_bytes()).at(at)?;
        stream.set_nonblocking(true).at(at)?;
        Ok(stream)
    }

    /// Keeps them up while `work` runs.
    fn during<T: Send>(mut self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let (is_over, reopened) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let keeper = scope.spawn(|| -> Result<()> {
                while !is_over.load(Ordering::Relaxed) {
                    reopened.fetch_add(self.look_after()?, Ordering::Relaxed);
                    pause(ROUND);
                }
                Ok(())
            });
            let done = work();
            is_over.store(true, Ordering::Relaxed);
            keeper
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            say(&format!(
                "{} connections came again",
                reopened.load(Ordering::Relaxed)
            ));
            done
        })
    }

    /// Opens what was closed once more, and lets slow ones send a little; says how many came again.
    fn look_after(&mut self) -> Result<u64> {
        let mut reopened = 0;
        let mut idle = std::mem::take(&mut self.idle);
        for stream in &mut idle {
            if !stream.as_mut().is_some_and(is_open) {
                *stream = self.opened(&ping()).ok();
                reopened += 1;
            }
        }
        self.idle = idle;
        let mut slow = std::mem::take(&mut self.slow);
        let morsel = [b'#'; MORSEL];
        for stream in &mut slow {
            let is_fine = |stream: &mut TcpStream| is_open(stream) && stream.write(&morsel).is_ok();
            if !stream.as_mut().is_some_and(is_fine) {
                *stream = self.opened(&slow_head()).ok();
                reopened += 1;
            }
        }
        self.slow = slow;
        Ok(reopened)
    }
}

/// Whether the server has not closed it. Answers are read and thrown away.
fn is_open(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

fn ping() -> String {
    "GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned()
}

fn slow_head() -> String {
    format!(
        "POST /api/v2/write?bucket={DATABASE} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {PROMISED}\r\n\r\n"
    )
}

/// Sends a bomb some times over; says by how many MiB the memory of the process has grown at most.
fn bomb(server: &Server) -> Result<f64> {
    say("bomb");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder
        .write_all(&vec![b'#'; MEMBER_BYTES])
        .expect("writing to memory does not fail");
    let member = encoder.finish().expect("writing to memory does not fail");
    let body: Vec<u8> = std::iter::repeat_n(member, MEMBERS).flatten().collect();
    let target = server.target();
    let before = server.usage()?.rss_peak_bytes;
    for _ in 0..5 {
        let answer = target.client().post(&Post {
            path: &format!("/api/v2/write?bucket={DATABASE}"),
            content_type: "text/plain",
            is_gzip: true,
            body: &body,
        })?;
        if answer.status != 413 {
            return Err(Error::WrongAnswer {
                query: "a bomb".to_owned(),
                detail: format!("{} instead of 413", answer.status),
            });
        }
    }
    Ok(mib(server.usage()?.rss_peak_bytes - before))
}
