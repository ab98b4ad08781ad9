//! The queries of the suite over `cpu` (timescale/tsbs, `cmd/tsbs_generate_queries/uses/devops`),
//! written from their meaning in its code, which is not always that of its descriptions.
//!
//! A window that is longer than the data is cut to it.

use super::query::{
    Column, ColumnKind, Draw, HOUR_NS, Instance, MINUTE_NS, Query, Required, Window, columns,
    rfc3339,
};
use crate::data::Shape;
use crate::data::cpu::{FIELDS, TAGS};

/// The queries in the order they run.
pub(super) const QUERIES: [Query; 16] = [
    query("single-groupby-1-1-1", Required::ONE_SERIES, |draw| {
        maxima(draw, 1, 1, 1, MINUTE)
    }),
    query("single-groupby-1-1-12", Required::ONE_SERIES, |draw| {
        maxima(draw, 1, 1, 12, MINUTE)
    }),
    query("single-groupby-5-1-1", Required::ONE_SERIES, |draw| {
        maxima(draw, 5, 1, 1, MINUTE)
    }),
    query("single-groupby-5-1-12", Required::ONE_SERIES, |draw| {
        maxima(draw, 5, 1, 12, MINUTE)
    }),
    query("single-groupby-1-8-1", Required::SOME_SERIES, |draw| {
        maxima(draw, 1, 8, 1, MINUTE)
    }),
    query("single-groupby-5-8-1", Required::SOME_SERIES, |draw| {
        maxima(draw, 5, 8, 1, MINUTE)
    }),
    query("cpu-max-all-1", Required::SOME_SERIES, |draw| {
        maxima(draw, 10, 1, 8, HOUR)
    }),
    query("cpu-max-all-8", Required::SOME_SERIES, |draw| {
        maxima(draw, 10, 8, 8, HOUR)
    }),
    query("cpu-max-all-32-24", Required::SOME_SERIES, |draw| {
        maxima(draw, 10, 32, 24, HOUR)
    }),
    query("double-groupby-1", Required::ALL_SERIES, |draw| {
        means(draw, 1)
    }),
    query("double-groupby-5", Required::ALL_SERIES, |draw| {
        means(draw, 5)
    }),
    query("double-groupby-all", Required::ALL_SERIES, |draw| {
        means(draw, 10)
    }),
    query(
        "groupby-orderby-limit",
        Required::NEWEST_MINUTES,
        newest_minutes,
    ),
    query("lastpoint", Required::LAST_ROWS, |_| lastpoint()),
    query("high-cpu-1", Required::influxdb(2.0, true), |draw| {
        high_cpu(draw, Some(1))
    }),
    query("high-cpu-all", Required::influxdb(15.0, false), |draw| {
        high_cpu(draw, None)
    }),
];

const fn query(name: &'static str, required: Required, draw: fn(&mut Draw) -> Instance) -> Query {
    Query {
        name,
        shape: Shape::Cpu,
        required,
        draw,
    }
}

/// A length of time in the words of each language.
#[derive(Debug, Clone, Copy)]
struct Step {
    sql: &'static str,
    short: &'static str,
    ns: i64,
}

const MINUTE: Step = Step {
    sql: "minute",
    short: "1m",
    ns: MINUTE_NS,
};
const HOUR: Step = Step {
    sql: "hour",
    short: "1h",
    ns: HOUR_NS,
};

/// Columns `time`, the tags given and the fields.
fn with_time(tags: &[&'static str], fields: &[&'static str]) -> Vec<Column> {
    let mut all = columns(["@time"]);
    all.extend(columns(tags.iter().copied()));
    all.extend(columns(fields.iter().copied()));
    all
}

/// `max(a) AS a, max(b) AS b`, which both SQL and InfluxQL read.
fn selected(function: &str, fields: &[&str]) -> String {
    let each = fields
        .iter()
        .map(|field| format!("{function}({field}) AS {field}"));
    each.collect::<Vec<_>>().join(", ")
}

