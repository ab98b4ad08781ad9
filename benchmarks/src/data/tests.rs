//! What the generators promise, by the text of their lines.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const MINUTE_NS: i64 = 60_000_000_000;

fn rendered(spec: &Spec) -> (Vec<String>, Tally) {
    let (mut lines, mut stream, mut tally) = (Vec::new(), spec.lines(), Tally::default());
    let mut text = Vec::new();
    while let Some(line) = stream.next_line(&mut text) {
        tally.add(&line, &text);
        lines.push(String::from_utf8(std::mem::take(&mut text)).unwrap());
    }
    (lines, tally)
}

fn time_of(line: &str) -> i64 {
    line.trim_end().rsplit(' ').next().unwrap().parse().unwrap()
}

fn shapes() -> Vec<Spec> {
    let mut specs: Vec<_> = [Shape::Cpu, Shape::Iot, Shape::Pdm]
        .map(|shape| Spec::new(shape, 7, 10 * MINUTE_NS))
        .to_vec();
    for values in [Values::Walk, Values::Entropy] {
        specs.push(Spec { values, ..specs[2] });
    }
    specs
}

#[test]
fn equal_specs_give_equal_lines_and_other_seeds_others() {
    for spec in shapes() {
        assert_eq!(rendered(&spec).0, rendered(&spec).0, "{spec:?}");
        let other = Spec { seed: 43, ..spec };
        assert_ne!(rendered(&spec).0, rendered(&other).0, "{spec:?}");
    }
}

#[test]
fn a_series_is_the_same_at_any_scale() {
    for spec in [shapes()[0], shapes()[2], shapes()[3], shapes()[4]] {
        let of_third = |scale| {
            let (lines, _) = rendered(&Spec { scale, ..spec });
            let wanted: Vec<String> = lines
                .into_iter()
                .filter(|line| line.contains("=host_3,") || line.contains("=m_3,"))
                .collect();
            wanted
        };
        assert!(!of_third(4).is_empty(), "{spec:?}");
        assert_eq!(of_third(4), of_third(9), "{spec:?}");
    }
}

#[test]
fn disorder_moves_lines_and_loses_none() {
    for spec in shapes() {
        let (mut ordered, _) = rendered(&spec);
        for delay_ns in [0, MINUTE_NS] {
            let disorder = Disorder {
                share: 0.3,
                delay_ns,
            };
            let (mut late, tally) = rendered(&Spec { disorder, ..spec });
            let backwards = late
                .windows(2)
                .filter(|two| time_of(&two[1]) < time_of(&two[0]));
            assert!(backwards.count() > 20, "{spec:?} {delay_ns}");
            let share = tally.delayed as f64 / tally.lines as f64;
            assert!((0.2..0.45).contains(&share), "{spec:?}: {share}");
            late.sort_unstable();
            ordered.sort_unstable();
            assert_eq!(late, ordered, "{spec:?} {delay_ns}");
        }
    }
}

#[test]
fn a_delayed_line_is_never_later_than_the_delay() {
    let disorder = Disorder {
        share: 0.5,
        delay_ns: MINUTE_NS,
    };
    let spec = Spec {
        disorder,
        ..Spec::new(Shape::Iot, 50, 10 * MINUTE_NS)
    };
    let mut newest = i64::MIN;
    for line in rendered(&spec).0 {
        newest = newest.max(time_of(&line));
        assert!(
            newest - time_of(&line) <= MINUTE_NS + spec.interval_ns,
            "{line}"
        );
    }
}

#[test]
fn the_tally_counts_keys_as_a_set_would() {
    // Few trucks with few tags: rows without a name do meet.
    for scale in [3, 400] {
        let spec = Spec {
            disorder: Disorder {
                share: 0.3,
                delay_ns: 0,
            },
            ..Spec::new(Shape::Iot, scale, 30 * MINUTE_NS)
        };
        let (lines, tally) = rendered(&spec);
        let mut keys: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut field_keys = keys.clone();
        let mut values: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &lines {
            let (key, rest) = line.split_once(' ').unwrap();
            let (table, _) = line.split_once(',').unwrap();
            let key = format!("{key} {}", time_of(line));
            if rest.contains("latitude=") || rest.contains("fuel_state=") {
                field_keys.entry(table).or_default().insert(key.clone());
            }
            keys.entry(table).or_default().insert(key);
            *values.entry(table).or_default() += rest.split(',').count();
        }
        assert_eq!(tally.lines, lines.len() as u64);
        for table in tally.into_tables() {
            assert_eq!(table.keys, keys[table.table.as_str()].len() as u64);
            assert_eq!(
                table.field_keys,
                field_keys[table.table.as_str()].len() as u64
            );
            assert_eq!(table.values, values[table.table.as_str()] as u64);
            assert!(table.field_keys < table.keys && table.keys <= table.lines);
        }
    }
}

