//! The outcome of the rounds as tables: times, and ratios beside what is required of them.

use super::contender::Role;
use super::query::Required;
use super::rounds::Outcome;
use crate::record::{Aim, Cell, Record, Table, shown};

/// Adds the tables of one shape's queries, and a note for each answer that was wrong.
pub(super) fn add(record: &mut Record, title: &str, roles: &[Role], outcomes: &[Outcome]) {
    record.table(times(title, roles, outcomes));
    record.table(ratios(title, roles, outcomes));
    record.table(cpu_ratios(title, roles, outcomes));
    for outcome in outcomes {
        for (role, problem) in &outcome.problems {
            let query = outcome.query.name;
            record.note(format!(
                "**No time for {query}, {}:** {problem}",
                role.name()
            ));
        }
    }
}

fn times(title: &str, roles: &[Role], outcomes: &[Outcome]) -> Table {
    let mut columns = vec![
        "query".to_owned(),
        "instances".to_owned(),
        "rows".to_owned(),
    ];
    for role in roles {
        for figure in ["p50, ms", "p99, ms", "CPU, ms"] {
            columns.push(format!("{} {figure}", role.name()));
        }
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(&format!("{title}: times"), &columns);
    for outcome in outcomes {
        let most = outcome.costs.values().map(Vec::len).max().unwrap_or(0);
        let mut rows = outcome.rows.clone();
        rows.sort_unstable();
        let middle = rows.get(rows.len() / 2).copied().unwrap_or(0);
        let mut row: Vec<Cell> = vec![
            outcome.query.name.into(),
            (most as f64).into(),
            (middle as f64).into(),
        ];
        for &role in roles {
            let figures = [
                outcome.ms(role, 0.5),
                outcome.ms(role, 0.99),
                outcome.cpu_ms(role),
            ];
            row.extend(
                figures.map(|figure| figure.map_or_else(|| none(outcome, role), Cell::from)),
            );
        }
        table.push(row);
    }
    table
}

fn none(outcome: &Outcome, role: Role) -> Cell {
    match outcome.problems.contains_key(&role) {
        true => "**wrong**".into(),
        false => "".into(),
    }
}

/// A column of ratios: medians of one over medians of the other.
struct Ratio {
    title: &'static str,
    over: Role,
    under: Role,
    aim: fn(&Required) -> Option<Aim>,
}

const RATIOS: [Ratio; 7] = [
    Ratio {
        title: "DuckDB / ours",
        over: Role::DuckDb,
        under: Role::Ours,
        aim: |required| required.duckdb.map(Aim::AtLeast),
    },
    Ratio {
        title: "InfluxDB 1 / ours",
        over: Role::Influxdb,
        under: Role::Ours,
        aim: |required| required.influxdb.map(Aim::AtLeast),
    },
    Ratio {
        title: "VictoriaMetrics / ours",
        over: Role::VictoriaMetrics,
        under: Role::Ours,
        aim: |_| None,
    },
    Ratio {
        title: "DataFusion on one sorted file / ours",
        over: Role::DataFusion,
        under: Role::Ours,
        aim: |_| Some(Aim::AtLeast(0.95)),
    },
    Ratio {
        title: "with unflushed rows / without",
        over: Role::Unflushed,
        under: Role::Ours,
        aim: |_| Some(Aim::AtMost(1.3)),
    },
    Ratio {
        title: "longer data / ours",
        over: Role::Longer,
        under: Role::Ours,
        aim: |required| required.is_selective.then_some(Aim::AtMost(1.2)),
    },
    Ratio {
        title: "DuckDB / ours, both over longer data",
        over: Role::DuckDbLonger,
        under: Role::Longer,
        aim: |_| None,
    },
];

fn ratios(title: &str, roles: &[Role], outcomes: &[Outcome]) -> Table {
    let shown_ratios = shown_ratios(roles);
    let mut columns = vec!["query", "ours p50, ms"];
    columns.extend(shown_ratios.iter().map(|ratio| ratio.title));
    columns.push("aim beyond");
    let mut table = Table::new(&format!("{title}: ratios of p50"), &columns);
    for outcome in outcomes {
        let required = &outcome.query.required;
        let ours = outcome.ms(Role::Ours, 0.5);
        let mut row: Vec<Cell> = vec![
            outcome.query.name.into(),
            judged(ours, required.ms.map(Aim::AtMost)),
        ];
        for ratio in &shown_ratios {
            let value = outcome.ratio(ratio.over, ratio.under);
            row.push(judged(value, (ratio.aim)(required)));
        }
        row.push(required.aim.into());
        table.push(row);
    }
    table
}

/// What a busy machine disturbs least.
fn cpu_ratios(title: &str, roles: &[Role], outcomes: &[Outcome]) -> Table {
    let shown_ratios = shown_ratios(roles);
    let mut columns = vec!["query", "ours, ms"];
    columns.extend(shown_ratios.iter().map(|ratio| ratio.title));
    let mut table = Table::new(&format!("{title}: ratios of CPU time"), &columns);
    for outcome in outcomes {
        let ours = outcome.cpu_ms(Role::Ours);
        let mut row: Vec<Cell> = vec![outcome.query.name.into(), judged(ours, None)];
        for ratio in &shown_ratios {
            row.push(judged(outcome.cpu_ratio(ratio.over, ratio.under), None));
        }
        table.push(row);
    }
    table
}

fn shown_ratios(roles: &[Role]) -> Vec<&'static Ratio> {
    let is_there = |ratio: &&Ratio| roles.contains(&ratio.over) && roles.contains(&ratio.under);
    RATIOS.iter().filter(is_there).collect()
}

