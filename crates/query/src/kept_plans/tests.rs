//! Which statements have the same shape, and answers from kept plans against those of plans made in full.

use datafusion::common::ScalarValue;
use datafusion::sql::parser::DFParser;
use futures::TryStreamExt;

use super::*;
use crate::caller::Caller;
use crate::engine::QueryEngine;
use crate::testing::{TestDatabase, request, rows};

const SECOND: u64 = 1_000_000_000;

fn shape(sql: &str) -> Option<Shape> {
    let now = ScalarValue::TimestampNanosecond(Some(7), None);
    let statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
    Shape::of(&statement, "d", &now)
}

#[test]
fn constants_of_conditions_on_columns_are_no_part_of_a_shape() {
    for (sql, opened, constants) in [
        (
            "SELECT v FROM t WHERE host = 'a' AND (v > -1.5 OR 3 >= t.n) AND NOT n <> 2",
            "SELECT v FROM t WHERE host = $#1 AND (v > $#2 OR $#3 >= t.n) AND NOT n <> $#4",
            "a,-1.5,3,2",
        ),
        (
            "SELECT v FROM t WHERE host IN ('a', 'b') AND v NOT BETWEEN 1 AND 2 LIMIT 5",
            "SELECT v FROM t WHERE host IN ($#1, $#2) AND v NOT BETWEEN $#3 AND $#4 LIMIT 5",
            "a,b,1,2",
        ),
        (
            "SELECT date_bin(INTERVAL '1 minute', time), max(v) FILTER (WHERE n > 5) FROM t \
             WHERE time >= TIMESTAMP '2026-01-01' AND time < '2026-01-02'::timestamp AND time > now() - INTERVAL '1 hour' \
             GROUP BY 1 HAVING max(v) > 5",
            "SELECT date_bin(INTERVAL '1 minute', time), max(v) FILTER (WHERE n > 5) FROM t \
             WHERE time >= CAST($#1 AS TIMESTAMP) AND time < $#2::TIMESTAMP AND time > $#3 - INTERVAL '1 hour' \
             GROUP BY 1 HAVING max(v) > 5",
            "2026-01-01,2026-01-02,7",
        ),
        (
            "WITH a AS (SELECT * FROM t WHERE n = 1) SELECT * FROM (SELECT * FROM t WHERE n = 2) WHERE n = 3",
            "WITH a AS (SELECT * FROM t WHERE n = $#1) SELECT * FROM (SELECT * FROM t WHERE n = $#2) WHERE n = 3",
            "1,2",
        ),
    ] {
        let (statement, found) = shape(sql).expect(sql).into_parts();
        assert_eq!(statement.to_string(), opened);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.join(","), constants, "{sql}");
    }
    for sql in [
        "SELECT 1",
        "SELECT * FROM t",
        "SELECT * FROM t WHERE n + 1 > 5",
        "SELECT * FROM t WHERE n > $1",
        "SELECT * FROM t WHERE n > 18446744073709551615",
        "SELECT * FROM t, u WHERE t.n = 5",
        "SELECT * FROM t JOIN u USING (n) WHERE t.n = 5",
        "SELECT * FROM latest('t') WHERE n = 5",
        "WITH a AS (SELECT row_number() OVER (ORDER BY time) AS n FROM t) SELECT * FROM A WHERE n = 1",
        "SELECT * FROM t WHERE n = 5 UNION ALL SELECT * FROM t WHERE n = 6",
        "EXPLAIN SELECT * FROM t WHERE n = 5",
        "SHOW TABLES",
    ] {
        assert!(shape(sql).is_none(), "{sql}");
    }
    // What a number is decides how it is compared.
    let [whole, half] = ["5", "5.5"].map(|n| shape(&format!("SELECT * FROM t WHERE n > {n}")));
    assert_ne!(whole.unwrap().text(), half.unwrap().text());
    let long = "x".repeat(20_000);
    assert!(shape(&format!("SELECT '{long}' FROM t WHERE n = 5")).is_none());
    let many = vec!["5"; 100].join(", ");
    assert!(shape(&format!("SELECT * FROM t WHERE n IN ({many})")).is_none());
    // Nobody can write what a place is called.
    let place = shape("SELECT v FROM t WHERE n = 5")
        .unwrap()
        .text()
        .to_owned();
    assert!(
        DFParser::parse_sql(place.lines().last().unwrap()).is_err(),
        "{place}"
    );
}

