//! The stories of the guide, run on real servers as a reader would: commands by a shell, statements by `tidemill query`, and what
//! these print compared with what the page shows.
//!
//! `benchmarks story` runs them too, with the other data that they tell of, and says how long each step takes. The data sets are
//! looked for in `TIDEMILL_DATASETS`, or beside the checkout; a story without its data is left out, and says so.
//!
//! `TIDEMILL_STORY=file.md` runs one of them and prints what every step answers, for whoever writes one.

use std::path::Path;

use crate::document::{Action, difference, state_of_run, steps};
use crate::harness::{Server, Site, checkout, data_set, run, wait_until};
use crate::readme::shell;
use crate::webhook::Webhook;

/// Runs a page that needs these data sets.
fn tell(page: &str, data_sets: &[&str]) {
    let mut folder = None;
    for name in data_sets {
        match data_set(name) {
            Some(found) => folder = found.parent().map(Path::to_path_buf),
            None => return,
        }
    }
    let text = std::fs::read_to_string(checkout().join("docs/guide/stories").join(page)).unwrap();
    let is_shown = std::env::var("TIDEMILL_STORY").is_ok_and(|wanted| wanted == page);
    let server = Server::open();
    let (mut compared, mut differences) = (0, Vec::new());
    for step in steps(&text, None) {
        let (what, output) = match &step.action {
            Action::Command(line) => {
                let folder = folder.as_ref().map(|folder| folder.display().to_string());
                let line = line.replace("$TIDEMILL_DATASETS", &folder.unwrap_or_default());
                (line.clone(), shell(&server, &line))
            }
            Action::Sql(sql) => (
                sql.clone(),
                run(&mut server.cli(&["query", "-d", "plant", sql]), b""),
            ),
        };
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{page}: {what}\n{error}");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if is_shown {
            eprintln!("{what}\n{printed}");
        }
        if let Some(state) = state_of_run(&what, &printed) {
            wait_until("the task has run", || {
                let said = run(&mut server.cli(&["query", "-d", "plant", &state]), b"");
                let said = String::from_utf8_lossy(&said.stdout).into_owned();
                assert!(!said.contains("failed"), "{page}: {what}\n{}", server.log());
                said.contains("succeeded")
            });
        }
        if let Some(shown) = &step.printed {
            compared += 1;
            if let Some(difference) = difference(shown, &printed) {
                differences.push(format!("{what}\n{difference}; it prints\n{printed}"));
            }
        }
    }
    assert!(differences.is_empty(), "{page}\n{}", differences.join("\n"));
    assert!(compared > 0, "{page} shows nothing");
}

/// The statements of a page that begin with these words, every second instead of every minute.
fn loop_of(page: &str, beginnings: &[&str]) -> Vec<String> {
    let text = std::fs::read_to_string(checkout().join("docs/guide/stories").join(page)).unwrap();
    let steps = steps(&text, None);
    let statement = |beginning: &&str| {
        let mut found = steps.iter().filter_map(|step| match &step.action {
            Action::Sql(sql) if sql.starts_with(beginning) => Some(sql.clone()),
            _ => None,
        });
        let sql = found
            .next()
            .unwrap_or_else(|| panic!("{page} has no {beginning}"));
        sql.replace("EVERY '1m'", "EVERY '1s'")
            .replace("EVERY '10m'", "EVERY '1s'")
            .replace(" OFFSET '10s'", "")
            .replace(" OFFSET '15s'", "")
    };
    beginnings.iter().map(statement).collect()
}

