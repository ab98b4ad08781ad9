//! Scenarios of checks through the engine, in `scenarios/checks/*.txt`: statements, rows, windows that are looked at,
//! and the changes that must come of each, no more and no fewer.
//!
//! ```text
//! CREATE CHECK …                       any statement, up to an empty line
//! write 30 motor,asset=m1 temp=91      a row at 30 s
//! run 60 60                            the window of 60 s that ends at 60 s is looked at
//! > m1 ok -> crit firing: m1 is hot    what must come of it: series, change, state, what is said
//! restart                              the process ends, and another goes on with what is kept
//! again 60 60                          the window comes again, as after a crash before it was noted
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use automation::Window;
use futures::TryStreamExt as _;

use super::board::StatusRecord;
use super::{evaluate, restore};
use crate::caller::Caller;
use crate::engine::QueryEngine;
use crate::testing::{TestDatabase, request};

const SECOND: i64 = 1_000_000_000;
/// 2023-01-01T00:00:00Z: the clock of the machine is past it.
const ORIGIN: i64 = 1_672_531_200 * SECOND;

async fn statement(engine: &QueryEngine, sql: &str) {
    let request = request(sql, Caller::administrator(Some("ada")));
    let done = async { engine.sql(request).await?.try_collect::<Vec<_>>().await };
    done.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Looks at a window with every check; returns what changed.
async fn look(engine: &Arc<QueryEngine>, length: i64, stop: i64) -> Vec<String> {
    let stop = ORIGIN + stop * SECOND;
    let window = Window {
        start: stop - length * SECOND,
        stop,
    };
    let before = engine.checks().statuses().len();
    let state = engine.catalog().state();
    for check in state.checks() {
        let database = state.database_of(check.task.database).unwrap();
        let caller = Caller::administrator(None);
        let timeout = Duration::from_secs(60);
        let looked = evaluate(engine, check, database, window, caller, timeout).await;
        looked.unwrap_or_else(|error| panic!("{stop}: {error}"));
    }
    let statuses = engine.checks().statuses();
    let new = statuses[..statuses.len() - before].iter().rev();
    let said = new.map(|it| {
        let tags: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&it.tags).unwrap();
        let series: Vec<_> = tags.values().filter_map(|value| value.as_str()).collect();
        let (from, to) = (it.previous_level.name(), it.level.name());
        let why = match it.reason {
            "level" => String::new(),
            reason => format!(" ({reason})"),
        };
        let message = it.message.replace('\n', "/");
        format!(
            "{} {from} -> {to} {}{why}: {message}",
            series.join(","),
            it.state
        )
    });
    said.collect()
}

fn numbers(words: &str) -> (i64, i64) {
    let (length, stop) = words.trim().split_once(' ').unwrap();
    (length.parse().unwrap(), stop.trim().parse().unwrap())
}

async fn check(name: &str, text: &str) {
    let database = TestDatabase::open().await;
    let mut engine = database.engine();
    restore(&engine).await.unwrap();
    let mut lines = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .peekable();
    while let Some(line) = lines.next() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => {}
            "write" => {
                let (at, row) = rest.split_once(' ').unwrap();
                let at = ORIGIN + at.parse::<i64>().unwrap() * SECOND;
                database.write(&format!("{row} {at}")).await;
            }
            "restart" => {
                drop(engine);
                engine = database.engine();
                restore(&engine).await.unwrap();
            }
            "run" | "again" => {
                let (length, stop) = numbers(rest);
                let mut expected = Vec::new();
                while let Some(line) = lines.peek().and_then(|line| line.strip_prefix("> ")) {
                    expected.push(line.to_owned());
                    lines.next();
                }
                assert_eq!(
                    look(&engine, length, stop).await,
                    expected,
                    "{name}: {line}"
                );
            }
            _ => {
                let mut sql = line.to_owned();
                while let Some(more) = lines.next().filter(|line| !line.is_empty()) {
                    sql = format!("{sql}\n{more}");
                }
                statement(&engine, &sql).await;
            }
        }
    }
    // What is kept says the same as what was seen.
    let seen = engine.checks().statuses();
    let again = database.engine();
    restore(&again).await.unwrap();
    let mut kept = again.checks().statuses();
    let mut seen: Vec<_> = seen.iter().map(|it| (**it).clone()).collect();
    let mut kept: Vec<_> = kept.drain(..).map(|it| (*it).clone()).collect();
    let order = |a: &StatusRecord, b: &StatusRecord| {
        (a.at, &a.check, &a.series).cmp(&(b.at, &b.check, &b.series))
    };
    seen.sort_by(order);
    kept.sort_by(order);
    assert_eq!(kept, seen, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scenarios_have_the_expected_changes_and_no_others() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/checks");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        check(&path.display().to_string(), &text).await;
        count += 1;
    }
    assert!(count >= 7, "only {count} scenarios");
}
