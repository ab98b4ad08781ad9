//! The result of a run: a JSON file for machines, the same as Markdown for people.
//!
//! The JSON is read by later comparisons, so it carries `format`; a change that breaks a reader
//! raises it. Every figure that varies is a [`Spread`], never a single best value.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::data::cpu::CpuData;
use crate::machine::Machine;

/// Version of the JSON layout.
pub(crate) const FORMAT: u32 = 1;

/// Everything a run of `first-figures` found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) format: u32,
    pub(crate) command: String,
    pub(crate) taken_at: String,
    pub(crate) commit: String,
    /// Build profile of the measured binary.
    pub(crate) server_profile: String,
    /// Build profile of this program, which takes its share of the same cores.
    pub(crate) loader_profile: &'static str,
    pub(crate) durability: &'static str,
    pub(crate) machine: Machine,
    pub(crate) data: DataShape,
    pub(crate) connections: usize,
    pub(crate) ingest: Ingest,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) queries: Vec<QueryFigures>,
    pub(crate) comparison: Comparison,
}

/// The rows that were written.
#[derive(Debug, Serialize)]
pub(crate) struct DataShape {
    #[serde(flatten)]
    pub(crate) data: CpuData,
    pub(crate) lines_per_body: u64,
    pub(crate) line_bytes: u64,
    pub(crate) gzip_bytes: u64,
}

/// Figures over the loads, each load into an empty server.
#[derive(Debug, Serialize)]
pub(crate) struct Ingest {
    pub(crate) rows_per_s: Spread,
    pub(crate) rows_per_server_cpu_s: Spread,
    pub(crate) server_cpu_s: Spread,
    pub(crate) rss_peak_mib: Spread,
    /// Time of one request at full rate, by load.
    pub(crate) acknowledgement_p50_ms: Spread,
    pub(crate) acknowledgement_p99_ms: Spread,
}

/// Start and stop of the server that held the rows.
#[derive(Debug, Serialize)]
pub(crate) struct Lifecycle {
    pub(crate) empty_start_ms: f64,
    /// From SIGTERM to exit, the flush included.
    pub(crate) stop_ms: f64,
    /// From the start of the process over the flushed rows to ready.
    pub(crate) restart_ms: f64,
    /// All files of the stopped server.
    pub(crate) stored_bytes: u64,
}

/// One query, before and after the restart.
#[derive(Debug, Serialize)]
pub(crate) struct QueryFigures {
    pub(crate) name: String,
    pub(crate) sql: String,
    pub(crate) answer_rows: usize,
    /// Rows still where the writes left them, so in the buffer unless a flush came by itself.
    pub(crate) buffered_ms: Spread,
    /// Rows in Parquet files, after SIGTERM and a new start.
    pub(crate) parquet_ms: Spread,
}

/// The same queries in another engine, or why there are none.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Comparison {
    Made(DuckDb),
    NotMade { reason: String },
}

/// What `compare_duckdb.py` reports.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DuckDb {
    pub(crate) version: String,
    pub(crate) threads: u32,
    pub(crate) load_s: f64,
    pub(crate) queries: Vec<DuckDbQuery>,
}

/// One query in DuckDB.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DuckDbQuery {
    pub(crate) name: String,
    pub(crate) ms: Spread,
    /// Server answers that were compared with DuckDB's.
    pub(crate) answers_compared: u32,
    /// The first difference, if there was one.
    pub(crate) difference: Option<String>,
}

/// Median, least and greatest of a number of measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) runs: usize,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            1 => values[middle],
            _ => (values[middle - 1] + values[middle]) / 2.0,
        };
        Self {
            median,
            min: values[0],
            max: values[values.len() - 1],
            runs: values.len(),
        }
    }
}

/// Milliseconds, the unit of every time in a result but the loads'.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

impl Report {
    /// The report as it is printed.
    pub(crate) fn to_markdown(&self) -> String {
        let mut out = String::new();
        self.write_markdown(&mut out)
            .expect("writing to a string cannot fail");
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        self.write_circumstances(out)?;
        self.write_ingest(out)?;
        self.write_queries(out)?;
        match &self.comparison {
            Comparison::Made(duckdb) => writeln!(
                out,
                "\nDuckDB {} ran in process (no HTTP), on {} threads, over a table of its own loaded in {:.1} s. \
                 Its answers were compared with the server's: integers exactly, floats to 1e-9.",
                duckdb.version, duckdb.threads, duckdb.load_s
            ),
            Comparison::NotMade { reason } => {
                writeln!(
                    out,
                    "\n**The comparison with DuckDB was not made**: {reason}."
                )
            }
        }
    }

