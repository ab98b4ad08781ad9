//! The queries of the suite over `readings` and `diagnostics` (timescale/tsbs,
//! `cmd/tsbs_generate_queries/uses/iot`), written from their meaning in its code.
//!
//! A truck is its `name`; rows without one belong to no truck. Where the suite asks for the newest
//! row of a truck, its InfluxQL takes the first: here every engine is asked for the newest.
//!
//! InfluxDB has no words for what looks at the bucket before or after (`avg-daily-driving-session`,
//! `breakdown-frequency`).

use super::query::{Draw, HOUR_NS, Instance, MINUTE_NS, Query, Required, Window, columns};
use crate::data::Shape;
use crate::data::iot::FLEET;

/// The queries in the order they run.
pub(super) const QUERIES: [Query; 13] = [
    query("last-loc", Required::LAST_ROWS, |draw| {
        let fleet = draw.one_of(&FLEET);
        last_location(&format!("fleet = '{fleet}'"))
    }),
    query("single-last-loc", Required::LAST_ROWS, |draw| {
        let truck = draw.members(1)[0];
        last_location(&format!("\"name\" = 'truck_{truck}'"))
    }),
    query("low-fuel", Required::LAST_ROWS, low_fuel),
    query("high-load", Required::LAST_ROWS, high_load),
    query("stationary-trucks", Required::FLEET, stationary_trucks),
    query("long-driving-sessions", Required::FLEET, |draw| {
        long_sessions(draw, 4, 22)
    }),
    query("long-daily-sessions", Required::FLEET, |draw| {
        long_sessions(draw, 24, 60)
    }),
    query("avg-vs-projected-fuel-consumption", Required::FLEET, |_| {
        fuel_consumption()
    }),
    query("avg-daily-driving-duration", Required::FLEET, |draw| {
        driving_duration(draw.everything())
    }),
    query("avg-daily-driving-session", Required::FLEET, |_| {
        driving_sessions()
    }),
    query("avg-load", Required::FLEET, |_| average_load()),
    query("daily-activity", Required::FLEET, |draw| {
        daily_activity(draw.everything())
    }),
    query("breakdown-frequency", Required::FLEET, |_| {
        breakdown_frequency()
    }),
];

/// In SQL and, with the tag's name quoted, in InfluxQL.
const HAS_NAME_SQL: &str = "name IS NOT NULL";
const HAS_NAME_INFLUXQL: &str = "\"name\" != ''";

/// All fields: with them a row of InfluxDB is there whichever field it lacks.
const DIAGNOSTICS_FIELDS: &str = "fuel_state, current_load, status, load_capacity, \
     fuel_capacity, nominal_fuel_consumption";

const fn query(name: &'static str, required: Required, draw: fn(&mut Draw) -> Instance) -> Query {
    Query {
        name,
        shape: Shape::Iot,
        required,
        draw,
    }
}

/// An instance that all SQL engines read alike.
fn instance(names: &[&str], sql: String, influxql: Option<String>) -> Instance {
    Instance {
        columns: columns(names.iter().copied()),
        sql,
        duckdb: None,
        influxql,
        metricsql: None,
    }
}

/// The newest place of each truck.
fn last_location(of: &str) -> Instance {
    let common = instance(
        &["'name", "'driver", "latitude", "longitude"],
        format!(
            "SELECT name, driver, latitude, longitude FROM \
             (SELECT DISTINCT ON (name) name, driver, latitude, longitude FROM readings \
             WHERE {of} AND {HAS_NAME_SQL} ORDER BY name, time DESC)"
        ),
        Some(format!(
            "SELECT driver, latitude, longitude FROM readings WHERE {of} AND {HAS_NAME_INFLUXQL} \
             GROUP BY \"name\" ORDER BY time DESC LIMIT 1"
        )),
    );
    Instance {
        duckdb: Some(format!(
            "SELECT name, unnest(last) FROM ({})",
            newest_struct("readings", &["driver", "latitude", "longitude"], of)
        )),
        ..common
    }
}

/// The newest row of each truck as one value, which DuckDB finds faster than DISTINCT ON.
fn newest_struct(table: &str, fields: &[&str], condition: &str) -> String {
    let members: Vec<String> = fields
        .iter()
        .map(|field| format!("'{field}': {field}"))
        .collect();
    format!(
        "SELECT name, arg_max({{{}}}, time) AS last FROM {table} \
         WHERE {condition} AND {HAS_NAME_SQL} GROUP BY name",
        members.join(", ")
    )
}

/// Trucks of a fleet whose newest diagnostics say that little fuel is left.
fn low_fuel(draw: &mut Draw) -> Instance {
    newest_diagnostics(
        draw.one_of(&FLEET),
        &["fuel_state"],
        "fuel_state <= 0.1",
        "fuel_state <= 0.1",
    )
}

