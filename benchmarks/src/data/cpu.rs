//! The `cpu-only` data of the Time Series Benchmark Suite (timescale/tsbs,
//! `pkg/data/usecases/devops`), written from its description: one row per host and interval, ten
//! tags that are fixed per host, ten integer fields.
//!
//! Every field is a random walk: start U(0, 100), step N(0, 1), clamped to [0, 100], truncated to
//! an integer on output only. Rows come in time-major order: all hosts of one instant, then the
//! next instant.
//!
//! Every host has a generator of its own, seeded by (seed, host number). A host's rows are
//! therefore the same at any `--scale` and whichever thread or order asks for them; a test holds
//! that.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Line, Lines, pick, series_generator};

/// Number of fields of a row.
pub(crate) const FIELD_COUNT: usize = 10;

/// Time between two rows of one host in the suite.
pub(crate) const INTERVAL_NS: i64 = 10_000_000_000;

/// Tag names in the order of the suite.
pub(crate) const TAGS: [&str; 10] = [
    "hostname",
    "region",
    "datacenter",
    "rack",
    "os",
    "arch",
    "team",
    "service",
    "service_version",
    "service_environment",
];

/// Field names in the order of the suite.
pub(crate) const FIELDS: [&str; FIELD_COUNT] = [
    "usage_user",
    "usage_system",
    "usage_idle",
    "usage_nice",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
];

/// Region and the letters of its zones; a datacenter is the two together.
const REGIONS: [(&str, &[&str]); 9] = [
    ("us-east-1", &["a", "b", "c", "e"]),
    ("us-west-1", &["a", "b"]),
    ("us-west-2", &["a", "b", "c"]),
    ("eu-west-1", &["a", "b", "c"]),
    ("eu-central-1", &["a", "b"]),
    ("ap-southeast-1", &["a", "b"]),
    ("ap-southeast-2", &["a", "b"]),
    ("ap-northeast-1", &["a", "c"]),
    ("sa-east-1", &["a", "b", "c"]),
];
const OS: [&str; 3] = ["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"];
const ARCH: [&str; 2] = ["x64", "x86"];
const TEAM: [&str; 4] = ["SF", "NYC", "LON", "CHI"];
const ENVIRONMENT: [&str; 3] = ["production", "staging", "test"];

/// What to generate. Two equal values give the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct CpuData {
    /// Number of hosts.
    pub(crate) scale: u32,
    /// Number of rows in all; the last instant may be cut short.
    pub(crate) rows: u64,
    pub(crate) seed: u64,
    /// Time of the first instant, nanoseconds since 1970.
    pub(crate) start_ns: i64,
    /// Time between two rows of one host.
    pub(crate) interval_ns: i64,
}

impl CpuData {
    /// Starts the row stream.
    pub(crate) fn rows(&self) -> Rows {
        let hosts = (0..self.scale)
            .map(|index| Host::new(self.seed, index))
            .collect();
        Rows {
            hosts,
            next: 0,
            time_ns: self.start_ns,
            interval_ns: self.interval_ns,
            remaining: self.rows,
        }
    }

    /// The instant after the last row.
    pub(crate) fn end_ns(&self) -> i64 {
        let instants = self.rows.div_ceil(u64::from(self.scale));
        self.start_ns + instants as i64 * self.interval_ns
    }
}

/// One row, borrowed from its host until the next is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    host: &'a Host,
    pub(crate) time_ns: i64,
    pub(crate) values: [i64; FIELD_COUNT],
}

impl Row<'_> {
    /// Host number, the `<i>` of `host_<i>`.
    pub(crate) fn host_index(&self) -> u32 {
        self.host.index
    }

    /// Appends the row as one line of line protocol.
    pub(crate) fn write_line(&self, out: &mut Vec<u8>) {
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(self.host.line_prefix.as_bytes());
        for (position, (name, value)) in FIELDS.iter().zip(self.values).enumerate() {
            out.push(if position == 0 { b' ' } else { b',' });
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(number.format(value).as_bytes());
            out.push(b'i');
        }
        out.push(b' ');
        out.extend_from_slice(number.format(self.time_ns).as_bytes());
        out.push(b'\n');
    }

    /// Appends the row as CSV: tags, fields, then `time` in nanoseconds.
    pub(crate) fn write_csv(&self, out: &mut Vec<u8>) {
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(self.host.csv_prefix.as_bytes());
        for value in self.values {
            out.extend_from_slice(number.format(value).as_bytes());
            out.push(b',');
        }
        out.extend_from_slice(number.format(self.time_ns).as_bytes());
        out.push(b'\n');
    }
}