#[test]
fn the_loop_of_the_turbofans_tells_of_engines_that_are_due() {
    let webhook = Webhook::start();
    let server = Site::open()
        .set(r#"notifications.allowed=["127.0.0.1"]"#)
        .start();
    let client = server.client();
    // Engines that are made up: all that wears of them are these sensors, from 0 to 10.
    let sensors = |value: f64| {
        let worn = [2, 3, 4, 7, 8, 11, 12, 13, 15, 20, 21];
        worn.map(|sensor| format!("s_{sensor}={value}")).join(",")
    };
    let row = |table: &str, unit: u32, cycle: u32, value: f64| {
        let sensors = sensors(value);
        format!(
            "{table},dataset=FD001,unit_number={unit} time_cycles={cycle}i,{sensors} {cycle}000000000\n"
        )
    };
    let mut lines: String = (1..=15)
        .map(|cycle| row("cmapss_train", 1, cycle, 0.0))
        .collect();
    lines.extend((175..=190).map(|cycle| row("cmapss_train", 1, cycle, 10.0)));
    for (unit, value) in [(7, 1.0), (8, 8.0), (9, 9.0)] {
        lines += &row("cmapss_test", unit, 40, value);
    }
    client.write("plant", lines);
    let statements = loop_of(
        "turbofans.md",
        &[
            "CREATE TASK fleet_health",
            "CREATE TASK fleet_alerts",
            "CREATE ENDPOINT",
            "CREATE NOTIFICATION RULE",
            "CREATE CHECK engine_due",
        ],
    );
    for sql in &statements {
        let sql = sql.replace("https://alerts.example/fleet", &webhook.url("/fleet"));
        client.rows("plant", &sql);
        // What comes next reads what this one writes.
        wait_until("there are estimates", || {
            client.tables("plant").contains(&"rul_estimates".to_owned())
        });
    }
    let due = "SELECT DISTINCT unit_number, severity, estimated_rul FROM maintenance_alerts ORDER BY unit_number";
    wait_until("it is noted which are due", || {
        client
            .tables("plant")
            .contains(&"maintenance_alerts".to_owned())
            && client.rows("plant", due).len() == 2
    });
    let found = client.rows("plant", due);
    assert_eq!(found[0]["unit_number"], "8");
    assert_eq!(found[0]["severity"], "warning");
    assert_eq!(found[0]["estimated_rul"], 25.0);
    assert_eq!(found[1]["severity"], "critical");
    assert_eq!(found[1]["estimated_rul"], 12.5);
    let told = || {
        let bodies = webhook.taken();
        let alerts = bodies
            .iter()
            .flat_map(|it| it.json()["alerts"].as_array().unwrap().clone());
        let mut said: Vec<_> = alerts
            .map(|alert| {
                format!(
                    "{} {}",
                    alert["level"].as_str().unwrap(),
                    alert["message"].as_str().unwrap()
                )
            })
            .collect();
        said.sort();
        said
    };
    wait_until("both are told", || told().len() == 2);
    let expected = [
        "crit engine 9: 12.5 cycles left after 40",
        "warn engine 8: 25.0 cycles left after 40",
    ];
    assert_eq!(told(), expected);
}

#[test]
fn turbofans_last_as_long_as_the_page_says() {
    tell("turbofans.md", &["cmapss"]);
}

#[test]
fn motors_are_watched_as_the_page_says() {
    tell("motors.md", &[]);
}

#[test]
fn bearings_wear_as_the_page_says() {
    tell("bearings.md", &["femto"]);
}

#[test]
fn a_bench_without_labels_is_judged_as_the_page_says() {
    let has_zstd = std::process::Command::new("zstd")
        .arg("-V")
        .output()
        .is_ok();
    match has_zstd {
        true => tell("bench.md", &["skab"]),
        false => eprintln!("SKIPPED: the program zstd is not installed"),
    }
}

mod document {
    use crate::document::{Action, Block, blocks, commands, difference, state_of_run, steps};

    #[test]
    fn blocks_and_commands_are_found() {
        let document = "a\n```sh\n# run\ntidemill serve &\ntidemill ping\n$ tidemill query \\\n  'x'\n\
                        echo m | tidemill write\ncargo run\nwhile read -r x; do tidemill query \"$x\"; done\n```\n\n```text\nout\n```\nb\n```text\nx\n```\n";
        let found = blocks(document);
        let shape = |block: &Block| (block.language.clone(), block.follows);
        let shape: Vec<_> = found.iter().map(shape).collect();
        let expected = [("sh", false), ("text", true), ("text", false)];
        assert_eq!(
            shape,
            expected.map(|(name, follows)| (name.to_owned(), follows))
        );
        let expected = [
            "tidemill ping",
            "tidemill query    'x'",
            "echo m | tidemill write",
            "while read -r x; do tidemill query \"$x\"; done",
        ];
        assert_eq!(commands(&found[0].text), expected);
    }

    #[test]
    fn a_variant_has_results_of_its_own() {
        let document = "```sql\nSELECT 'A'\n```\n\n```text\none\n```\n\nWith B:\n\n```text B\ntwo\n```\n\n\
                        ```json\n{}\n```\n```text\nof something else\n```\n";
        let check = |instead, sql: &str, printed| {
            let found = steps(document, instead);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].action, Action::Sql(sql.to_owned()));
            assert_eq!(found[0].printed.as_deref(), printed);
        };
        check(None, "SELECT 'A'\n", Some("one\n"));
        check(Some(("A", "B")), "SELECT 'B'\n", Some("two\n"));
        check(Some(("A", "C")), "SELECT 'C'\n", None);
    }

    #[test]
    fn a_run_of_a_task_is_waited_for() {
        let printed = "+---+---+\n| task_name | run_id |\n+---+---+\n| t | 18ea |\n+---+---+\n";
        let found = state_of_run("EXECUTE TASK t\n", printed);
        let expected = "SELECT state FROM system.task_runs WHERE run_id = '18ea'";
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(state_of_run("SHOW TASKS", printed), None);
    }

    #[test]
    fn tables_are_compared_cell_by_cell() {
        let table = |cell: &str| format!("+---+-----+\n| a | {cell} |\n+---+-----+\n");
        let check = |shown: &str, printed: &str, expected: Option<&str>| {
            let found = difference(&table(shown), &table(printed));
            assert_eq!(found.as_deref(), expected, "{shown} and {printed}");
        };
        check("1000.0", "1000", None);
        check("1000.0", "1000.9", None);
        check("12.0", "12.1", Some("line 1: |a|12.1| instead of |a|12.0|"));
        check("0", "0.0001", Some("line 1: |a|0.0001| instead of |a|0|"));
        check("x", "y", Some("line 1: |a|y| instead of |a|x|"));
        let found = difference(&table("1"), "");
        assert_eq!(found.as_deref(), Some("0 lines instead of 1"));
    }
}
