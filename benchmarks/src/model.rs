//! The queries of the first figures and the naive model that knows their answers.
//!
//! The model is fed every row while the data is rendered and holds what each query must answer,
//! computed with plain sums and maxima. An answer is compared with it before any time is taken from
//! it: a fast wrong answer is no figure. The text of each query is one that DataFusion and DuckDB
//! both read, so that both engines run the same query.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use crate::data::cpu::{CpuData, FIELD_COUNT, FIELDS, Row};
use crate::error::{Error, Result};

const MINUTE_NS: i64 = 60_000_000_000;
const HOUR_NS: i64 = 60 * MINUTE_NS;

/// Relative difference up to which two floating point answers are the same.
const TOLERANCE: f64 = 1e-9;

/// A query by its name in the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) sql: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Int(i64),
    Float(f64),
    Text(String),
    /// Nanoseconds since 1970.
    Time(i64),
}

/// The answers, built up row by row.
#[derive(Debug)]
pub(crate) struct Model {
    one_host: u32,
    /// Range of the one-series query: at most an hour in the middle of the data, on whole minutes.
    from_ns: i64,
    to_ns: i64,
    rows: u64,
    minutes: BTreeMap<i64, [i64; FIELD_COUNT]>,
    /// (sum, count) of `usage_user` by hour and host.
    hours: BTreeMap<(i64, u32), (i64, u64)>,
}

impl Model {
    pub(crate) fn new(data: &CpuData) -> Self {
        let middle = data.start_ns + (data.end_ns() - data.start_ns) / 2;
        let from_ns = (middle - HOUR_NS / 2)
            .max(data.start_ns)
            .div_euclid(MINUTE_NS)
            * MINUTE_NS;
        Self {
            one_host: data.scale / 3,
            from_ns,
            to_ns: from_ns + HOUR_NS,
            rows: 0,
            minutes: BTreeMap::new(),
            hours: BTreeMap::new(),
        }
    }

    /// Takes one row into all answers.
    pub(crate) fn add(&mut self, row: &Row<'_>) {
        self.rows += 1;
        let hour = row.time_ns.div_euclid(HOUR_NS) * HOUR_NS;
        let (sum, count) = self.hours.entry((hour, row.host_index())).or_default();
        (*sum, *count) = (*sum + row.values[0], *count + 1);
        if row.host_index() == self.one_host && (self.from_ns..self.to_ns).contains(&row.time_ns) {
            let minute = row.time_ns.div_euclid(MINUTE_NS) * MINUTE_NS;
            let maxima = self
                .minutes
                .entry(minute)
                .or_insert([i64::MIN; FIELD_COUNT]);
            for (max, value) in maxima.iter_mut().zip(row.values) {
                *max = value.max(*max);
            }
        }
    }

    /// The queries in the order they are run.
    pub(crate) fn queries(&self) -> Vec<Query> {
        let maxima: Vec<_> = FIELDS
            .iter()
            .map(|field| format!("max({field}) as {field}"))
            .collect();
        let one_series = format!(
            "select date_trunc('minute', time) as minute, {} from cpu \
             where hostname = 'host_{}' and time >= timestamp '{}' and time < timestamp '{}' \
             group by 1 order by 1",
            maxima.join(", "),
            self.one_host,
            rfc3339(self.from_ns),
            rfc3339(self.to_ns),
        );
        let hourly = "select date_trunc('hour', time) as hour, hostname, avg(usage_user) as usage_user \
                      from cpu group by 1, 2 order by 1, 2";
        vec![
            Query {
                name: "count",
                sql: "select count(*) as row_count from cpu".to_owned(),
            },
            Query {
                name: "one-series-1h-max-all",
                sql: one_series,
            },
            Query {
                name: "hourly-mean-by-host",
                sql: hourly.to_owned(),
            },
        ]
    }

    /// Compares an answer in CSV (with a header) with the model's.
    pub(crate) fn check(&self, query: &Query, csv: &[u8]) -> Result<()> {
        compare(&self.answer(query.name), csv).map_err(|detail| Error::WrongAnswer {
            query: query.name.to_owned(),
            detail,
        })
    }

    fn answer(&self, name: &str) -> Vec<Vec<Cell>> {
        match name {
            "count" => vec![vec![Cell::Int(self.rows as i64)]],
            "one-series-1h-max-all" => {
                let cells = |(minute, maxima): (&i64, &[i64; FIELD_COUNT])| {
                    let maxima = maxima.iter().map(|&max| Cell::Int(max));
                    std::iter::once(Cell::Time(*minute)).chain(maxima).collect()
                };
                self.minutes.iter().map(cells).collect()
            }
            "hourly-mean-by-host" => self.hourly_means(),
            _ => unreachable!("`queries` makes no other name"),
        }
    }