/// The most of the first fields over hosts, by time: `single-groupby` and `cpu-max-all`.
fn maxima(draw: &mut Draw, fields: usize, hosts: u32, hours: i64, step: Step) -> Instance {
    let (window, hosts) = (draw.window(hours * HOUR_NS, step.ns), draw.members(hosts));
    let fields = &FIELDS[..fields];
    let names: Vec<String> = hosts.iter().map(|host| format!("host_{host}")).collect();
    let in_list = names.iter().map(|name| format!("'{name}'"));
    let either = names.iter().map(|name| format!("hostname = '{name}'"));
    Instance {
        columns: with_time(&[], fields),
        sql: format!(
            "SELECT date_trunc('{}', time) AS time, {} FROM cpu WHERE hostname IN ({}) AND {} \
             GROUP BY 1 ORDER BY 1",
            step.sql,
            selected("max", fields),
            in_list.collect::<Vec<_>>().join(", "),
            window.sql()
        ),
        duckdb: None,
        influxql: Some(format!(
            "SELECT {} FROM cpu WHERE ({}) AND {} GROUP BY time({}) fill(none)",
            selected("max", fields),
            either.collect::<Vec<_>>().join(" OR "),
            window.influxql(),
            step.short
        )),
        metricsql: Some(window.range(
            format!(
                "max(max_over_time({{__name__=~'cpu_({})',hostname=~'{}'}}[{}] offset 1ms)) by (__name__)",
                fields.join("|"),
                names.join("|"),
                step.short
            ),
            step.ns,
        )),
    }
}

/// Hourly means of the first fields by host.
fn means(draw: &mut Draw, fields: usize) -> Instance {
    let (window, fields) = (draw.window(12 * HOUR_NS, HOUR_NS), &FIELDS[..fields]);
    let means = selected("avg", fields);
    Instance {
        columns: with_time(&["'hostname"], fields),
        sql: format!(
            "SELECT date_trunc('hour', time) AS time, hostname, {means} FROM cpu WHERE {} \
             GROUP BY 1, 2 ORDER BY 1, 2",
            window.sql()
        ),
        duckdb: None,
        influxql: Some(format!(
            "SELECT {} FROM cpu WHERE {} GROUP BY time(1h), hostname fill(none)",
            selected("mean", fields),
            window.influxql()
        )),
        metricsql: Some(window.range(
            format!(
                "avg(avg_over_time({{__name__=~'cpu_({})'}}[1h] offset 1ms)) by (__name__, hostname)",
                fields.join("|")
            ),
            HOUR_NS,
        )),
    }
}

/// The newest five minutes before a random end, without a lower bound.
fn newest_minutes(draw: &mut Draw) -> Instance {
    let end = rfc3339(draw.window(HOUR_NS, MINUTE_NS).end_ns);
    let field = FIELDS[0];
    Instance {
        columns: with_time(&[], &[field]),
        sql: format!(
            "SELECT date_trunc('minute', time) AS time, max({field}) AS {field} FROM cpu \
             WHERE time < timestamp '{end}' GROUP BY 1 ORDER BY 1 DESC LIMIT 5"
        ),
        duckdb: None,
        // Ascending in the suite, which gives the oldest minutes.
        influxql: Some(format!(
            "SELECT max({field}) AS {field} FROM cpu WHERE time < '{end}' GROUP BY time(1m) \
             fill(none) ORDER BY time DESC LIMIT 5"
        )),
        metricsql: None,
    }
}

/// Whole rows above a limit, of some hosts or all.
fn high_cpu(draw: &mut Draw, hosts: Option<u32>) -> Instance {
    let window: Window = draw.window(12 * HOUR_NS, MINUTE_NS);
    let hosts = hosts.map(|count| draw.members(count));
    let of_hosts = hosts.map_or(String::new(), |hosts| {
        let each = hosts.iter().map(|host| format!("hostname = 'host_{host}'"));
        format!(" AND ({})", each.collect::<Vec<_>>().join(" OR "))
    });
    Instance {
        columns: whole_rows(),
        sql: format!(
            "SELECT * FROM cpu WHERE usage_user > 90.0 AND {}{of_hosts}",
            window.sql()
        ),
        duckdb: None,
        influxql: Some(format!(
            "SELECT * FROM cpu WHERE usage_user > 90.0 AND {}{of_hosts}",
            window.influxql()
        )),
        metricsql: None,
    }
}

/// The newest row of every host.
fn lastpoint() -> Instance {
    Instance {
        columns: whole_rows(),
        sql: "SELECT DISTINCT ON (hostname) * FROM cpu ORDER BY hostname, time DESC".to_owned(),
        // Takes a fifth of the time that DuckDB needs for DISTINCT ON.
        duckdb: Some("SELECT unnest(arg_max(cpu, time)) FROM cpu GROUP BY hostname".to_owned()),
        influxql: Some("SELECT * FROM cpu GROUP BY hostname ORDER BY time DESC LIMIT 1".to_owned()),
        metricsql: None,
    }
}

fn whole_rows() -> Vec<Column> {
    let mut all = columns(["@time"]);
    all.extend(columns(TAGS).into_iter().map(|tag| Column {
        kind: ColumnKind::Text,
        ..tag
    }));
    all.extend(columns(FIELDS));
    all
}