#[test]
fn iot_has_the_gaps_of_the_suite() {
    let spec = Spec::new(Shape::Iot, 100, 60 * MINUTE_NS);
    let (lines, _) = rendered(&spec);
    let entries = 100.0 * 360.0 * 2.0;
    let share = |count: usize| count as f64 / lines.len() as f64;
    let count = |test: &dyn Fn(&str) -> bool| lines.iter().filter(|line| test(line)).count();
    let lacks_field = |line: &str| {
        let fields = line.split(' ').nth(1).unwrap().split(',').count();
        fields < if line.starts_with("readings") { 10 } else { 6 }
    };
    let lacks_tag = |line: &str| line.split(' ').next().unwrap().split(',').count() < 6;
    for (what, got, expected) in [
        ("missing", 1.0 - lines.len() as f64 / entries, 0.109),
        ("without a field", share(count(&lacks_field)), 0.10),
        ("without a tag", share(count(&lacks_tag)), 0.01),
    ] {
        assert!((got / expected - 1.0).abs() < 0.2, "{what}: {got}");
    }
}

#[test]
fn pdm_values_are_of_their_kind() {
    let decimals = |line: &str| -> Vec<usize> {
        let fields = line.split(' ').nth(1).unwrap().split(',');
        fields
            .map(|field| field.split_once('.').map_or(0, |(_, after)| after.len()))
            .collect()
    };
    for (values, most) in [(Values::Drift, 2), (Values::Walk, 2), (Values::Entropy, 18)] {
        let spec = Spec {
            values,
            ..Spec::new(Shape::Pdm, 20, 60 * MINUTE_NS)
        };
        let (lines, tally) = rendered(&spec);
        let all: Vec<usize> = lines.iter().flat_map(|line| decimals(line)).collect();
        assert!(all.iter().all(|&count| count <= most), "{values:?}");
        let mean = all.iter().sum::<usize>() as f64 / all.len() as f64;
        assert!(mean > most as f64 * 0.6, "{values:?}: {mean}");
        assert_eq!(tally.into_tables()[0].values, all.len() as u64);
        let missing = 1.0 - all.len() as f64 / (lines.len() * 8) as f64;
        assert!((0.007..0.013).contains(&missing), "{values:?}: {missing}");
    }
}

#[test]
fn a_machine_drifts_before_it_fails() {
    let spec = Spec {
        interval_ns: MINUTE_NS,
        ..Spec::new(Shape::Pdm, 1, 200_000 * MINUTE_NS)
    };
    let particles = |line: &String| -> Option<f64> {
        let at = line.find("oil_particles_ppm=")?;
        line[at + 18..].split(' ').next()?.parse().ok()
    };
    let values: Vec<f64> = rendered(&spec).0.iter().filter_map(particles).collect();
    let worst = values.iter().copied().fold(0.0, f64::max);
    let drop = values
        .windows(2)
        .map(|two| two[0] - two[1])
        .fold(0.0, f64::max);
    assert!(worst > 140.0, "{worst}");
    assert!(drop > 120.0, "repaired at once: {drop}");
}

#[test]
fn history_lines_are_of_one_form() {
    let mut out = Vec::new();
    pdm::write_history_line(&mut out, 3, 86_400 / 2, Spec::START_NS);
    let text = String::from_utf8(out).unwrap();
    let value = text
        .strip_prefix("history,asset_id=m_3 temperature_c=")
        .and_then(|rest| rest.strip_suffix(&format!(" {}\n", Spec::START_NS)))
        .unwrap_or_else(|| panic!("{text}"));
    let (whole, cents) = value.split_once('.').unwrap();
    assert!(
        (53..55).contains(&whole.parse::<i32>().unwrap()) && cents.len() == 2,
        "{value}"
    );
}
