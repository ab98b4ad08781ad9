//! Figures for Prometheus, in its text format version 0.0.4. Counters count from the start.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::http::Surface;

/// Upper bounds of the query duration histogram, seconds.
const DURATION_BUCKETS: [f64; 8] = [0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0];

/// Counters of what the server was asked.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    surfaces: [SurfaceCounters; Surface::ALL.len()],
    query_buckets: [AtomicU64; DURATION_BUCKETS.len()],
    queries: AtomicU64,
    queries_failed: AtomicU64,
    queries_running: AtomicU64,
    query_nanos: AtomicU64,
    query_rows: AtomicU64,
}

#[derive(Debug, Default)]
struct SurfaceCounters {
    /// By first digit of the status.
    responses: [AtomicU64; 5],
    write_rows: AtomicU64,
    write_bytes: AtomicU64,
    write_lines_refused: AtomicU64,
    write_errors: AtomicU64,
    suspicious_timestamps: AtomicU64,
    rows_too_old: AtomicU64,
}

/// What a write brought.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WriteFigures {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) lines_refused: usize,
    pub(crate) suspicious_timestamps: usize,
    pub(crate) rows_too_old: usize,
}

impl Metrics {
    pub(crate) fn count_request(&self, surface: Surface, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        add(&self.surfaces[surface as usize].responses[class], 1);
    }

    pub(crate) fn count_write(&self, surface: Surface, figures: WriteFigures) {
        let counters = &self.surfaces[surface as usize];
        add(&counters.write_rows, figures.rows);
        add(&counters.write_bytes, figures.bytes);
        add(&counters.write_lines_refused, figures.lines_refused);
        add(
            &counters.suspicious_timestamps,
            figures.suspicious_timestamps,
        );
        add(&counters.rows_too_old, figures.rows_too_old);
    }

    pub(crate) fn count_write_error(&self, surface: Surface) {
        add(&self.surfaces[surface as usize].write_errors, 1);
    }

    pub(crate) fn query_started(&self) {
        add(&self.queries_running, 1);
    }

    pub(crate) fn query_ended(&self, elapsed: Duration, rows: u64, has_failed: bool) {
        self.queries_running.fetch_sub(1, Ordering::Relaxed);
        add(&self.queries, 1);
        add(&self.queries_failed, usize::from(has_failed));
        self.query_rows.fetch_add(rows, Ordering::Relaxed);
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.query_nanos.fetch_add(nanos, Ordering::Relaxed);
        let seconds = elapsed.as_secs_f64();
        for (bucket, bound) in self.query_buckets.iter().zip(DURATION_BUCKETS) {
            add(bucket, usize::from(seconds <= bound));
        }
    }

    /// All figures as text; those of storage, tasks, rollups and checks where they run already.
    pub(crate) fn text(
        &self,
        storage: Option<&storage::Stats>,
        tasks: Option<&query::TaskFigures>,
        rollups: Option<&query::RollupFigures>,
        checks: Option<&query::CheckFigures>,
    ) -> String {
        let mut text = Text(String::new());
        self.write_surfaces(&mut text);
        self.write_queries(&mut text);
        if let Some(stats) = storage {
            write_storage(&mut text, stats);
        }
        if let Some(figures) = tasks {
            write_tasks(&mut text, figures);
        }
        if let Some(figures) = rollups {
            write_rollups(&mut text, figures);
        }
        if let Some(figures) = checks {
            write_checks(&mut text, figures);
        }
        text.0.push_str("# EOF\n");
        text.0
    }

    fn write_surfaces(&self, text: &mut Text) {
        text.head(
            "tidemill_http_requests_total",
            "counter",
            "Requests answered.",
        );
        for (surface, counters) in self.by_surface() {
            for (class, count) in (1..).zip(&counters.responses) {
                let labels = format!("api=\"{surface}\",status=\"{class}xx\"");
                text.sample("tidemill_http_requests_total", &labels, read(count));
            }
        }
        type Figure = fn(&SurfaceCounters) -> &AtomicU64;
        let figures: [(&str, &str, Figure); 6] = [
            ("tidemill_write_rows_total", "Rows stored.", |c| {
                &c.write_rows
            }),
            (
                "tidemill_write_bytes_total",
                "Bytes of line protocol, unpacked.",
                |c| &c.write_bytes,
            ),
            (
                "tidemill_write_lines_refused_total",
                "Lines not stored.",
                |c| &c.write_lines_refused,
            ),
            (
                "tidemill_write_errors_total",
                "Writes of which nothing was stored.",
                |c| &c.write_errors,
            ),
            (
                "tidemill_suspicious_timestamps_total",
                "Rows whose time looks like another precision.",
                |c| &c.suspicious_timestamps,
            ),
            (
                "tidemill_write_rows_too_old_total",
                "Rows older than their tables keep them, which nobody sees.",
                |c| &c.rows_too_old,
            ),
        ];
        for (name, help, figure) in figures {
            text.head(name, "counter", help);
            for (surface, counters) in self.by_surface() {
                text.sample(name, &format!("api=\"{surface}\""), read(figure(counters)));
            }
        }
    }

