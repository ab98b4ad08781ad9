//! Data sets of real and simulated machines through the whole program: loaded, queried, and compared
//! with figures that were computed without Tidemill.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde_json::Value;

use crate::harness::{Server, Site, checkout, data_set, run, tidemill};

/// A file of comma-separated values without quotes: names, and rows of text.
fn read_csv(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let split = |line: &str| line.split(',').map(str::to_owned).collect();
    let mut lines = text.lines();
    let names = split(lines.next().unwrap());
    (names, lines.map(split).collect())
}

/// Whether two texts are equal, or numbers that differ by `tolerance` of themselves at most.
fn is_close(left: &str, right: &str, tolerance: f64) -> bool {
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => (left - right).abs() <= tolerance * right.abs().max(1.0),
        _ => left == right,
    }
}

/// Runs a file of SQL and compares the result, row by row, with a file of expected values.
fn check_file(server: &Server, sql: &str, expected: &str) {
    let folder = checkout().join("tests/cmapss");
    let text = std::fs::read_to_string(folder.join(sql)).unwrap();
    let reply = server.client().ask("cmapss", &text, "csv");
    assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
    let (names, rows) = read_csv(&reply.text());
    let wanted = std::fs::read_to_string(folder.join(expected)).unwrap();
    let (wanted_names, wanted_rows) = read_csv(&wanted);
    assert_eq!(names, wanted_names, "{sql}");
    assert_eq!(rows.len(), wanted_rows.len(), "{sql}");
    for (row, wanted) in rows.iter().zip(&wanted_rows) {
        let close = row
            .iter()
            .zip(wanted)
            .all(|(found, wanted)| is_close(found, wanted, 1e-9));
        assert!(
            close && row.len() == wanted.len(),
            "{sql}: {row:?} instead of {wanted:?}"
        );
    }
}

/// The alerts are those engines of the health index with 30 cycles or less, most urgent first.
fn check_alerts(server: &Server) {
    let folder = checkout().join("tests/cmapss");
    let sql = std::fs::read_to_string(folder.join("alerts.sql")).unwrap();
    let alerts = server.client().rows("cmapss", &sql);
    let expected = std::fs::read_to_string(folder.join("expected_fd001.csv")).unwrap();
    let (_, rows) = read_csv(&expected);
    let mut expected: Vec<(f64, u32)> = rows
        .iter()
        .map(|row| (row[3].parse().unwrap(), row[0].parse().unwrap()))
        .filter(|(rul, _)| *rul <= 30.0)
        .collect();
    expected.sort_by(|left, right| left.partial_cmp(right).unwrap());
    assert!(!expected.is_empty());
    assert_eq!(alerts.len(), expected.len());
    for (alert, (rul, unit)) in alerts.iter().zip(expected) {
        assert_eq!(alert["unit_number"], unit.to_string());
        assert!(
            (alert["estimated_rul"].as_f64().unwrap() - rul).abs() < 1e-9,
            "{alert}"
        );
        let severity = if rul <= 15.0 { "critical" } else { "warning" };
        assert_eq!(alert["severity"], severity);
    }
}