/// Trucks of a fleet whose newest diagnostics say that they carry nearly all they can.
fn high_load(draw: &mut Draw) -> Instance {
    newest_diagnostics(
        draw.one_of(&FLEET),
        &["current_load", "load_capacity"],
        "current_load >= 0.9 * load_capacity",
        // A comparison of InfluxQL has one side without fields.
        "current_load - 0.9 * load_capacity >= 0",
    )
}

fn newest_diagnostics(fleet: &str, fields: &[&str], sql: &str, influxql: &str) -> Instance {
    let (of_fleet, list) = (format!("fleet = '{fleet}'"), fields.join(", "));
    let names: Vec<&str> = ["'name", "'driver"]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    let common = instance(
        &names,
        format!(
            "SELECT name, driver, {list} FROM (SELECT DISTINCT ON (name) name, driver, {list} \
             FROM diagnostics WHERE {of_fleet} AND {HAS_NAME_SQL} ORDER BY name, time DESC) \
             WHERE {sql}"
        ),
        Some(format!(
            "SELECT driver, {list} FROM (SELECT {DIAGNOSTICS_FIELDS}, driver FROM \"diagnostics\" \
             WHERE {of_fleet} AND {HAS_NAME_INFLUXQL} GROUP BY \"name\" ORDER BY time DESC LIMIT 1) \
             WHERE {influxql} GROUP BY \"name\" ORDER BY time DESC"
        )),
    );
    let fields: Vec<&str> = ["driver"]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    Instance {
        duckdb: Some(format!(
            "SELECT * FROM (SELECT name, unnest(last) FROM ({})) WHERE {sql}",
            newest_struct("diagnostics", &fields, &of_fleet)
        )),
        ..common
    }
}

/// Trucks of a fleet that did not move for ten minutes.
fn stationary_trucks(draw: &mut Draw) -> Instance {
    let (window, fleet) = (draw.window(10 * MINUTE_NS, MINUTE_NS), draw.one_of(&FLEET));
    instance(
        &["'name", "mean_velocity"],
        format!(
            "SELECT name, avg(velocity) AS mean_velocity FROM readings \
             WHERE fleet = '{fleet}' AND {HAS_NAME_SQL} AND {} GROUP BY name HAVING avg(velocity) < 1",
            window.sql()
        ),
        Some(format!(
            "SELECT mean_velocity FROM (SELECT mean(velocity) AS mean_velocity FROM readings \
             WHERE fleet = '{fleet}' AND {HAS_NAME_INFLUXQL} AND {} GROUP BY \"name\") \
             WHERE mean_velocity < 1 GROUP BY \"name\"",
            window.influxql()
        )),
    )
}

/// Trucks of a fleet that drove in more than so many ten minutes of some hours.
fn long_sessions(draw: &mut Draw, hours: i64, more_than: u32) -> Instance {
    // InfluxDB names a count by the begin of the window and must not find that before its bucket.
    let (window, fleet) = (
        draw.window(hours * HOUR_NS, 10 * MINUTE_NS),
        draw.one_of(&FLEET),
    );
    let within = window.influxql();
    instance(
        &["'name", "driven"],
        format!(
            "SELECT name, count(*) AS driven FROM \
             (SELECT {TEN_MINUTES} AS bucket, name FROM readings \
             WHERE fleet = '{fleet}' AND {HAS_NAME_SQL} AND {} GROUP BY 1, 2 \
             HAVING avg(velocity) > 1) GROUP BY name HAVING count(*) > {more_than}",
            window.sql()
        ),
        Some(format!(
            "SELECT driven FROM (SELECT count(mean_velocity) AS driven FROM \
             (SELECT mean(velocity) AS mean_velocity FROM readings \
             WHERE fleet = '{fleet}' AND {HAS_NAME_INFLUXQL} AND {within} \
             GROUP BY time(10m), \"name\") WHERE mean_velocity > 1 AND {within} GROUP BY \"name\") \
             WHERE driven > {more_than} AND {within} GROUP BY \"name\""
        )),
    )
}

const TEN_MINUTES: &str = "date_bin(INTERVAL '10 minutes', time)";

/// Fuel that driving trucks burn beside what they should, by fleet.
fn fuel_consumption() -> Instance {
    let mean = |function: &str| {
        format!(
            "{function}(fuel_consumption) AS burnt, {function}(nominal_fuel_consumption) AS nominal"
        )
    };
    instance(
        &["'fleet", "burnt", "nominal"],
        format!(
            "SELECT fleet, {} FROM readings WHERE velocity > 1 GROUP BY fleet",
            mean("avg")
        ),
        Some(format!(
            "SELECT {} FROM readings WHERE velocity > 1 GROUP BY fleet",
            mean("mean")
        )),
    )
}