    fn hourly_means(&self) -> Vec<Vec<Cell>> {
        let mut means: Vec<_> = self
            .hours
            .iter()
            .map(|(&(hour, host), &(sum, count))| {
                (hour, format!("host_{host}"), sum as f64 / count as f64)
            })
            .collect();
        // Hosts sort as text, not as numbers.
        means.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
        let cells =
            |(hour, host, mean)| vec![Cell::Time(hour), Cell::Text(host), Cell::Float(mean)];
        means.into_iter().map(cells).collect()
    }
}

/// Whole seconds, which is all that the queries use.
fn rfc3339(time_ns: i64) -> String {
    let since_epoch = Duration::from_nanos(time_ns.unsigned_abs());
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since_epoch).to_string()
}

/// `Err` says where the first difference is. None of these answers holds a quoted cell.
fn compare(expected: &[Vec<Cell>], csv: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(csv).map_err(|error| error.to_string())?;
    let lines: Vec<&str> = text.lines().skip(1).collect();
    if lines.len() != expected.len() {
        return Err(format!(
            "{} rows instead of {}",
            lines.len(),
            expected.len()
        ));
    }
    for (number, (line, row)) in lines.iter().zip(expected).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let equal =
            cells.len() == row.len() && row.iter().zip(&cells).all(|(cell, text)| same(cell, text));
        if !equal {
            return Err(format!("row {}: `{line}` instead of {row:?}", number + 1));
        }
    }
    Ok(())
}

fn same(cell: &Cell, text: &str) -> bool {
    match cell {
        Cell::Int(value) => text.parse() == Ok(*value),
        Cell::Float(value) => text
            .parse::<f64>()
            .is_ok_and(|got| (got - value).abs() <= TOLERANCE * value.abs().max(got.abs())),
        Cell::Text(value) => text == value,
        Cell::Time(value) => humantime::parse_rfc3339_weak(text)
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .is_some_and(|since| since.as_nanos() as i128 == i128::from(*value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::cpu::INTERVAL_NS;

    fn model(rows: u64) -> Model {
        let data = CpuData {
            scale: 12,
            rows,
            seed: 1,
            start_ns: 1_767_225_600_000_000_000,
            interval_ns: INTERVAL_NS,
        };
        let (mut model, mut stream) = (Model::new(&data), data.rows());
        while let Some(row) = stream.advance() {
            model.add(&row);
        }
        model
    }

    #[test]
    fn answers_have_the_size_that_the_data_implies() {
        let model = model(12 * 360 * 3);
        for (name, rows) in [
            ("count", 1),
            ("one-series-1h-max-all", 60),
            ("hourly-mean-by-host", 36),
        ] {
            assert_eq!(model.answer(name).len(), rows, "{name}");
        }
        assert_eq!(model.answer("count"), [[Cell::Int(12 * 360 * 3)]]);
        assert_eq!(
            model.answer("hourly-mean-by-host")[2][1],
            Cell::Text("host_10".to_owned())
        );
        let queries = model.queries();
        assert!(
            queries[1]
                .sql
                .contains("host_4' and time >= timestamp '2026-01-01T01:00:00Z'")
        );
    }

    #[test]
    fn only_equal_answers_pass() {
        let row = [
            Cell::Time(1_767_229_200_000_000_000),
            Cell::Text("host_1".to_owned()),
            Cell::Int(3),
            Cell::Float(0.1),
        ];
        let cases = [
            ("2026-01-01T01:00:00,host_1,3,0.1", true),
            ("2026-01-01 01:00:00,host_1,3,0.10000000000001", true),
            ("2026-01-01T01:00:00.000000000Z,host_1,3,0.1", true),
            ("2026-01-01T01:00:01,host_1,3,0.1", false),
            ("2026-01-01T01:00:00,host_2,3,0.1", false),
            ("2026-01-01T01:00:00,host_1,4,0.1", false),
            ("2026-01-01T01:00:00,host_1,3.0,0.1", false),
            ("2026-01-01T01:00:00,host_1,3,0.1000001", false),
            ("2026-01-01T01:00:00,host_1,3,NaN", false),
            ("2026-01-01T01:00:00,host_1,3,", false),
            ("2026-01-01T01:00:00,host_1,3", false),
            ("2026-01-01T01:00:00,host_1,3,0.1,5", false),
        ];
        for (line, equal) in cases {
            let csv = format!("time,hostname,count,mean\n{line}\n");
            assert_eq!(
                compare(&[row.to_vec()], csv.as_bytes()).is_ok(),
                equal,
                "{line}"
            );
        }
        assert!(compare(&[row.to_vec()], b"header\n").is_err());
        assert!(compare(&[], b"header\n2026,host_1,3,0.1\n").is_err());
    }
}
