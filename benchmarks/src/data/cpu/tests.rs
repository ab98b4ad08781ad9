use super::*;

const START_NS: i64 = 1_767_225_600_000_000_000;

fn lines(scale: u32, rows: u64, seed: u64) -> Vec<String> {
    let mut stream = CpuData {
        scale,
        rows,
        seed,
        start_ns: START_NS,
        interval_ns: INTERVAL_NS,
    }
    .rows();
    let mut out = Vec::new();
    while let Some(row) = stream.advance() {
        row.write_line(&mut out);
    }
    String::from_utf8(out)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// (tags, fields, time) of a line; these lines hold no escapes.
fn parts(line: &str) -> (Vec<&str>, Vec<&str>, i64) {
    let [series, fields, time] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("not three parts: {line}");
    };
    (
        series.split(',').collect(),
        fields.split(',').collect(),
        time.parse().unwrap(),
    )
}

fn of_host(lines: &[String], host: &str) -> Vec<String> {
    let prefix = format!("cpu,hostname={host},");
    lines
        .iter()
        .filter(|line| line.starts_with(&prefix))
        .cloned()
        .collect()
}

#[test]
fn equal_seeds_give_equal_bytes_and_others_do_not() {
    assert_eq!(lines(7, 100, 42), lines(7, 100, 42));
    assert_ne!(lines(7, 100, 42), lines(7, 100, 43));
    assert_ne!(
        of_host(&lines(2, 2, 0), "host_1")[0]
            .split_once(",region")
            .unwrap()
            .1,
        of_host(&lines(2, 2, 1), "host_0")[0]
            .split_once(",region")
            .unwrap()
            .1,
    );
}

#[test]
fn a_hosts_rows_do_not_depend_on_the_scale() {
    let (small, large) = (lines(4, 4 * 50, 1), lines(40, 40 * 50, 1));
    for host in ["host_0", "host_3"] {
        assert_eq!(of_host(&small, host).len(), 50);
        assert_eq!(of_host(&small, host), of_host(&large, host));
    }
}

#[test]
fn rows_have_the_shape_of_the_suite() {
    for line in lines(400, 2_000, 5) {
        let (series, fields, _) = parts(&line);
        let tag_names: Vec<_> = series[1..]
            .iter()
            .map(|tag| tag.split_once('=').unwrap().0)
            .collect();
        assert_eq!(series[0], "cpu");
        assert_eq!(tag_names, TAGS);
        assert_eq!(fields.len(), FIELD_COUNT);
        for (field, name) in fields.iter().zip(FIELDS) {
            let (key, value) = field.split_once('=').unwrap();
            let value: i64 = value.strip_suffix('i').unwrap().parse().unwrap();
            assert_eq!(key, name);
            assert!((0..=100).contains(&value), "{line}");
        }
    }
}

#[test]
fn a_row_takes_about_346_bytes() {
    let lines = lines(400, 8_000, 5);
    let mean = lines.iter().map(|line| line.len() + 1).sum::<usize>() as f64 / 8_000.0;
    assert!((mean - 346.0).abs() < 10.0, "{mean} bytes a row");
}

#[test]
fn order_is_time_major_with_one_row_per_host_and_interval() {
    let lines = lines(3, 8, 0);
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            let (series, _, time) = parts(line);
            (series[1].to_owned(), (time - START_NS) / 1_000_000_000)
        })
        .collect();
    let expected = [
        (0, 0),
        (1, 0),
        (2, 0),
        (0, 10),
        (1, 10),
        (2, 10),
        (0, 20),
        (1, 20),
    ];
    assert_eq!(
        seen,
        expected.map(|(host, time)| (format!("hostname=host_{host}"), time))
    );
}

#[test]
fn tags_stay_and_walks_step_by_a_standard_normal() {
    let lines = of_host(&lines(1, 20_000, 9), "host_0");
    let tags = parts(&lines[0]).0;
    assert!(lines.iter().all(|line| parts(line).0 == tags));

    let mut stream = CpuData {
        scale: 1,
        rows: 1,
        seed: 9,
        start_ns: 0,
        interval_ns: INTERVAL_NS,
    }
    .rows();
    stream.advance().unwrap();
    let host = &mut stream.hosts[0];
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for _ in 0..20_000 {
        let before = host.walks[0];
        host.step();
        let after = host.walks[0];
        // A step that met the wall is shorter than it was drawn.
        if after > 0.0 && after < 100.0 && before > 4.0 && before < 96.0 {
            (count, sum, squares) = (
                count + 1.0,
                sum + after - before,
                squares + (after - before).powi(2),
            );
        }
    }
    // Six standard errors of a mean and of a variance over `count` draws.
    assert!(count > 1_000.0, "{count} free steps");
    assert!(
        (sum / count).abs() < 6.0 / f64::sqrt(count),
        "mean {}",
        sum / count
    );
    assert!(
        (squares / count - 1.0).abs() < 6.0 * f64::sqrt(2.0 / count),
        "var {}",
        squares / count
    );
}

#[test]
fn csv_holds_the_same_values_as_the_lines() {
    let mut stream = CpuData {
        scale: 5,
        rows: 50,
        seed: 3,
        start_ns: START_NS,
        interval_ns: INTERVAL_NS,
    }
    .rows();
    while let Some(row) = stream.advance() {
        let (mut line, mut csv) = (Vec::new(), Vec::new());
        row.write_line(&mut line);
        row.write_csv(&mut csv);
        let line = String::from_utf8(line).unwrap();
        let (series, fields, time) = parts(line.trim_end());
        let values = series[1..]
            .iter()
            .chain(&fields)
            .map(|pair| pair.split_once('=').unwrap().1);
        let mut expected: Vec<_> = values.map(|value| value.to_owned()).collect();
        for field in &mut expected[TAGS.len()..] {
            *field = field.trim_end_matches('i').to_owned();
        }
        expected.push(time.to_string());
        assert_eq!(
            String::from_utf8(csv).unwrap().trim_end(),
            expected.join(",")
        );
    }
    assert_eq!(
        csv_header().trim_end().split(',').count(),
        TAGS.len() + FIELD_COUNT + 1
    );
}

#[test]
fn the_end_is_the_instant_after_the_last_row() {
    for (scale, rows, intervals) in [
        (10, 10, 1),
        (10, 11, 2),
        (10, 20, 2),
        (400, 1_000_000, 2_500),
    ] {
        let data = CpuData {
            scale,
            rows,
            seed: 0,
            start_ns: START_NS,
            interval_ns: INTERVAL_NS,
        };
        assert_eq!(
            data.end_ns() - START_NS,
            intervals * INTERVAL_NS,
            "{scale} hosts, {rows} rows"
        );
    }
}
