//! Small made-up files, and the published ones where they are present.

use std::fs;

use super::*;

/// 24 values that start with `first` and count up by a half.
fn values(first: f64) -> String {
    (0..24)
        .map(|i| (first + f64::from(i) / 2.0).to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A folder with a good set FD001, one file of it replaced.
fn folder(replaced: Option<(&str, &str)>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let row = |unit: u32, cycle: u32| format!("{unit} {cycle} {}  \n", values(-0.0007));
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put(
        "train_FD001.txt",
        &[row(1, 1), row(1, 2), row(2, 1)].concat(),
    );
    put(
        "test_FD001.txt",
        &[row(1, 1), row(2, 1), row(2, 2), row(3, 1)].concat(),
    );
    put("RUL_FD001.txt", "112 \n98 \n69 \n\n");
    if let Some((name, text)) = replaced {
        put(name, text);
    }
    folder
}

fn lines(sets: &[Set], start: &str, step: Duration) -> Result<Vec<String>> {
    let start = crate::cli::client::start(start).unwrap();
    let timeline = Timeline::new(start, step)?;
    let mut lines = Vec::new();
    for set in sets {
        set.for_each_line(&timeline, |line| {
            lines.push(line.to_owned());
            Ok(())
        })?;
    }
    Ok(lines)
}

#[test]
fn rows_are_in_time_order_and_floats_stay_floats() {
    let sets = read(folder(None).path(), &[]).unwrap();
    let lines = lines(&sets, "1970-01-01T00:00:10Z", Duration::from_secs(1)).unwrap();
    assert_eq!(lines.len(), sets.iter().map(Set::row_count).sum::<usize>());
    let keys: Vec<String> = lines
        .iter()
        .map(|line| {
            let (series, rest) = line.split_once(' ').unwrap();
            let (_, time) = rest.rsplit_once(' ').unwrap();
            format!(
                "{} {}",
                series.replace(",dataset=FD001,unit_number=", " "),
                &time[..2]
            )
        })
        .collect();
    assert_eq!(
        keys,
        [
            "cmapss_train 1 11",
            "cmapss_train 2 11",
            "cmapss_train 1 12",
            "cmapss_test 1 11",
            "cmapss_test 2 11",
            "cmapss_test 3 11",
            "cmapss_test 2 12",
            "cmapss_rul 1 11",
            "cmapss_rul 3 11",
            "cmapss_rul 2 12",
        ]
    );
    assert_eq!(
        lines[6],
        "cmapss_test,dataset=FD001,unit_number=2 time_cycles=2i,setting_1=-0.0007,\
         setting_2=0.4993,setting_3=0.9993,s_1=1.4993,s_2=1.9993,s_3=2.4993,s_4=2.9993,\
         s_5=3.4993,s_6=3.9993,s_7=4.4993,s_8=4.9993,s_9=5.4993,s_10=5.9993,s_11=6.4993,\
         s_12=6.9993,s_13=7.4993,s_14=7.9993,s_15=8.4993,s_16=8.9993,s_17=9.4993,\
         s_18=9.9993,s_19=10.4993,s_20=10.9993,s_21=11.4993 12000000000"
    );
    assert_eq!(
        lines[9],
        "cmapss_rul,dataset=FD001,unit_number=2 rul=98i 12000000000"
    );
}

#[test]
fn numbers_are_written_so_that_they_read_back_the_same() {
    let check = |text: &str, wanted: &str| {
        let columns: Vec<&str> = ["1", "1"].into_iter().chain([text; VALUE_COUNT]).collect();
        let line = format_reading("t", "FD001", &parse_reading(&columns).unwrap(), 0);
        assert!(line.contains(&format!(",s_21={wanted} ")), "{line}");
        assert_eq!(wanted.parse::<f64>().unwrap(), text.parse::<f64>().unwrap());
    };
    check("100", "100");
    check("100.0", "100");
    check("-0.0007", "-0.0007");
    check("1e-7", "0.0000001");
    check("8138.62", "8138.62");
    check("0.1234567890123456", "0.1234567890123456");
}

#[test]
fn compressed_files_are_found() {
    let folder = folder(None);
    let plain = folder.path().join("train_FD001.txt");
    let compressed = zstd::encode_all(fs::read(&plain).unwrap().as_slice(), 1).unwrap();
    fs::write(folder.path().join("train_FD001.txt.zst"), compressed).unwrap();
    let before = lines(
        &read(folder.path(), &[]).unwrap(),
        "2008-10-06",
        Duration::from_secs(1),
    );
    fs::remove_file(plain).unwrap();
    let after = lines(
        &read(folder.path(), &[]).unwrap(),
        "2008-10-06",
        Duration::from_secs(1),
    );
    assert_eq!(before.unwrap(), after.unwrap());
}

#[test]
fn bad_files_are_named_with_the_line() {
    let check = |name: &str, text: &str, wanted: &str| {
        let error = read(folder(Some((name, text))).path(), &[])
            .expect_err(wanted)
            .to_string();
        assert!(error.contains(name) && error.contains(wanted), "{error}");
    };
    let good = format!("1 1 {}\n", values(1.0));
    let short = &good[..good.len() - 6];
    check(
        "train_FD001.txt",
        &format!("{good}1 2 3\n"),
        "line 2: 3 columns instead of 26",
    );
    check(
        "train_FD001.txt",
        &format!("{good}\n{short}\n"),
        "line 3: 25 columns instead of 26",
    );
    check(
        "test_FD001.txt",
        &good.replace("1.5", "x"),
        "line 1: \"x\" is not a number",
    );
    check(
        "test_FD001.txt",
        &good.replace("1.5", "NaN"),
        "\"NaN\" is not a number",
    );
    check(
        "test_FD001.txt",
        &good.replace("1.5", "1e999"),
        "\"1e999\" is not a number",
    );
    check(
        "train_FD001.txt",
        &good.replacen('1', "1.5", 1),
        "\"1.5\" is not an engine",
    );
    check(
        "train_FD001.txt",
        &good.replacen('1', "0", 1),
        "\"0\" is not an engine",
    );
    check(
        "train_FD001.txt",
        &good.replacen('1', "2", 1),
        "engine 1 cycle 1 should follow",
    );
    check(
        "train_FD001.txt",
        &good.repeat(2),
        "line 2: engine 1 cycle 1 where engine 1 cycle 2",
    );
    check(
        "RUL_FD001.txt",
        "112\n98\n-1\n",
        "line 3: \"-1\" is not a number of cycles",
    );
    check(
        "RUL_FD001.txt",
        "112\n98 1\n",
        "line 2: 2 columns instead of 1",
    );
    check(
        "RUL_FD001.txt",
        "112\n98\n",
        "has 2 engines, but the test file has 3",
    );
}

#[test]
fn missing_sets_are_errors() {
    let check = |set: Option<&str>, removed: &str, wanted: &str| {
        let folder = folder(None);
        fs::remove_file(folder.path().join(removed)).unwrap();
        let sets: Vec<String> = set.into_iter().map(str::to_owned).collect();
        let error = read(folder.path(), &sets).expect_err(wanted).to_string();
        assert!(error.contains(wanted), "{error}");
    };
    check(None, "train_FD001.txt", "has no train_FDxxx.txt");
    check(
        None,
        "RUL_FD001.txt",
        "neither RUL_FD001.txt nor RUL_FD001.txt.zst",
    );
    check(
        Some("FD002"),
        "RUL_FD001.txt",
        "neither train_FD002.txt nor",
    );
    check(Some("FD9"), "RUL_FD001.txt", "unknown set \"FD9\"");
}

#[test]
fn times_out_of_range_are_errors() {
    let check = |start: &str, step: Duration, wanted: &str| {
        let sets = read(folder(None).path(), &[]).unwrap();
        let error = lines(&sets, start, step).expect_err(wanted).to_string();
        assert!(error.contains(wanted), "{error}");
    };
    check("2008-10-06", Duration::ZERO, "longer than nothing");
    check("2008-10-06", Duration::MAX, "cycle 1 is not within");
    check(
        "2262-04-11T23:47:15Z",
        Duration::from_secs(1),
        "cycle 2 is not within",
    );
}

#[test]
fn published_files_have_the_published_counts() {
    let dir = Path::new("../../../shared/datasets/cmapss");
    if !dir.exists() {
        eprintln!("SKIPPED: the C-MAPSS data set is absent");
        return;
    }
    let sets = read(dir, &[]).unwrap();
    let counts: Vec<_> = sets
        .iter()
        .map(|set| {
            (
                set.name.as_str(),
                set.train.len(),
                set.test.len(),
                set.rul.len(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        [
            ("FD001", 20631, 13096, 100),
            ("FD002", 53759, 33991, 259),
            ("FD003", 24720, 16596, 100)
        ]
    );
}
