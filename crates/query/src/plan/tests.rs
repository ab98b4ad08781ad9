//! Whether our rules take hold where they should, and only there.

use std::fmt::Write as _;
use std::time::Duration;

use bytesize::ByteSize;
use datafusion::prelude::SessionConfig;
use futures::TryStreamExt as _;

use crate::caller::Caller;
use crate::settings::Settings;
use crate::testing::{TestDatabase, request, rows};

async fn database() -> TestDatabase {
    let database = TestDatabase::open().await;
    let lines = "cpu,host=a,rack=x usage=1,idle=2 1000000000\n\
                 cpu,host=b,rack=x usage=3,idle=4 2000000000\n\
                 fan,host=a rpm=900 1500000000\n";
    database.write(lines).await;
    database.flush().await;
    database
        .write("cpu,host=a,rack=x usage=5 3000000000\n")
        .await;
    database
}

/// Checks which operators the plans of queries have.
async fn check(operator: &str, with: &[&str], without: &[&str]) {
    let database = database().await;
    for sql in with {
        let plan = database.explain(sql).await;
        assert!(plan.contains(operator), "no {operator} for {sql}:\n{plan}");
    }
    for sql in without {
        let plan = database.explain(sql).await;
        assert!(!plan.contains(operator), "{operator} for {sql}:\n{plan}");
    }
}

#[tokio::test]
async fn last_rows_are_read_where_only_newest_rows_count() {
    let with = [
        "SELECT DISTINCT ON (host, rack) * FROM cpu ORDER BY host, rack, time DESC",
        "SELECT DISTINCT ON (rack) rack, host, usage FROM cpu ORDER BY rack, host, time DESC",
        "SELECT host, last_value(usage ORDER BY time) FROM cpu GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time), last_value(idle ORDER BY time), max(time) FROM cpu GROUP BY host",
        "SELECT first_value(usage ORDER BY time DESC) FROM cpu WHERE host = 'a'",
        "SELECT host, last_value(u ORDER BY time) IGNORE NULLS FROM (SELECT host, time, usage AS u FROM cpu) AS c GROUP BY host",
        "SELECT host, max(time) FROM cpu WHERE rack IN ('x', 'y') GROUP BY host, rack",
        "SELECT upper(host), max(time) FROM cpu GROUP BY upper(host)",
        "SELECT host, max(time) FROM cpu WHERE time > now() - INTERVAL '1 hour' AND host LIKE 'a%' GROUP BY host",
        "SELECT host, max(time) FROM cpu WHERE '1970-01-01T00:00:00Z' <= time GROUP BY host",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY host, rack ORDER BY time DESC) AS n FROM cpu) AS r WHERE n = 1",
        "SELECT * FROM (SELECT host, usage, rank() OVER (PARTITION BY host ORDER BY time DESC) AS n FROM cpu) AS r WHERE n <= 1 AND usage > 2",
        "SELECT host, usage FROM cpu QUALIFY row_number() OVER (PARTITION BY host ORDER BY time DESC) < 2",
        "SELECT DISTINCT host FROM cpu",
        "SELECT DISTINCT host, rack FROM cpu WHERE rack = 'x' ORDER BY host",
        "SELECT count(DISTINCT host) FROM cpu",
        "SELECT * FROM cpu WHERE host = 'a' ORDER BY time DESC LIMIT 1",
        "SELECT * FROM (SELECT host AS h, time AS t, usage + 1 AS u FROM cpu) AS s ORDER BY h, t DESC LIMIT 1",
        "WITH newest AS (SELECT DISTINCT ON (host) host, usage FROM cpu ORDER BY host, time DESC) SELECT * FROM newest WHERE usage > 1",
        "SELECT * FROM latest('cpu') WHERE usage > 1",
    ];
    let without = [
        "SELECT * FROM cpu",
        "SELECT max(time) FROM cpu",
        "SELECT host, max(usage) FROM cpu GROUP BY host",
        "SELECT host, count(*) FROM cpu GROUP BY host",
        "SELECT host, min(time) FROM cpu GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time), count(*) FROM cpu GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time DESC) FROM cpu GROUP BY host",
        "SELECT host, last_value(usage ORDER BY usage) FROM cpu GROUP BY host",
        "SELECT host, last_value(usage) FROM cpu GROUP BY host",
        "SELECT host, last_value(usage + idle ORDER BY time) IGNORE NULLS FROM cpu GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time) FILTER (WHERE usage > 1) FROM cpu GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time) FROM cpu WHERE usage > 1 GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time) FROM cpu WHERE time < now() GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time) FROM cpu WHERE time BETWEEN '1970-01-01T00:00:00Z' AND now() GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time) FROM cpu WHERE time = '1970-01-01T00:00:00Z' GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time) FROM cpu WHERE host = 'a' OR usage > 1 GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time) FROM cpu WHERE host = 'a' AND random() < 0.5 GROUP BY host",
        "SELECT usage, max(time) FROM cpu GROUP BY usage",
        "SELECT date_bin(INTERVAL '1 minute', time), max(time) FROM cpu GROUP BY 1",
        "SELECT host, max(time) FROM (SELECT * FROM cpu LIMIT 2) AS c GROUP BY host",
        "SELECT DISTINCT usage FROM cpu",
        "SELECT DISTINCT ON (host) * FROM cpu ORDER BY host, time",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY host ORDER BY time) AS n FROM cpu) AS r WHERE n = 1",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY host ORDER BY time DESC) AS n FROM cpu) AS r WHERE n = 2",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY host ORDER BY time DESC) AS n FROM cpu) AS r WHERE n = 1 OR usage > 1",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY usage ORDER BY time DESC) AS n FROM cpu) AS r WHERE n = 1",
        "SELECT * FROM (SELECT *, row_number() OVER w AS n, lag(usage) OVER w AS before FROM cpu WINDOW w AS (PARTITION BY host ORDER BY time DESC)) AS r WHERE n = 1",
        "SELECT * FROM cpu ORDER BY time DESC LIMIT 2",
        "SELECT * FROM cpu ORDER BY time LIMIT 1",
        "SELECT * FROM cpu ORDER BY time DESC LIMIT 1 OFFSET 1",
        "SELECT host, max(cpu.time) FROM cpu JOIN fan USING (host) GROUP BY host",
    ];
    check("LastRowsExec", &with, &without).await;
}