async fn database() -> TestDatabase {
    let database = TestDatabase::open().await;
    for part in 0..2u64 {
        let lines = (0..200).flat_map(|row| {
            let time = (part * 200 + row) * 10 * SECOND;
            ["a", "b", "c"].map(|host| {
                let (n, v) = (row % 13, (row * 7 + part) as f64 / 2.0);
                format!(
                    "t,host={host},site=s n={n}i,v={v},ok={},text=\"x{n}\" {time}\n",
                    row % 2 == 0
                )
            })
        });
        database.write(&lines.collect::<String>()).await;
        if part == 0 {
            database.flush().await;
        }
    }
    database
}

async fn asked(engine: &QueryEngine, sql: &str) -> Result<Vec<String>, String> {
    let request = request(sql, Caller::administrator(None));
    let answer = async { engine.sql(request).await?.try_collect::<Vec<_>>().await };
    let answer = answer.await.map_err(|error| error.to_string())?;
    let mut answer = rows(&answer);
    answer.sort_unstable();
    Ok(answer)
}

async fn hits(engine: &QueryEngine) -> u64 {
    let sql = "SELECT hits FROM system.caches WHERE cache_name LIKE 'kept_plans'";
    asked(engine, sql).await.unwrap()[0].parse().unwrap()
}

#[tokio::test]
async fn answers_are_those_of_plans_made_in_full() {
    let database = database().await;
    let engine = database.engine();
    let kept = [
        "SELECT date_trunc('minute', time) AS time, max(v) AS v FROM t WHERE host IN ('{host}') \
         AND time >= '{from}' AND time < '{to}' GROUP BY 1 ORDER BY 1",
        "SELECT date_bin(INTERVAL '1 minute', time), host, avg(n) FROM t WHERE time BETWEEN '{from}' AND '{to}' GROUP BY 1, 2",
        "SELECT * FROM t WHERE host = '{host}' AND v > {half} AND time >= TIMESTAMP '{from}' ORDER BY time LIMIT 7",
        "SELECT count(*), sum(v) FILTER (WHERE n > 3) FROM t WHERE n > {half} OR (n = {whole} AND NOT host = '{host}')",
        "SELECT host AS h, date_trunc('minute', time) AS m, first_value(n ORDER BY time), median(v) FROM t WHERE host <= '{host}' \
         AND v > {whole} GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 2 DESC, h",
        "SELECT host, count(DISTINCT n) FROM t WHERE v BETWEEN {whole} AND 1e3 AND text <> 'x{whole}' GROUP BY host",
        "SELECT n FROM (SELECT n, v FROM t WHERE host = '{host}' AND n < {whole}) WHERE v < 40",
        "SELECT host, v - lag(v) OVER (PARTITION BY host ORDER BY time) AS d FROM t WHERE n >= {whole} AND host < '{host}'",
        "SELECT count(*) FROM t WHERE time > now() - INTERVAL '100 years' AND time < '{to}'::timestamp",
        "SELECT max(v) FROM t WHERE n > {whole} AND n > {half} AND n < 2",
        "SELECT max(v) FROM t WHERE n <= -{whole} OR site = '{host}'",
    ];
    let not_kept = [
        // Each is planned by what constants or tables say, or anew each time.
        "SELECT DISTINCT ON (host) host, v FROM t WHERE host < '{host}' ORDER BY host, time DESC",
        "SELECT date_bin_gapfill(INTERVAL '1 minute', time) AS minute, avg(v) FROM t WHERE time >= '{from}' \
         AND time < '{to}' GROUP BY 1",
        "SELECT count(*) FROM t WHERE n > {whole} AND random() < 2",
        "SELECT count(*) FROM t WHERE n > {whole} AND v > (SELECT avg(v) FROM t)",
        "SELECT count(*) FROM information_schema.columns WHERE table_name = '{host}'",
    ];
    let constants = [
        (
            "a",
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:30:00Z",
            "3",
            "2.5",
        ),
        (
            "b",
            "1970-01-01T00:10:00Z",
            "1970-01-01T00:50:00Z",
            "5",
            "7.5",
        ),
        (
            "c",
            "1970-01-01T00:40:00Z",
            "1970-01-01T00:40:01Z",
            "0",
            "-0.5",
        ),
        (
            "it''s",
            "1970-01-01T00:50:00Z",
            "1970-01-01T00:10:00Z",
            "12",
            "1e300",
        ),
    ];
    for (template, is_kept) in kept
        .iter()
        .map(|template| (template, true))
        .chain(not_kept.iter().map(|template| (template, false)))
    {
        let before = hits(&engine).await;
        for (host, from, to, whole, half) in constants.iter().chain(&constants) {
            let sql = template
                .replace("{host}", host)
                .replace("{from}", from)
                .replace("{to}", to)
                .replace("{whole}", whole)
                .replace("{half}", half);
            let mut expected = rows(&database.query(&sql).await.expect(&sql));
            expected.sort_unstable();
            assert_eq!(asked(&engine, &sql).await.as_ref(), Ok(&expected), "{sql}");
        }
        let hits = hits(&engine).await - before;
        // The first is seen, the second learnt from.
        assert_eq!(hits > 0, is_kept, "{template}: {hits} hits");
    }
}