    fn write_queries(&self, text: &mut Text) {
        let count = read(&self.queries);
        text.single(
            "tidemill_queries_running",
            "gauge",
            "Queries now.",
            read(&self.queries_running),
        );
        text.single(
            "tidemill_queries_failed_total",
            "counter",
            "Queries that ended in an error or were given up by the client.",
            read(&self.queries_failed),
        );
        text.single(
            "tidemill_query_rows_total",
            "counter",
            "Rows sent.",
            read(&self.query_rows),
        );
        let name = "tidemill_query_duration_seconds";
        text.head(name, "histogram", "Time from request to the last row.");
        for (bucket, bound) in self.query_buckets.iter().zip(DURATION_BUCKETS) {
            text.sample(
                &format!("{name}_bucket"),
                &format!("le=\"{bound}\""),
                read(bucket),
            );
        }
        text.sample(&format!("{name}_bucket"), "le=\"+Inf\"", count);
        let seconds = Duration::from_nanos(read(&self.query_nanos)).as_secs_f64();
        text.sample(&format!("{name}_sum"), "", seconds);
        text.sample(&format!("{name}_count"), "", count);
    }

    fn by_surface(&self) -> impl Iterator<Item = (&'static str, &SurfaceCounters)> {
        Surface::ALL
            .into_iter()
            .map(|surface| (surface.label(), &self.surfaces[surface as usize]))
    }
}

fn write_storage(text: &mut Text, stats: &storage::Stats) {
    let wal = &stats.wal;
    let seconds = wal.sync_time_total.as_secs_f64();
    for (name, kind, help, value) in [
        (
            "tidemill_buffer_bytes",
            "gauge",
            "Memory of rows not in files.",
            stats.buffer_bytes,
        ),
        (
            "tidemill_flushes_total",
            "counter",
            "Flushes.",
            stats.flushes,
        ),
        (
            "tidemill_flushed_rows_total",
            "counter",
            "Rows written to files.",
            stats.rows_flushed,
        ),
        (
            "tidemill_file_bytes_written_total",
            "counter",
            "Bytes of files written by flushes.",
            stats.file_bytes_written,
        ),
        (
            "tidemill_compactions_total",
            "counter",
            "Compactions.",
            stats.compactions,
        ),
        (
            "tidemill_compacted_rows_total",
            "counter",
            "Rows written by compactions.",
            stats.rows_compacted,
        ),
        (
            "tidemill_compaction_bytes_written_total",
            "counter",
            "Bytes of files written by compactions.",
            stats.compaction_bytes_written,
        ),
        (
            "tidemill_replaced_files",
            "gauge",
            "Files that were replaced and wait to be deleted.",
            stats.replaced_files as u64,
        ),
        (
            "tidemill_buffer_series",
            "gauge",
            "Series known in memory.",
            stats.series,
        ),
        (
            "tidemill_buffer_series_bytes",
            "gauge",
            "Memory of what is known of them.",
            stats.series_bytes,
        ),
        (
            "tidemill_spilled_files",
            "gauge",
            "Files that wait on the local disk for the object store.",
            stats.spilled_files,
        ),
        (
            "tidemill_spilled_bytes",
            "gauge",
            "Bytes of those files.",
            stats.spilled_bytes,
        ),
        (
            "tidemill_wal_segments",
            "gauge",
            "Segments of the write-ahead log.",
            wal.segments,
        ),
        (
            "tidemill_wal_bytes",
            "gauge",
            "Bytes of the write-ahead log.",
            wal.bytes,
        ),
        (
            "tidemill_wal_queued_bytes",
            "gauge",
            "Bytes waiting for it.",
            wal.queued_bytes,
        ),
        (
            "tidemill_wal_records_total",
            "counter",
            "Records committed.",
            wal.records_total,
        ),
        (
            "tidemill_wal_records_unsynced_total",
            "counter",
            "Records answered before they were synced.",
            wal.records_unsynced_total,
        ),
        (
            "tidemill_wal_record_bytes_total",
            "counter",
            "Their bytes.",
            wal.record_bytes_total,
        ),
        (
            "tidemill_wal_syncs_total",
            "counter",
            "Syncs to disk.",
            wal.syncs_total,
        ),
        (
            "tidemill_wal_segments_poisoned_total",
            "counter",
            "Segments given up after a failed write.",
            wal.segments_poisoned_total,
        ),
    ] {
        text.single(name, kind, help, value);
    }
    text.single(
        "tidemill_wal_sync_seconds_total",
        "counter",
        "Time spent in syncs.",
        seconds,
    );
}