#[tokio::test]
async fn whole_rows_of_groups_are_taken_at_once() {
    let with = [
        "SELECT DISTINCT ON (host, rack) * FROM cpu ORDER BY host, rack, time DESC",
        "SELECT DISTINCT ON (rack) rack, host, usage FROM cpu ORDER BY rack, host, time DESC",
        "SELECT host, last_value(usage ORDER BY time), first_value(idle ORDER BY time DESC), max(time) FROM cpu GROUP BY host",
    ];
    let without = [
        "SELECT host, usage FROM cpu",
        "SELECT DISTINCT ON (host) * FROM cpu ORDER BY host, time",
        "SELECT host, last_value(usage ORDER BY time), last_value(idle ORDER BY time, rack) FROM cpu GROUP BY host",
        "SELECT host, last_value(usage ORDER BY time), max(rack) FROM cpu GROUP BY host",
        "SELECT last_value(usage ORDER BY time) FROM cpu",
        "SELECT host, max(time) FROM cpu GROUP BY host",
    ];
    check("NewestOfGroupExec", &with, &without).await;
    let database = database().await;
    for (sql, expected) in [
        (
            "SELECT DISTINCT ON (rack) rack, host, usage, idle FROM cpu ORDER BY rack, time DESC",
            &["x a 5.0 NULL"][..],
        ),
        (
            "SELECT host, last_value(usage ORDER BY time) AS u, max(time) AS t FROM cpu GROUP BY host ORDER BY host",
            &["a 5.0 1970-01-01T00:00:03", "b 3.0 1970-01-01T00:00:02"],
        ),
        (
            "SELECT host, last_value(usage ORDER BY time), max(time) FROM cpu WHERE host = 'c' GROUP BY host",
            &[],
        ),
    ] {
        let found = rows(&database.query(sql).await.unwrap());
        assert_eq!(found, expected, "{sql}");
    }
}

