//! What a query is: its name, what is required of it, and its instances, each in the words of every
//! engine that can express it.
//!
//! An instance's answer has named columns. Every engine's answer is brought to these columns, so
//! that answers can be compared; where an engine has a column under another name, its text renames
//! it.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::data::{Shape, Spec};

const SECOND_NS: i64 = 1_000_000_000;
pub(super) const MINUTE_NS: i64 = 60 * SECOND_NS;
pub(super) const HOUR_NS: i64 = 60 * MINUTE_NS;

/// One type of query of the suite.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: Required,
    /// Draws the next instance.
    pub(super) draw: fn(&mut Draw) -> Instance,
}

/// What must hold, and what is aimed at. A ratio is the other's median time over ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Required {
    pub(super) ms: Option<f64>,
    pub(super) duckdb: Option<f64>,
    pub(super) influxdb: Option<f64>,
    /// Whether ten times the rows must not change the time.
    pub(super) is_selective: bool,
    pub(super) aim: &'static str,
}

impl Required {
    pub(super) const ONE_SERIES: Self = Self {
        ms: Some(2.0),
        duckdb: Some(3.0),
        influxdb: None,
        is_selective: true,
        aim: "1 ms, level with InfluxDB",
    };
    pub(super) const SOME_SERIES: Self = Self {
        ms: None,
        duckdb: Some(2.0),
        influxdb: Some(2.0),
        is_selective: true,
        aim: "5x",
    };
    pub(super) const ALL_SERIES: Self = Self {
        ms: None,
        duckdb: Some(1.0),
        influxdb: Some(4.0),
        is_selective: false,
        aim: "10x",
    };
    pub(super) const NEWEST_MINUTES: Self = Self {
        ms: None,
        duckdb: Some(3.0),
        influxdb: Some(30.0),
        is_selective: false,
        aim: "200x",
    };
    pub(super) const LAST_ROWS: Self = Self {
        ms: None,
        duckdb: Some(20.0),
        influxdb: Some(10.0),
        is_selective: true,
        aim: "100x",
    };
    pub(super) const FLEET: Self = Self {
        ms: None,
        duckdb: Some(1.0),
        influxdb: Some(3.0),
        is_selective: false,
        aim: "3x DuckDB",
    };

    /// Nothing but a ratio to InfluxDB.
    pub(super) const fn influxdb(ratio: f64, is_selective: bool) -> Self {
        Self {
            ms: None,
            duckdb: None,
            influxdb: Some(ratio),
            is_selective,
            aim: "",
        }
    }
}

/// A query with its times and hosts filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instance {
    pub(super) columns: Vec<Column>,
    /// For Tidemill and DataFusion, and for DuckDB unless it has a better text.
    pub(super) sql: String,
    /// What DuckDB answers faster than the common text.
    pub(super) duckdb: Option<String>,
    pub(super) influxql: Option<String>,
    pub(super) metricsql: Option<RangeQuery>,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
}

/// How the cells of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Time,
    /// A tag; one that is absent equals one that is empty.
    Text,
    Number,
}

/// A query over windows of `step_s` that end at `first_end_s`, and so on up to `last_end_s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RangeQuery {
    pub(super) text: String,
    pub(super) first_end_s: i64,
    pub(super) last_end_s: i64,
    pub(super) step_s: i64,
}

/// The columns of an answer, from names that begin with their kind: `@time`, `'hostname`, `mean`.
pub(super) fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Column> {
    let column = |name: &str| {
        let (kind, name) = match (name.strip_prefix('@'), name.strip_prefix('\'')) {
            (Some(name), _) => (ColumnKind::Time, name),
            (None, Some(name)) => (ColumnKind::Text, name),
            (None, None) => (ColumnKind::Number, name),
        };
        let name = name.to_owned();
        Column { name, kind }
    };
    names.into_iter().map(column).collect()
}

/// Draws what varies between the instances of a query: equal seeds, equal instances, whichever other
/// queries run.
#[derive(Debug)]
pub(super) struct Draw {
    random: Xoshiro256PlusPlus,
    start_ns: i64,
    end_ns: i64,
    scale: u32,
}