/// Hours driven a day by fleet, truck and driver.
fn driving_duration(all: Window) -> Instance {
    let within = all.influxql();
    instance(
        &["@time", "'fleet", "'name", "'driver", "hours"],
        format!(
            "SELECT date_trunc('day', bucket) AS time, fleet, name, driver, count(*) / 6.0 AS hours \
             FROM (SELECT {TEN_MINUTES} AS bucket, fleet, name, driver FROM readings \
             WHERE {HAS_NAME_SQL} GROUP BY 1, 2, 3, 4 HAVING avg(velocity) > 1) \
             GROUP BY 1, 2, 3, 4"
        ),
        Some(format!(
            "SELECT count(mean_velocity) / 6 AS hours FROM \
             (SELECT mean(velocity) AS mean_velocity FROM readings \
             WHERE {HAS_NAME_INFLUXQL} AND {within} GROUP BY time(10m), fleet, \"name\", driver) \
             WHERE mean_velocity > 1 AND {within} \
             GROUP BY time(1d), fleet, \"name\", driver fill(none)"
        )),
    )
}

/// Mean length of the runs of ten minutes driven, by truck and the day on which a run begins. A run
/// that begins or ends with the data is left out, as in the suite.
fn driving_sessions() -> Instance {
    instance(
        &["@time", "'name", "minutes"],
        format!(
            "WITH buckets AS (SELECT name, {TEN_MINUTES} AS bucket, avg(velocity) > 5 AS driving \
             FROM readings WHERE {HAS_NAME_SQL} GROUP BY 1, 2), \
             marked AS (SELECT name, bucket, driving, \
             lag(driving) OVER (PARTITION BY name ORDER BY bucket) AS before FROM buckets), \
             runs AS (SELECT name, bucket, driving, \
             lead(bucket) OVER (PARTITION BY name ORDER BY bucket) AS stop \
             FROM marked WHERE driving <> before) \
             SELECT date_trunc('day', bucket) AS time, name, \
             avg(date_part('epoch', stop) - date_part('epoch', bucket)) / 60.0 AS minutes \
             FROM runs WHERE driving AND stop IS NOT NULL GROUP BY 1, 2"
        ),
        None,
    )
}

/// Mean share of the capacity that is used, by fleet and model.
fn average_load() -> Instance {
    instance(
        &["'fleet", "'model", "mean_load"],
        "SELECT fleet, model, avg(current_load / load_capacity) AS mean_load FROM diagnostics \
         GROUP BY fleet, model"
            .to_owned(),
        Some(
            "SELECT mean(share) AS mean_load FROM (SELECT current_load / load_capacity AS share \
             FROM \"diagnostics\" GROUP BY fleet, model) GROUP BY fleet, model"
                .to_owned(),
        ),
    )
}

/// Share of the day in which trucks were active, summed up by model and fleet.
fn daily_activity(all: Window) -> Instance {
    let within = all.influxql();
    instance(
        &["@time", "'model", "'fleet", "activity"],
        format!(
            "SELECT date_trunc('day', bucket) AS time, model, fleet, count(*) / 144.0 AS activity \
             FROM (SELECT {TEN_MINUTES} AS bucket, name, model, fleet FROM diagnostics \
             WHERE {HAS_NAME_SQL} GROUP BY 1, 2, 3, 4 HAVING avg(status) < 1) GROUP BY 1, 2, 3"
        ),
        Some(format!(
            "SELECT count(mean_status) / 144 AS activity FROM \
             (SELECT mean(status) AS mean_status FROM \"diagnostics\" \
             WHERE {HAS_NAME_INFLUXQL} AND {within} GROUP BY time(10m), \"name\", model, fleet) \
             WHERE mean_status < 1 AND {within} GROUP BY time(1d), model, fleet fill(none)"
        )),
    )
}

/// How often trucks broke down, by model: ten minutes with at least half of the states not zero
/// after ten without.
fn breakdown_frequency() -> Instance {
    instance(
        &["'model", "breakdowns"],
        format!(
            "WITH buckets AS (SELECT model, name, {TEN_MINUTES} AS bucket, \
             avg(CASE WHEN status <> 0 THEN 1.0 ELSE 0.0 END) >= 0.5 AS broken \
             FROM diagnostics WHERE {HAS_NAME_SQL} AND model IS NOT NULL GROUP BY 1, 2, 3), \
             marked AS (SELECT model, broken, \
             lead(broken) OVER (PARTITION BY model, name ORDER BY bucket) AS next FROM buckets) \
             SELECT model, count(*) AS breakdowns FROM marked WHERE NOT broken AND next \
             GROUP BY model"
        ),
        None,
    )
}