#[tokio::test]
async fn gap_filling_stands_above_its_aggregate() {
    const BOUNDS: &str = "time >= '1970-01-01T00:00:00Z' AND time < '1970-01-01T00:01:00Z'";
    let filled = format!(
        "SELECT date_bin_gapfill(INTERVAL '1 second', time) AS t, host, locf(max(usage)) AS v FROM cpu WHERE {BOUNDS} GROUP BY 1, 2"
    );
    let without = "SELECT date_bin(INTERVAL '1 second', time), max(usage) FROM cpu GROUP BY 1";
    check("GapFillExec", &[&filled], &[without]).await;

    let database = database().await;
    let order = |sql: &str, operators: &[&str]| {
        let (database, sql) = (&database, sql.to_owned());
        let operators: Vec<_> = operators.iter().map(|o| (*o).to_owned()).collect();
        async move {
            let plan = database.explain(&sql).await;
            let plan = &plan[plan
                .find("physical_plan")
                .expect("there is a physical plan")..];
            let mut rest = plan;
            for operator in operators {
                let at = rest.find(&operator);
                let at = at.unwrap_or_else(|| panic!("no {operator} there for {sql}:\n{plan}"));
                rest = &rest[at + operator.len()..];
            }
        }
    };
    // A condition on a tag goes down to the scan, one on a filled value stays.
    let both = format!("SELECT * FROM ({filled}) AS f WHERE host = 'a' AND v > 2");
    let operators = ["FilterExec: locf(", "GapFillExec", "AggregateExec", "= a"];
    order(&both, &operators).await;
    // Its order is used.
    let sorted = format!("{filled} ORDER BY host, t");
    let plan = database.explain(&sorted).await;
    let above = &plan[plan.find("physical_plan").unwrap()..plan.find("GapFillExec").unwrap()];
    assert!(!above.contains("SortExec:"), "{plan}");
}

#[tokio::test]
async fn asof_joins_read_only_what_is_asked_for() {
    let joined = "SELECT cpu.usage, fan.rpm FROM cpu ASOF JOIN fan MATCH_CONDITION (cpu.time >= fan.time) ON cpu.host = fan.host";
    check(
        "AsofJoinExec",
        &[joined],
        &["SELECT 1 FROM cpu JOIN fan USING (host)"],
    )
    .await;
    let database = database().await;
    let plan = database.explain(joined).await;
    assert!(!plan.contains("idle") && !plan.contains("rack]"), "{plan}");
}

/// On one thread, so that a query that does not pause would never come to its end.
#[tokio::test]
async fn a_query_that_makes_rows_without_end_stops_when_nobody_waits_for_it() {
    let database = database().await;
    let endless = "SELECT count(*) FROM (SELECT date_bin_gapfill(INTERVAL '1 nanosecond', time), avg(usage) FROM cpu \
                   WHERE time >= '1970-01-01T00:00:00Z' AND time < '2200-01-01T00:00:00Z' GROUP BY 1) AS filled";
    let moment = Duration::from_millis(50);
    let ended = tokio::time::timeout(moment, database.query(endless)).await;
    assert!(ended.is_err());
}

#[tokio::test]
async fn bounds_may_be_parameters() {
    let database = database().await;
    let sql = "SELECT date_bin_gapfill(INTERVAL '1 second', time) AS t, max(usage) FROM cpu \
               WHERE time >= $from AND time < $to GROUP BY t ORDER BY t";
    let parameter = |name: &str, text: &str| (name.to_owned(), text.into());
    let parameters = vec![
        parameter("from", "1970-01-01T00:00:01Z"),
        parameter("to", "1970-01-01T00:00:03Z"),
    ];
    let session = database.session();
    let plan = crate::engine::plan(&session, sql, parameters)
        .await
        .unwrap();
    let plan = session.create_physical_plan(&plan).await.unwrap();
    let batches = datafusion::physical_plan::collect(plan, session.task_ctx()).await;
    let rows = rows(&batches.unwrap());
    assert_eq!(rows, ["1970-01-01T00:00:01 1.0", "1970-01-01T00:00:02 3.0"]);
}

