//! Scenarios in `scenarios/*.txt`:
//!
//! ```text
//! worse_for 60           how the check judges, seconds
//! 10 warn pending        at 10 s it was evaluated as warn; the alert is pending then
//! 70 warn firing: ok -> warn
//! 90 -                   at 90 s the time passed without an evaluation
//! ```

use std::path::Path;

use super::*;

const SECOND: i64 = 1_000_000_000;

fn level(name: &str) -> Level {
    let mut levels = Level::ALL.into_iter();
    levels
        .find(|level| level.name() == name)
        .unwrap_or_else(|| panic!("no level {name}"))
}

fn judge(how: &mut Judgement, name: &str, rest: &[&str]) {
    let seconds = rest[0].parse::<i64>().unwrap() * SECOND;
    match name {
        "worse_for" => how.worse_for = seconds,
        "better_for" => how.better_for = seconds,
        "silence" => how.silence = Some((seconds, level(rest[1]))),
        other => panic!("no setting {other}"),
    }
}

fn shown(series: &Series, transition: Option<Transition>) -> String {
    let alert = match series.alert() {
        Alert::None => "quiet",
        Alert::Pending => "pending",
        Alert::Firing => "firing",
    };
    transition.map_or(
        alert.to_owned(),
        |Transition {
             from,
             to,
             is_silence,
             ..
         }| {
            let why = if is_silence { " (silence)" } else { "" };
            format!("{alert}: {} -> {}{why}", from.name(), to.name())
        },
    )
}

fn check(name: &str, text: &str) {
    let (mut how, mut series) = (Judgement::default(), Series::new(0));
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<_> = line.split_whitespace().collect();
        let Ok(seconds) = words[0].parse::<i64>() else {
            judge(&mut how, words[0], &words[1..]);
            continue;
        };
        let at = seconds * SECOND;
        let transition = match words[1] {
            "-" => series.pass(&how, at),
            evaluated => series.observe(&how, level(evaluated), at),
        };
        assert_eq!(
            shown(&series, transition),
            words[2..].join(" "),
            "{name}: {line}"
        );
    }
}

#[test]
fn scenarios_go_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        check(
            &path.display().to_string(),
            &std::fs::read_to_string(&path).unwrap(),
        );
        count += 1;
    }
    assert!(count >= 6, "only {count} scenarios");
}

#[test]
fn a_level_stays_until_its_other_condition_lets_it_go() {
    let met = |level, is_met, is_left| Condition {
        level,
        is_met,
        is_left,
    };
    let check = |conditions: &[Condition], level: Level, pending: Option<Level>, expected| {
        let mut series = Series::new(0);
        series.level = level;
        series.pending = pending.map(|level| Pending { level, since: 0 });
        assert_eq!(
            judged(conditions, &series),
            expected,
            "{conditions:?} {level:?}"
        );
    };
    use Level::{Crit, Ok, Warn};
    let plain = [met(Crit, false, None), met(Warn, true, None)];
    check(&plain, Crit, None, Warn);
    check(&plain, Ok, None, Warn);
    check(&[], Crit, None, Ok);
    let held = [met(Crit, false, Some(false)), met(Warn, false, Some(false))];
    check(&held, Crit, None, Crit);
    check(&held, Warn, None, Warn);
    check(&held, Ok, None, Ok);
    // What does not count yet is held, too.
    check(&held, Ok, Some(Crit), Crit);
    let left = [met(Crit, false, Some(true)), met(Warn, false, Some(false))];
    check(&left, Crit, None, Warn);
    check(&left, Ok, None, Ok);
}