impl Draw {
    pub(super) fn new(seed: u64, query: &str, data: &Spec) -> Self {
        // FNV-1a: the hash of the standard library may change with its version.
        let hash = query.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            random: Xoshiro256PlusPlus::seed_from_u64(seed ^ hash),
            start_ns: data.start_ns,
            end_ns: data.start_ns + data.duration_ns,
            scale: data.scale,
        }
    }

    /// All of the data.
    pub(super) fn everything(&self) -> Window {
        Window {
            start_ns: self.start_ns,
            end_ns: self.end_ns,
        }
    }

    /// A window anywhere in the data, as long as all of the data at most. It begins at a whole
    /// `step_ns`, so that an engine whose windows are relative to the begin has the same ones.
    pub(super) fn window(&mut self, length_ns: i64, step_ns: i64) -> Window {
        let whole = |ns: i64| ns.div_euclid(step_ns) * step_ns;
        let length = whole(length_ns.min(self.end_ns - self.start_ns)).max(step_ns);
        let latest = (self.end_ns - length).max(self.start_ns);
        let start_ns = whole(self.random.random_range(self.start_ns..=latest));
        Window {
            start_ns,
            end_ns: start_ns + length,
        }
    }

    /// Different hosts or trucks, in ascending order; all when there are fewer.
    pub(super) fn members(&mut self, count: u32) -> Vec<u32> {
        let mut chosen = Vec::new();
        while chosen.len() < count.min(self.scale) as usize {
            let member = self.random.random_range(0..self.scale);
            if let Err(place) = chosen.binary_search(&member) {
                chosen.insert(place, member);
            }
        }
        chosen
    }

    pub(super) fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.random_range(0..choices.len())]
    }
}

/// From the first instant up to, not including, the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
}

impl Window {
    /// As a condition in SQL.
    pub(super) fn sql(self) -> String {
        format!(
            "time >= timestamp '{}' AND time < timestamp '{}'",
            rfc3339(self.start_ns),
            rfc3339(self.end_ns)
        )
    }

    /// As a condition in InfluxQL.
    pub(super) fn influxql(self) -> String {
        format!(
            "time >= '{}' AND time < '{}'",
            rfc3339(self.start_ns),
            rfc3339(self.end_ns)
        )
    }

    /// The windows of `step_ns` in it, each named by its end. The text asks for what lies one
    /// millisecond back: a window of MetricsQL excludes its begin and includes its end.
    pub(super) fn range(self, text: String, step_ns: i64) -> RangeQuery {
        RangeQuery {
            text,
            first_end_s: (self.start_ns + step_ns) / SECOND_NS,
            last_end_s: self.end_ns / SECOND_NS,
            step_s: step_ns / SECOND_NS,
        }
    }
}

/// Whole seconds, which is all that the queries use.
pub(super) fn rfc3339(time_ns: i64) -> String {
    let since_epoch = std::time::Duration::from_nanos(time_ns.unsigned_abs());
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since_epoch).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(hours: i64, seed: u64) -> Draw {
        Draw::new(seed, "a query", &Spec::new(Shape::Cpu, 20, hours * HOUR_NS))
    }

    #[test]
    fn windows_lie_in_the_data_and_begin_at_whole_steps() {
        for (hours, length, step, expected) in [
            (24, 12 * HOUR_NS, HOUR_NS, 12 * HOUR_NS),
            (24, HOUR_NS, MINUTE_NS, HOUR_NS),
            (6, 12 * HOUR_NS, HOUR_NS, 6 * HOUR_NS),
        ] {
            let mut draw = draw(hours, 1);
            let all = draw.everything();
            for _ in 0..100 {
                let window = draw.window(length, step);
                assert_eq!(window.end_ns - window.start_ns, expected);
                assert_eq!(window.start_ns % step, 0);
                assert!(all.start_ns <= window.start_ns && window.end_ns <= all.end_ns);
            }
        }
    }

    #[test]
    fn members_differ_and_equal_seeds_draw_the_same() {
        let mut first = draw(1, 3);
        for count in [1, 8, 20, 32] {
            let members = first.members(count);
            assert_eq!(members.len(), count.min(20) as usize);
            assert!(members.windows(2).all(|pair| pair[0] < pair[1]));
        }
        let of = |seed| draw(24, seed).window(HOUR_NS, MINUTE_NS);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn a_range_query_names_windows_by_their_ends() {
        let window = Window {
            start_ns: 120 * SECOND_NS,
            end_ns: 300 * SECOND_NS,
        };
        let range = window.range("x".to_owned(), MINUTE_NS);
        assert_eq!(
            (range.first_end_s, range.last_end_s, range.step_s),
            (180, 300, 60)
        );
        assert_eq!(
            window.influxql(),
            "time >= '1970-01-01T00:02:00Z' AND time < '1970-01-01T00:05:00Z'"
        );
    }
}