#[tokio::test]
async fn rows_in_memory_are_as_few_partitions_as_are_wanted() {
    let database = TestDatabase::open().await;
    for part in 0..40 {
        database
            .write(&format!("cpu,host=a usage={part} {part}000000000\n"))
            .await;
    }
    let sql = "SELECT host, count(*), sum(usage) FROM cpu WHERE usage >= 0 GROUP BY host";
    let plan = database.explain(sql).await;
    assert_eq!(plan.matches("BufferedExec").count(), 1, "{plan}");
    let found = rows(&database.query(sql).await.unwrap());
    assert_eq!(found, ["a 40 780.0"]);
}

#[tokio::test]
async fn a_file_and_rows_that_are_not_in_it_yet_are_read_in_turn() {
    let with = [
        "SELECT * FROM cpu",
        "SELECT usage + 1 FROM cpu WHERE host = 'a' AND usage > 2",
        "SELECT host, max(usage) FROM cpu WHERE usage > 0 GROUP BY host",
        "SELECT date_bin(INTERVAL '1 minute', time) AS minute, max(usage) AS most FROM cpu GROUP BY minute ORDER BY minute",
    ];
    let without = [
        "SELECT * FROM cpu ORDER BY time",
        "SELECT rpm FROM fan",
        "SELECT array_agg(usage) FROM cpu GROUP BY host",
        "SELECT a.usage FROM cpu AS a JOIN cpu AS b ON a.host = b.host AND a.usage = b.idle",
    ];
    // As the engine plans them, that leaves little work to one thread.
    let database = database().await;
    let engine = database.engine();
    for (sql, is_in_turn) in
        (with.map(|sql| (sql, true)).into_iter()).chain(without.map(|sql| (sql, false)))
    {
        let explain = request(&format!("EXPLAIN {sql}"), Caller::administrator(None));
        let plan = engine.sql(explain).await.unwrap();
        let plan = rows(&plan.try_collect::<Vec<_>>().await.unwrap()).join("\n");
        assert_eq!(plan.contains("InTurnExec"), is_in_turn, "{sql}:\n{plan}");
    }
    // What is left of the filter is tested where it may not be fulfilled, and a tag that is known is read nowhere.
    let of_times = "time >= '1970-01-01T00:00:00.5Z' AND time < '1970-01-01T00:00:09Z'";
    for (condition, is_tested) in [
        ("host = 'a'".to_owned(), false),
        (format!("host = 'a' AND {of_times}"), false),
        (format!("host IN ('a', 'b') AND {of_times}"), false),
        (format!("host LIKE '%a%' AND {of_times}"), true),
        (format!("host = 'a' AND usage > 1 AND {of_times}"), true),
    ] {
        let sql = format!("SELECT max(usage) AS most FROM cpu WHERE {condition} GROUP BY time");
        let explain = request(&format!("EXPLAIN {sql}"), Caller::administrator(None));
        let plan = engine.sql(explain).await.unwrap();
        let plan = rows(&plan.try_collect::<Vec<_>>().await.unwrap()).join("\n");
        let lines: Vec<_> = plan.lines().map(str::trim).collect();
        let buffered = lines
            .iter()
            .position(|line| line.starts_with("BufferedExec"));
        let above = lines[buffered.unwrap() - 1];
        assert_eq!(above.starts_with("FilterExec"), is_tested, "{plan}");
    }
    let sql = "SELECT host, sum(usage) FROM cpu GROUP BY host ORDER BY host";
    let answer = engine.sql(request(sql, Caller::administrator(None))).await;
    let answer = answer.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(rows(&answer), ["a 6.0", "b 3.0"]);
}