fn write_rollups(text: &mut Text, figures: &query::RollupFigures) {
    let (name, help) = ("tidemill_rollups", "Rollups.");
    text.single(name, "gauge", help, figures.rollups);
    let name = "tidemill_rollup_runs_total";
    text.head(name, "counter", "Times that windows were computed.");
    for (state, count) in [("succeeded", figures.runs), ("failed", figures.failures)] {
        text.sample(name, &format!("state=\"{state}\""), count);
    }
    text.single(
        "tidemill_rollup_rows_total",
        "counter",
        "Rows that rollups wrote.",
        figures.rows,
    );
    text.single(
        "tidemill_rollup_run_seconds_total",
        "counter",
        "Time that computing windows took.",
        Duration::from_nanos(figures.run_nanos).as_secs_f64(),
    );
    text.single(
        "tidemill_rollup_lag_seconds",
        "gauge",
        "How long the window that waits longest could have been computed.",
        Duration::from_nanos(figures.lag_nanos).as_secs_f64(),
    );
}

fn write_tasks(text: &mut Text, figures: &query::TaskFigures) {
    text.single("tidemill_tasks", "gauge", "Tasks.", figures.tasks);
    text.single(
        "tidemill_task_runs_running",
        "gauge",
        "Runs of tasks now.",
        figures.running,
    );
    let name = "tidemill_task_runs_total";
    text.head(
        name,
        "counter",
        "Runs of tasks that ended; skipped ones were passed over.",
    );
    for (state, count) in [
        ("succeeded", figures.succeeded),
        ("failed", figures.failed),
        ("skipped", figures.skipped),
    ] {
        text.sample(name, &format!("state=\"{state}\""), count);
    }
    text.single(
        "tidemill_task_rows_total",
        "counter",
        "Rows that tasks wrote.",
        figures.rows,
    );
    let seconds = Duration::from_nanos(figures.run_nanos).as_secs_f64();
    text.single(
        "tidemill_task_run_seconds_total",
        "counter",
        "Time that runs took.",
        seconds,
    );
}

fn write_checks(text: &mut Text, figures: &query::CheckFigures) {
    let help = "Series of checks that fire.";
    text.single("tidemill_alerts_firing", "gauge", help, figures.firing);
    let help = "Changes of levels that checks have seen.";
    let name = "tidemill_check_transitions_total";
    text.single(name, "counter", help, figures.transitions);
    let help = "Changes that somebody is still to be told of.";
    let name = "tidemill_notifications_waiting";
    text.single(name, "gauge", help, figures.waiting);
    let name = "tidemill_notifications_total";
    text.head(
        name,
        "counter",
        "Changes that somebody was told of, or not.",
    );
    for (state, count) in [
        ("delivered", figures.delivered),
        ("given_up", figures.given_up),
    ] {
        text.sample(name, &format!("state=\"{state}\""), count);
    }
    let help = "Attempts to tell somebody that failed.";
    let name = "tidemill_notification_failures_total";
    text.single(name, "counter", help, figures.failed);
}

/// Text in the making.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect("text takes text");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let written = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
        written.expect("text takes text");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.sample(name, "", value);
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_by_api() {
        let metrics = Metrics::default();
        metrics.count_request(Surface::V2, 204);
        let figures = WriteFigures {
            rows: 3,
            bytes: 40,
            lines_refused: 1,
            ..Default::default()
        };
        metrics.count_write(Surface::V1, figures);
        metrics.query_started();
        metrics.query_ended(Duration::from_millis(50), 7, true);
        let tasks = query::TaskFigures {
            failed: 3,
            ..query::TaskFigures::default()
        };
        let checks = query::CheckFigures {
            delivered: 4,
            ..query::CheckFigures::default()
        };
        let text = metrics.text(None, Some(&tasks), None, Some(&checks));
        for line in [
            "tidemill_http_requests_total{api=\"v2\",status=\"2xx\"} 1",
            "tidemill_http_requests_total{api=\"v3\",status=\"2xx\"} 0",
            "tidemill_write_rows_total{api=\"v1\"} 3",
            "tidemill_write_lines_refused_total{api=\"v1\"} 1",
            "tidemill_queries_running 0",
            "tidemill_queries_failed_total 1",
            "tidemill_query_duration_seconds_bucket{le=\"0.02\"} 0",
            "tidemill_query_duration_seconds_bucket{le=\"0.1\"} 1",
            "tidemill_query_duration_seconds_bucket{le=\"+Inf\"} 1",
            "tidemill_query_rows_total 7",
            "tidemill_task_runs_total{state=\"failed\"} 3",
            "tidemill_notifications_total{state=\"delivered\"} 4",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} not in\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