#[test]
fn turbofan_health_is_as_recomputed() {
    let Some(folder) = data_set("cmapss") else {
        return;
    };
    let site = Site::open();
    let server = site.start();
    let folder = folder.display().to_string();
    let load = |sets: &str| {
        let args = [
            "load",
            "cmapss",
            &folder,
            "--database",
            "cmapss",
            "--sets",
            sets,
        ];
        let output = run(&mut server.cli(&args), b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    };
    assert!(
        load("FD001").contains("33,827 lines"),
        "train, test and the true remaining life"
    );
    let counts = |server: &Server| {
        ["cmapss_train", "cmapss_test", "cmapss_rul"].map(|table| {
            server
                .client()
                .count("cmapss", &format!("SELECT count(*) FROM {table}"))
        })
    };
    assert_eq!(counts(&server), [20_631, 13_096, 100]);
    let check = |server: &Server| {
        check_file(server, "health_index.sql", "expected_fd001.csv");
        check_file(server, "rmse.sql", "expected_rmse.csv");
        check_alerts(server);
    };
    check(&server);
    // Loading again changes nothing, and neither does going to files and back.
    load("FD001");
    assert_eq!(counts(&server), [20_631, 13_096, 100]);
    check(&server);
    server.stop();
    assert!(!site.files("parquet").is_empty());
    let server = site.start();
    assert_eq!(counts(&server), [20_631, 13_096, 100]);
    check(&server);
}

/// Expected features of one bearing by snapshot: rms and kurtosis of both axes.
fn expected_features(folder: &Path, bearing: &str) -> BTreeMap<u32, [f64; 4]> {
    let text = std::fs::read_to_string(folder.join("learning_set_snapshot_features.csv")).unwrap();
    let (names, rows) = read_csv(&text);
    let at = |name: &str| names.iter().position(|found| found == name).unwrap();
    let columns = ["h_rms", "h_kurtosis", "v_rms", "v_kurtosis"].map(at);
    let of_bearing = rows.iter().filter(|row| row[at("bearing")] == bearing);
    of_bearing
        .map(|row| {
            let values = columns.map(|column| row[column].parse().unwrap());
            (row[at("snapshot")].parse().unwrap(), values)
        })
        .collect()
}

/// Writes every `every`th snapshot of a file as line protocol; returns how many.
fn write_snapshots(server: &Server, file: &Path, bearing: &str, every: usize) -> usize {
    let reader = BufReader::new(zstd::Decoder::new(std::fs::File::open(file).unwrap()).unwrap());
    let (mut lines, mut snapshots, mut last) = (String::new(), 0, None);
    for row in reader.lines().skip(1).map(Result::unwrap) {
        let cells: Vec<&str> = row.split(',').collect();
        let [snapshot, t_s, i, horizontal, vertical] = cells.as_slice() else {
            panic!("{row}")
        };
        if last.as_deref() != Some(*snapshot) {
            snapshots += 1;
            last = Some((*snapshot).to_owned());
        }
        if (snapshots - 1) % every != 0 {
            continue;
        }
        let time = t_s.parse::<f64>().unwrap() + i.parse::<f64>().unwrap() / 25_600.0;
        let nanos = (time * 1e9).round() as i64;
        lines.push_str(&format!(
            "bearing,bearing={bearing},snapshot={snapshot} h={horizontal},v={vertical} {nanos}\n"
        ));
        if lines.len() > 4 << 20 {
            server.client().write("femto", &lines);
            lines.clear();
        }
    }
    server.client().write("femto", &lines);
    snapshots.div_ceil(every)
}

#[test]
fn bearing_features_are_as_recomputed() {
    /// One in so many snapshots of a file; each has 2560 samples.
    const EVERY: usize = 4;
    let Some(folder) = data_set("femto") else {
        return;
    };
    let server = Server::open();
    for (bearing, file) in [
        ("Bearing1_1", "Bearing1_1_every20.csv.zst"),
        ("Bearing1_2", "Bearing1_2_every10.csv.zst"),
        ("Bearing2_1", "Bearing2_1_every10.csv.zst"),
    ] {
        let snapshots = write_snapshots(&server, &folder.join(file), bearing, EVERY);
        assert!(snapshots > 20, "{bearing}: {snapshots}");
        let expected = expected_features(&folder, bearing);
        let sql = format!(
            "SELECT snapshot, count(*) AS n, rms(h) AS h_rms, kurtosis(h) + 3 AS h_kurtosis, \
             rms(v) AS v_rms, kurtosis(v) + 3 AS v_kurtosis FROM bearing \
             WHERE bearing = '{bearing}' GROUP BY snapshot"
        );
        let rows = server.client().rows("femto", &sql);
        assert_eq!(rows.len(), snapshots, "{bearing}");
        for row in &rows {
            assert_eq!(row["n"], 2560, "{row}");
            let snapshot: u32 = row["snapshot"].as_str().unwrap().parse().unwrap();
            let found = ["h_rms", "h_kurtosis", "v_rms", "v_kurtosis"].map(|n| number(&row[n]));
            for (found, wanted) in found.iter().zip(expected[&snapshot]) {
                let error = (found - wanted).abs() / wanted;
                assert!(
                    error < 1e-5,
                    "{bearing} {snapshot}: {row}, expected {wanted}"
                );
            }
        }
    }
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_demo_makes_a_fleet_that_a_server_goes_on_with() {
    let site = Site::open();
    let data_dir = site.data_dir().display().to_string();
    let mut demo = tidemill();
    demo.args([
        "demo",
        "--motors",
        "3",
        "--days",
        "0.02",
        "--no-live",
        "--exit-when-ready",
    ]);
    demo.args([
        "--http-bind",
        "127.0.0.1:0",
        "--v3-bind",
        "none",
        "--data-dir",
        &data_dir,
    ]);
    let output = run(&mut demo, b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let rows: u64 = said
        .lines()
        .find_map(|line| line.split_once(" rows written"))
        .map(|(count, _)| count.parse().unwrap())
        .unwrap_or_else(|| panic!("{said}"));
    assert!(rows > 0);
    let server = site.start();
    let client = server.client();
    assert_eq!(
        client.count("plant", "SELECT count(*) FROM sensor_data"),
        rows
    );
    let motors = "SELECT count(DISTINCT asset_id) FROM sensor_data";
    assert_eq!(client.count("plant", motors), 3);
    let span = "SELECT (max(arrow_cast(time, 'Int64')) - min(arrow_cast(time, 'Int64'))) / 1000000000 \
                FROM sensor_data";
    let span = client.count("plant", span);
    // Two hundredths of a day are 1728 seconds.
    assert!((1_700..=1_800).contains(&span), "{span} s");
    // What the demo says is worth pasting works.
    let start = said
        .find("Queries worth pasting")
        .unwrap_or_else(|| panic!("{said}"));
    let queries: Vec<&str> = said[start..].split("\n\n").skip(1).collect();
    let queries: Vec<&&str> = queries
        .iter()
        .filter(|text| text.contains("SELECT"))
        .collect();
    assert!(queries.len() >= 3, "{said}");
    for query in queries {
        let reply = client.ask("plant", query.trim().trim_end_matches(';'), "json");
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    }
}