#[tokio::test]
async fn work_is_divided_by_how_much_is_read_of_the_tags_asked_for() {
    let database = TestDatabase::open().await;
    let mut lines = String::new();
    // Two hosts a page.
    for host in 0..60 {
        for second in 0..4_000 {
            writeln!(lines, "cpu,host=h{host:02} usage=1 {second}000000000").unwrap();
        }
    }
    database.write(&lines).await;
    database.flush().await;
    let pages_alone = Settings {
        tag_rows: ByteSize(0),
        ..Settings::default()
    };
    let engine = database.engine_with(pages_alone);
    let cores = SessionConfig::new().target_partitions();
    let ask = async |sql: &str| {
        let answer = engine.sql(request(sql, Caller::administrator(None))).await;
        rows(&answer.unwrap().try_collect::<Vec<_>>().await.unwrap())
    };
    let all_even = (0..60).step_by(2).map(|host| format!("'h{host:02}'"));
    let all_even = format!("host IN ({})", all_even.collect::<Vec<_>>().join(", "));
    let conditions = [
        ("host = 'h01'", "", 4_000, true),
        ("host IN ('h01', 'h02')", "", 8_000, true),
        (
            "host = 'h07' OR 'h03' = host OR host = 'h50'",
            "",
            12_000,
            true,
        ),
        (
            "host IN ('h01', 'h03', 'h05', 'h17', 'h59')",
            "",
            20_000,
            true,
        ),
        ("host IN ('', 'none')", "", 0, true),
        (&all_even, "", 120_000, false),
        (&all_even, "SET tidemill.threads = 1; ", 120_000, true),
        ("host NOT IN ('h01', 'h02')", "", 232_000, false),
        ("host = 'h01' OR usage > 0", "", 240_000, false),
    ];
    let sql = |condition: &str| {
        format!(
            "SELECT date_bin(INTERVAL '1 day', time) AS day, count(usage) FROM cpu WHERE {condition} GROUP BY day"
        )
    };
    // Which pages there are is known once they were read.
    ask(&sql("host = 'h01'")).await;
    for (condition, settings, count, is_little) in conditions {
        let plan = ask(&format!("{settings}EXPLAIN {}", sql(condition))).await;
        let plan = plan.join("\n");
        let is_divided = plan.contains("RepartitionExec");
        assert_eq!(is_divided, !is_little && cores > 1, "{condition}:\n{plan}");
        let found = ask(&format!("{settings}{}", sql(condition))).await;
        let expected = (count > 0).then(|| format!("1970-01-01T00:00:00 {count}"));
        assert_eq!(found, Vec::from_iter(expected), "{condition}");
    } // Where it is known which rows they are, these count.
    let engine = database.engine();
    let explain = format!("EXPLAIN {}", sql(&all_even));
    for _ in 0..500 {
        let answer = engine.sql(request(&explain, Caller::administrator(None)));
        let plan = answer.await.unwrap().try_collect::<Vec<_>>().await;
        let plan = rows(&plan.unwrap()).join("\n");
        if plan.contains("known_rows=120000") {
            assert!(!plan.contains("RepartitionExec"), "{plan}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no rows are known");
}

#[tokio::test]
async fn finished_plans_are_marked_and_no_others() {
    let [memory, files_alone] = [database().await, database().await];
    files_alone.flush().await;
    let files = "time < '1970-01-01T00:00:09Z'";
    let finished = [
        format!("SELECT time, usage FROM cpu WHERE host = 'a' AND {files}"),
        format!(
            "SELECT host AS h, max(usage) AS m FROM cpu WHERE {files} GROUP BY host ORDER BY h"
        ),
    ];
    let others = [
        format!("SELECT time, usage FROM cpu WHERE {files} ORDER BY time"),
        format!("SELECT time, usage FROM cpu WHERE {files} LIMIT 1"),
        format!(
            "SELECT host AS h, max(usage) AS m FROM cpu WHERE {files} GROUP BY host ORDER BY h LIMIT 1"
        ),
        format!("SELECT max(usage) FROM cpu WHERE {files}"),
        "SELECT count(*) FROM cpu".to_owned(),
    ];
    let all = finished.iter().map(|sql| (sql, true));
    let all: Vec<_> = all.chain(others.iter().map(|sql| (sql, false))).collect();
    let each = [&memory, &files_alone].map(|database| all.iter().map(move |one| (database, *one)));
    for (database, (sql, is_finished)) in each.into_iter().flatten() {
        let engine = database.engine();
        let explain = |how: &str| {
            let explain = format!("{how} {sql}");
            engine.sql(request(&explain, Caller::administrator(None)))
        };
        let [steps, plan] = [explain("EXPLAIN VERBOSE"), explain("EXPLAIN")];
        let steps = steps.await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        let plan = plan.await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        let [steps, plan] = [steps, plan].map(|rows_of| rows(&rows_of).join("\n"));
        assert_eq!(
            steps.contains("FinishedExec"),
            is_finished,
            "{sql}: {steps}"
        );
        assert!(!plan.contains("FinishedExec"), "{plan}");
    }
}