/// A figure with what is required of it.
fn judged(value: Option<f64>, aim: Option<Aim>) -> Cell {
    let text = match (value, aim) {
        (None, None) => String::new(),
        (None, Some(aim)) => format!("({})", aim.text()),
        (Some(value), None) => shown(value),
        (Some(value), Some(aim)) => format!("{} ({})", shown(value), aim.verdict(value)),
    };
    Cell::Text(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::queries::contender::Cost;
    use crate::queries::cpu;

    #[test]
    fn ratios_stand_beside_what_is_required() {
        let cost = |ms| {
            let wall = Duration::from_millis(ms);
            vec![Cost { wall, cpu: wall }]
        };
        let outcome = Outcome {
            query: &cpu::QUERIES[0],
            rows: vec![60],
            costs: BTreeMap::from([
                (Role::Ours, cost(4)),
                (Role::DuckDb, cost(14)),
                (Role::DataFusion, cost(3)),
            ]),
            problems: BTreeMap::from([(Role::Influxdb, "1 rows instead of 2".to_owned())]),
        };
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::begin("Queries", folder.path()).unwrap();
        let roles = [Role::Ours, Role::DuckDb, Role::Influxdb, Role::DataFusion];
        add(&mut record, "cpu", &roles, &[outcome]);
        let out = folder.path().join("queries.json");
        record.save(&out).unwrap();
        let markdown = std::fs::read_to_string(out.with_extension("md")).unwrap();
        for line in [
            "| single-groupby-1-1-1 | 1 | 60 | 4 | 4 | 4 | 14 | 14 | 14 | **wrong** | **wrong** | **wrong** | 3 | 3 | 3 |",
            "| single-groupby-1-1-1 | 4 (at most 2: **missed**) | 3.50 (at least 3: reached) |  \
             | 0.750 (at least 0.950: **missed**) | 1 ms, level with InfluxDB |",
            "| single-groupby-1-1-1 | 4 | 3.50 |  | 0.750 |",
            "- **No time for single-groupby-1-1-1, InfluxDB 1:** 1 rows instead of 2",
        ] {
            assert!(
                markdown.lines().any(|got| got == line),
                "{line}\n{markdown}"
            );
        }
    }
}
