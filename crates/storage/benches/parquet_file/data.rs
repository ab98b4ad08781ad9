//! Columns as machines make them, sorted by series and time.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000_000;

/// Ten seconds.
const STEP: i64 = 10_000_000_000;

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, good enough for shapes of data.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Kinds of field columns.
pub(crate) const KINDS: [&str; 15] = [
    "integer walk",
    "integer codes",
    "integer random",
    "unsigned counter",
    "float 2 decimals",
    "float 1 decimal",
    "float whole",
    "float full",
    "float random bits",
    "float constant",
    "float mostly null",
    "boolean",
    "string states",
    "string messages",
    "string unique",
];

/// A random walk within [0, 100], one per host, passed through `map`.
fn walk<T>(hosts: usize, rows: usize, seed: u64, map: impl Fn(f64) -> T) -> Vec<T> {
    let mut values = Vec::with_capacity(hosts * rows);
    for host in 0..hosts {
        let mut random = Random(seed ^ ((host as u64) << 20));
        let mut value = 100.0 * random.uniform();
        for _ in 0..rows {
            value = (value + random.normal()).clamp(0.0, 100.0);
            values.push(map(value));
        }
    }
    values
}

/// A field column: `rows` of each of `hosts`, host by host.
pub(crate) fn field(kind: &str, hosts: usize, rows: usize, seed: u64) -> ArrayRef {
    let mut random = Random(seed);
    let all = hosts * rows;
    match kind {
        "integer walk" => Arc::new(Int64Array::from(walk(hosts, rows, seed, |v| v as i64))),
        "integer codes" => {
            let codes = [200, 200, 200, 204, 301, 404, 500, 70_001];
            let draw = |_| codes[random.bits() as usize % codes.len()];
            Arc::new((0..all).map(draw).collect::<Int64Array>())
        }
        "integer random" => Arc::new(
            (0..all)
                .map(|_| random.bits() as i64)
                .collect::<Int64Array>(),
        ),
        "unsigned counter" => {
            let mut count = u64::MAX - (all as u64) * 600;
            let step = |_| {
                count += 500 + random.bits() % 64;
                count
            };
            Arc::new((0..all).map(step).collect::<UInt64Array>())
        }
        "float 2 decimals" => floats(walk(hosts, rows, seed, |v| (v * 100.0).round() / 100.0)),
        "float 1 decimal" => floats(walk(hosts, rows, seed, |v| (v * 10.0).round() / 10.0)),
        "float whole" => floats(walk(hosts, rows, seed, f64::round)),
        "float full" => floats(walk(hosts, rows, seed, |v| v)),
        "float random bits" => floats((0..all).map(|_| f64::from_bits(random.bits())).collect()),
        "float constant" => floats(vec![21.5; all]),
        "float mostly null" => {
            let draw = |_| (random.bits().is_multiple_of(20)).then(|| random.normal());
            Arc::new((0..all).map(draw).collect::<Float64Array>())
        }
        "boolean" => {
            let mut on = false;
            let flip = |_| {
                on ^= random.bits().is_multiple_of(50);
                Some(on)
            };
            Arc::new((0..all).map(flip).collect::<BooleanArray>())
        }
        "string states" => {
            let states = ["running", "idle", "maintenance", "fault"];
            let mut state = states[0];
            let change = |_| {
                if random.bits().is_multiple_of(30) {
                    state = states[random.bits() as usize % states.len()];
                }
                Some(state)
            };
            Arc::new((0..all).map(change).collect::<StringArray>())
        }
        "string messages" => {
            let text = |_| {
                let (spindle, load) = (random.bits() % 12, random.bits() % 100);
                Some(format!(
                    "spindle {spindle} overload at {load} % of nominal torque"
                ))
            };
            Arc::new((0..all).map(text).collect::<StringArray>())
        }
        "string unique" => {
            let text = |_| Some(format!("{:016x}", random.bits()));
            Arc::new((0..all).map(text).collect::<StringArray>())
        }
        _ => panic!("no such kind of data: {kind}"),
    }
}

fn floats(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

/// The hosts' names in the order in which they sort.
pub(crate) fn host_names(hosts: usize) -> Vec<String> {
    let mut names: Vec<String> = (0..hosts).map(|host| format!("host_{host}")).collect();
    names.sort_unstable();
    names
}

/// Rows of `hosts`, every ten seconds, with ten tags of which the first tells the host, and fields.
pub(crate) fn rows(hosts: usize, rows: usize, fields: &[(&str, ArrayRef)]) -> RecordBatch {
    let time_type = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let tag_type = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let times = (0..hosts).flat_map(|_| (0..rows as i64).map(|row| START + row * STEP));
    let mut schema = vec![Field::new("time", time_type, false)];
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(TimestampNanosecondArray::from_iter_values(times))];
    for (name, values) in tags(hosts) {
        let keys: Vec<i32> = values
            .iter()
            .flat_map(|&(key, _)| std::iter::repeat_n(key, rows))
            .collect();
        let mut texts: Vec<(i32, String)> = values;
        texts.sort_unstable();
        texts.dedup();
        let texts = StringArray::from_iter_values(texts.into_iter().map(|(_, text)| text));
        schema.push(Field::new(name, tag_type.clone(), true));
        columns.push(Arc::new(DictionaryArray::new(
            Int32Array::from(keys),
            Arc::new(texts),
        )));
    }
    for (name, array) in fields {
        schema.push(Field::new(*name, array.data_type().clone(), true));
        columns.push(Arc::clone(array));
    }
    RecordBatch::try_new(Arc::new(Schema::new(schema)), columns).expect("columns are of one length")
}

/// Per tag, the key and the text of every host; keys are dense from 0.
fn tags(hosts: usize) -> Vec<(&'static str, Vec<(i32, String)>)> {
    let drawn = [
        ("arch", "cpu", 2),
        ("datacenter", "dc", 20),
        ("os", "os", 3),
        ("rack", "", 100),
        ("region", "region-", 9),
        ("service", "", 20),
        ("service_environment", "env", 3),
        ("service_version", "", 2),
        ("team", "team", 4),
    ];
    let names = host_names(hosts).into_iter();
    let mut tags = vec![("hostname", (0i32..).zip(names).collect::<Vec<_>>())];
    for (seed, (name, prefix, distinct)) in drawn.into_iter().enumerate() {
        let mut random = Random(seed as u64 + 1);
        let mut seen: Vec<u64> = Vec::new();
        let values = (0..hosts).map(|_| {
            let value = random.bits() % distinct;
            let key = seen
                .iter()
                .position(|&other| other == value)
                .unwrap_or_else(|| {
                    seen.push(value);
                    seen.len() - 1
                });
            (
                i32::try_from(key).expect("few values"),
                format!("{prefix}{value}"),
            )
        });
        tags.push((name, values.collect()));
    }
    tags
}