/// The header that belongs to [`Row::write_csv`].
pub(crate) fn csv_header() -> String {
    format!("{},{},time\n", TAGS.join(","), FIELDS.join(","))
}

/// The rows in time-major order. Not an `Iterator`, because a row borrows from the stream: nothing
/// is allocated per row.
#[derive(Debug)]
pub(crate) struct Rows {
    hosts: Vec<Host>,
    next: usize,
    time_ns: i64,
    interval_ns: i64,
    remaining: u64,
}

impl Rows {
    /// The next row, or `None` after the last.
    pub(crate) fn advance(&mut self) -> Option<Row<'_>> {
        if self.remaining == 0 || self.hosts.is_empty() {
            return None;
        }
        self.remaining -= 1;
        let (position, time_ns) = (self.next, self.time_ns);
        self.next += 1;
        if self.next == self.hosts.len() {
            self.next = 0;
            self.time_ns += self.interval_ns;
        }
        let values = self.hosts[position].step();
        Some(Row {
            host: &self.hosts[position],
            time_ns,
            values,
        })
    }
}

/// The rows as a stream of lines.
#[derive(Debug)]
pub(crate) struct CpuLines(Rows);

impl CpuLines {
    pub(crate) fn new(data: &CpuData) -> Self {
        Self(data.rows())
    }
}

impl Lines for CpuLines {
    fn next_line(&mut self, out: &mut Vec<u8>) -> Option<Line> {
        let row = self.0.advance()?;
        row.write_line(out);
        Some(Line {
            table: "cpu",
            time_ns: row.time_ns,
            counted_field: FIELDS[0],
            has_counted_field: true,
            field_count: FIELD_COUNT as u32,
            may_repeat: false,
            is_delayed: false,
        })
    }
}

#[derive(Debug)]
struct Host {
    index: u32,
    /// `cpu,<tags>`: the same for every row, so rendered once.
    line_prefix: String,
    csv_prefix: String,
    random: Xoshiro256PlusPlus,
    walks: [f64; FIELD_COUNT],
}

impl Host {
    fn new(seed: u64, index: u32) -> Self {
        let mut random = series_generator(seed, index);
        let tags = draw_tags(&mut random, index);
        let pairs = TAGS
            .iter()
            .zip(&tags)
            .map(|(name, value)| format!(",{name}={value}"));
        let line_prefix = format!("cpu{}", pairs.collect::<String>());
        let csv_prefix = tags.iter().map(|value| format!("{value},")).collect();
        let walks = std::array::from_fn(|_| random.random::<f64>() * 100.0);
        Self {
            index,
            line_prefix,
            csv_prefix,
            random,
            walks,
        }
    }

    /// The values of this instant, then one step of every walk towards the next.
    fn step(&mut self) -> [i64; FIELD_COUNT] {
        let values = self.walks.map(|walk| walk as i64);
        for walk in &mut self.walks {
            let step: f64 = StandardNormal.sample(&mut self.random);
            *walk = (*walk + step).clamp(0.0, 100.0);
        }
        values
    }
}

fn draw_tags(random: &mut Xoshiro256PlusPlus, index: u32) -> [String; 10] {
    let (region, zones) = REGIONS[random.random_range(0..REGIONS.len())];
    let zone = pick(random, zones);
    [
        format!("host_{index}"),
        region.to_owned(),
        format!("{region}{zone}"),
        random.random_range(0..100).to_string(),
        pick(random, &OS).to_owned(),
        pick(random, &ARCH).to_owned(),
        pick(random, &TEAM).to_owned(),
        random.random_range(0..20).to_string(),
        random.random_range(0..2).to_string(),
        pick(random, &ENVIRONMENT).to_owned(),
    ]
}

#[cfg(test)]
mod tests;