    fn write_circumstances(&self, out: &mut String) -> std::fmt::Result {
        let (machine, data) = (&self.machine, &self.data);
        writeln!(out, "# First figures\n\n| what | value |\n| --- | --- |")?;
        writeln!(out, "| command | `{}` |", self.command)?;
        writeln!(out, "| taken at | {} |", self.taken_at)?;
        writeln!(out, "| commit | {} |", self.commit)?;
        writeln!(
            out,
            "| build profile of the server | {} |",
            self.server_profile
        )?;
        writeln!(
            out,
            "| build profile of the loader | {} |",
            self.loader_profile
        )?;
        writeln!(out, "| CPU | {}, {} cores |", machine.cpu, machine.cores)?;
        writeln!(
            out,
            "| memory | {:.1} GiB |",
            machine.memory_bytes as f64 / f64::from(1 << 30)
        )?;
        writeln!(out, "| kernel | {} |", machine.kernel)?;
        writeln!(out, "| data on | {} |", machine.data_filesystem)?;
        writeln!(out, "| load average before | {:.2} |", machine.load_average)?;
        writeln!(out, "| durability | {} |", self.durability)?;
        writeln!(
            out,
            "| data | {} rows, {} hosts, seed {}, {:.0} bytes of line protocol a row |",
            data.data.rows,
            data.data.scale,
            data.data.seed,
            data.line_bytes as f64 / data.data.rows as f64
        )?;
        writeln!(
            out,
            "| requests | {} connections, {} lines a body, gzip (ratio {:.1}) |",
            self.connections,
            data.lines_per_body,
            data.line_bytes as f64 / data.gzip_bytes as f64
        )
    }

    fn write_ingest(&self, out: &mut String) -> std::fmt::Result {
        let ingest = &self.ingest;
        let rows: [(&str, &Spread, usize); 6] = [
            (
                "rows/s, wall, loader on the same machine",
                &ingest.rows_per_s,
                0,
            ),
            (
                "rows per second of server CPU",
                &ingest.rows_per_server_cpu_s,
                0,
            ),
            ("server CPU, s", &ingest.server_cpu_s, 2),
            ("server memory peak, MiB", &ingest.rss_peak_mib, 0),
            (
                "acknowledgement at full rate, median, ms",
                &ingest.acknowledgement_p50_ms,
                1,
            ),
            (
                "acknowledgement at full rate, 99th percentile, ms",
                &ingest.acknowledgement_p99_ms,
                1,
            ),
        ];
        writeln!(
            out,
            "\n## Ingest ({} loads)\n\n| | median | min | max |\n| --- | ---: | ---: | ---: |",
            ingest.rows_per_s.runs
        )?;
        for (name, spread, digits) in rows {
            writeln!(
                out,
                "| {name} | {:.digits$} | {:.digits$} | {:.digits$} |",
                spread.median, spread.min, spread.max
            )?;
        }
        let life = &self.lifecycle;
        writeln!(
            out,
            "\nStart over an empty folder {:.0} ms; stop with flush {:.0} ms; start over the flushed rows {:.0} ms; \
             {:.2} MB stored, {:.2} bytes a field value.",
            life.empty_start_ms,
            life.stop_ms,
            life.restart_ms,
            life.stored_bytes as f64 / 1e6,
            life.stored_bytes as f64
                / (self.data.data.rows * crate::data::cpu::FIELD_COUNT as u64) as f64
        )
    }

    fn write_queries(&self, out: &mut String) -> std::fmt::Result {
        let runs = self
            .queries
            .first()
            .map_or(0, |query| query.buffered_ms.runs);
        writeln!(
            out,
            "\n## Queries (ms over HTTP with CSV answers; warm, the same text {runs} times; median, min to max)\n\n\
             | query | answer rows | buffered | Parquet after restart | DuckDB | answers |\n\
             | --- | ---: | ---: | ---: | ---: | --- |"
        )?;
        for query in &self.queries {
            let (duckdb, answers) = self.duckdb_cells(&query.name);
            writeln!(
                out,
                "| {} | {} | {} | {} | {duckdb} | {answers} |",
                query.name,
                query.answer_rows,
                times(&query.buffered_ms),
                times(&query.parquet_ms),
            )?;
        }
        writeln!(out)?;
        for query in &self.queries {
            writeln!(out, "- {}: `{}`", query.name, query.sql)?;
        }
        Ok(())
    }

    fn duckdb_cells(&self, name: &str) -> (String, String) {
        let found = match &self.comparison {
            Comparison::Made(duckdb) => duckdb.queries.iter().find(|query| query.name == name),
            Comparison::NotMade { .. } => None,
        };
        match found {
            Some(query) => {
                let verdict = match &query.difference {
                    None => format!(
                        "equal the model's and DuckDB's ({} compared)",
                        query.answers_compared
                    ),
                    Some(difference) => format!("**differ from DuckDB's**: {difference}"),
                };
                (times(&query.ms), verdict)
            }
            None => ("not run".to_owned(), "equal the model's".to_owned()),
        }
    }
}

fn times(spread: &Spread) -> String {
    format!(
        "{:.2} ({:.2} to {:.2})",
        spread.median, spread.min, spread.max
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_median_between_the_extremes() {
        let cases: [(&[f64], f64, f64, f64); 4] = [
            (&[3.0], 3.0, 3.0, 3.0),
            (&[4.0, 1.0], 2.5, 1.0, 4.0),
            (&[9.0, 1.0, 2.0], 2.0, 1.0, 9.0),
            (&[4.0, 1.0, 3.0, 2.0], 2.5, 1.0, 4.0),
        ];
        for (values, median, min, max) in cases {
            let expected = Spread {
                median,
                min,
                max,
                runs: values.len(),
            };
            assert_eq!(Spread::of(values.iter().copied()), expected, "{values:?}");
        }
    }

    #[test]
    fn a_missing_comparison_is_said_in_the_json() {
        let not_made = Comparison::NotMade {
            reason: "no module".to_owned(),
        };
        assert_eq!(
            serde_json::to_string(&not_made).unwrap(),
            r#"{"state":"not_made","reason":"no module"}"#
        );
    }
}
