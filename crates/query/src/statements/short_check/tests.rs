//! What checks in one line stand for.

use datafusion::sql::sqlparser::dialect::GenericDialect;

use super::*;

fn parsed(text: &str) -> Result<Option<(Short, Frame)>> {
    let parser = Parser::new(&GenericDialect {}).try_with_sql(text);
    Short::parse(&mut parser.unwrap())
}

fn check(text: &str, expected: &str) {
    let (short, _) = parsed(text).unwrap().unwrap();
    // As of a table that there is not: without BY, there is one series.
    assert_eq!(short.expand(None).select, expected, "{text}");
}

const WINDOW: &str = "time >= $window_start AND time < $window_stop";

#[test]
fn a_line_stands_for_a_query() {
    let values = "last_value(\"temp\" ORDER BY time) AS value, min(\"temp\") AS \"min\", max(\"temp\") AS \"max\", \
                  avg(\"temp\") AS \"mean\"";
    check(
        "ON Motor.Temp crit WHEN value > 90",
        &format!(
            "SELECT {values} FROM \"motor\" WHERE {WINDOW} AND \"temp\" IS NOT NULL HAVING count(*) > 0"
        ),
    );
    check(
        "ON motor.temp BY (asset, \"Line\") WHERE asset ~ '^m' OR \"Line\" = 'A' EVERY '10s' OFFSET '5s' warn WHEN max > 1",
        &format!(
            "SELECT \"asset\", \"Line\", {values} FROM \"motor\" WHERE {WINDOW} AND \"temp\" IS NOT NULL \
             AND (asset ~ '^m' OR \"Line\" = 'A') GROUP BY \"asset\", \"Line\""
        ),
    );
    check(
        "ON tank.level RATE '1h' OVER '10m' BY (tank) warn WHEN rate < -5",
        "SELECT \"tank\", regr_slope(CAST(\"level\" AS DOUBLE), (CAST(time AS BIGINT) - \
         CAST($window_start AS BIGINT)) / 1000000000.0) * 3600 AS rate, last_value(\"level\" ORDER BY time) AS value \
         FROM \"tank\" WHERE time >= $window_stop - INTERVAL '600 seconds' AND time < $window_stop \
         AND \"level\" IS NOT NULL GROUP BY \"tank\"",
    );
    check(
        "ON \"My \"\"Motors\" SILENT FOR '5m' BY (asset)",
        "SELECT \"asset\", max(time) AS time FROM \"My \"\"Motors\" WHERE time >= $window_start - INTERVAL '300 seconds' \
         AND time < $window_stop GROUP BY \"asset\"",
    );
}

#[test]
fn it_runs_every_minute_unless_it_says_otherwise() {
    for (text, expected) in [
        (
            "ON m.t crit WHEN value > 1",
            "Every { length: \"1m\", offset: None }",
        ),
        (
            "ON m SILENT FOR '5m' EVERY '10s'",
            "Every { length: \"10s\", offset: None }",
        ),
        (
            "ON m.t CRON '0 6 * * *' RETRIES 1 crit WHEN value > 1",
            "Cron { pattern: \"0 6 * * *\", zone: None, offset: None }",
        ),
    ] {
        let (_, frame) = parsed(text).unwrap().unwrap();
        assert_eq!(format!("{:?}", frame.trigger), expected, "{text}");
    }
}

#[test]
fn other_checks_are_left_alone() {
    for text in [
        "EVERY '1m' AS SELECT 1",
        "ON WRITE TO motor AS SELECT 1",
        "\"ON\" m.t",
    ] {
        assert!(parsed(text).unwrap().is_none(), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (text, expected) in [
        ("ON motor crit WHEN value > 90", "names a column"),
        ("ON motor.", "identifier"),
        ("ON motor.temp RATE crit", "not a length of time"),
        ("ON motor SILENT FOR '5 fortnights'", "5 fortnights"),
        ("ON motor SILENT FOR '5m' AS bad", "crit, warn, info or ok"),
        ("ON motor.temp EVERY 'soon' crit WHEN value > 1", "soon"),
    ] {
        let problem = parsed(text).unwrap_err().to_string();
        assert!(problem.contains(expected), "{text}: {problem}");
    }
}