#[tokio::test]
async fn what_became_of_tables_meanwhile_is_seen() {
    let database = database().await;
    let engine = database.engine();
    let select = "SELECT * FROM t WHERE host = 'a' AND n = 5 AND time >= '1970-01-01T00:00:00Z'";
    for _ in 0..3 {
        assert_eq!(asked(&engine, select).await.unwrap().len(), 30);
    }
    assert_eq!(hits(&engine).await, 1);
    database
        .write(&format!("t,host=a n=5i {}\n", 9_999 * SECOND))
        .await;
    assert_eq!(asked(&engine, select).await.unwrap().len(), 31);
    database.flush().await;
    assert_eq!(asked(&engine, select).await.unwrap().len(), 31);
    assert_eq!(hits(&engine).await, 3);
    let delete = "DELETE FROM t WHERE host = 'a' AND time >= '1970-01-01T01:00:00Z'";
    asked(&engine, delete).await.unwrap();
    assert_eq!(asked(&engine, select).await.unwrap().len(), 27);
    assert_eq!(hits(&engine).await, 4);
    database
        .write(&format!("t,host=a n=5i,more=1 {}\n", 9_999 * SECOND))
        .await;
    for seen in [4, 4, 5] {
        let answer = asked(&engine, select).await.unwrap();
        assert!(answer.iter().any(|row| row.ends_with(" 1.0")), "{answer:?}");
        assert_eq!(hits(&engine).await, seen);
    }
    asked(&engine, "DROP TABLE t").await.unwrap();
    let error = asked(&engine, select).await.unwrap_err();
    assert!(
        error.contains("table 't'") || error.contains("t' not found"),
        "{error}"
    );
}

#[tokio::test]
async fn no_more_shapes_are_kept_than_may_be() {
    let database = database().await;
    let session = database.session();
    let kept = KeptPlans::new(2);
    let ask = async |column: &str, constant: u32| {
        let shape = shape(&format!("SELECT v FROM t WHERE {column} = {constant}")).unwrap();
        if kept.plan(&session, &shape).await.is_some() {
            return true;
        }
        let sql = format!("SELECT v FROM t WHERE {column} = {constant}");
        let plan = session.create_logical_plan(&sql).await.unwrap();
        let plan = session.optimize(&plan).unwrap();
        kept.learn(&session, shape, &plan).await;
        false
    };
    for (constant, is_kept) in [(1, false), (2, false), (3, true), (4, true)] {
        assert_eq!(ask("n", constant).await, is_kept);
    }
    assert!(!ask("v", 1).await && !ask("v", 2).await && ask("v", 3).await);
    assert!(ask("n", 5).await);
    assert_eq!(kept.stats().entries, 2);
    // The one that was not used for longest goes.
    assert!(!ask("t.v", 1).await);
    assert!(ask("n", 6).await);
    assert!(!ask("v", 4).await);
    assert_eq!(kept.stats().entries, 1);
    // Not a plan of one table, until much later.
    let late = KeptPlans::new(2);
    let sql = "SELECT v FROM t WHERE n = 5";
    let plan = session.create_logical_plan(sql).await.unwrap();
    let plan = session.optimize(&plan).unwrap();
    let other = session.create_logical_plan("SELECT 1").await.unwrap();
    for _ in 0..2 {
        late.learn(&session, shape(sql).unwrap(), &other).await;
    }
    let mut asked = 0;
    while late.plan(&session, &shape(sql).unwrap()).await.is_none() {
        late.learn(&session, shape(sql).unwrap(), &plan).await;
        asked += 1;
    }
    assert!(asked > UNFIT_USES / 4 && asked < UNFIT_USES, "{asked}");
    assert!(KeptPlans::new(1).is_on() && !KeptPlans::new(0).is_on());
}
