//! A row is a pure function of seed, end, asset and time: nothing else about the rendering shows.

use simulator::{Fleet, FleetConfig};

use crate::parsed::{DAY_NS, END_NS, HOUR_NS, MINUTE_NS, SECOND_NS, parse, render};

/// The default fleet's last two minutes, in which a drift, a jitter and bearings are under way.
const FROM_NS: i64 = END_NS - 2 * MINUTE_NS;

fn default_fleet() -> Fleet {
    Fleet::new(FleetConfig::default(), END_NS).unwrap()
}

fn changed(change: impl FnOnce(&mut FleetConfig)) -> Fleet {
    let mut config = FleetConfig::default();
    change(&mut config);
    Fleet::new(config, END_NS).unwrap()
}

#[test]
fn equal_seeds_give_equal_rows_and_other_seeds_give_others() {
    let rows = render(&default_fleet(), FROM_NS, END_NS);
    assert_eq!(rows, render(&default_fleet(), FROM_NS, END_NS));
    let other = render(&changed(|config| config.seed += 1), FROM_NS, END_NS);
    let values = |lines: &[u8]| {
        parse(lines)
            .into_iter()
            .map(|row| row.values)
            .collect::<Vec<_>>()
    };
    let same = values(&rows)
        .iter()
        .zip(values(&other))
        .filter(|(a, b)| **a == *b)
        .count();
    assert_eq!(same, 0);
}

#[test]
fn chunk_size_does_not_show() {
    let fleet = default_fleet();
    let whole = render(&fleet, FROM_NS, END_NS);
    let check = |row_count_max: usize| {
        let mut rows = fleet.rows(FROM_NS, END_NS);
        let (mut lines, mut total) = (Vec::new(), 0u64);
        let expected = rows.remaining();
        loop {
            let before = lines.iter().filter(|byte| **byte == b'\n').count();
            let count = rows.next_chunk(row_count_max, &mut lines);
            let after = lines.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(after - before, count);
            if count == 0 {
                break;
            }
            total += count as u64;
            assert_eq!(rows.remaining(), expected - total);
            assert!(count == row_count_max || rows.remaining() == 0);
        }
        assert_eq!(total, 24 * 120);
        assert!(lines == whole, "chunks of {row_count_max}");
    };
    check(7);
    check(24);
    check(1_000);
    check(usize::MAX);
}

#[test]
fn rows_come_time_by_time_and_motor_by_motor() {
    let fleet = default_fleet();
    let rows = parse(&render(&fleet, END_NS - 3 * SECOND_NS, END_NS));
    let keys: Vec<_> = rows
        .iter()
        .map(|row| (row.time_ns, row.asset.as_str()))
        .collect();
    let times = [
        END_NS - 3 * SECOND_NS,
        END_NS - 2 * SECOND_NS,
        END_NS - SECOND_NS,
    ];
    let expected: Vec<_> = times
        .iter()
        .flat_map(|time| fleet.asset_ids().map(|id| (*time, id)))
        .collect();
    assert_eq!(keys, expected);
}

#[test]
fn live_rows_continue_the_back_fill() {
    let fleet = default_fleet();
    let whole = render(&fleet, FROM_NS, END_NS + 90 * SECOND_NS);
    let mut rows = fleet.rows(FROM_NS, END_NS);
    let mut lines = Vec::new();
    rows.next_chunk(usize::MAX, &mut lines);
    for second in 0..90 {
        assert_eq!(rows.next_time_ns(), END_NS + second * SECOND_NS);
        assert_eq!(rows.next_chunk(100, &mut lines), 0);
        rows.extend_to(END_NS + (second + 1) * SECOND_NS);
        assert_eq!(rows.next_chunk(100, &mut lines), 24);
    }
    assert!(lines == whole);
}

#[test]
fn beginning_does_not_show() {
    let fleet = default_fleet();
    let check = |at_ns: i64, before_ns: i64| {
        let (from_ns, to_ns) = (at_ns - 5 * SECOND_NS, at_ns + 5 * SECOND_NS);
        let longer = render(&fleet, from_ns - before_ns, to_ns);
        assert!(
            longer.ends_with(&render(&fleet, from_ns, to_ns)),
            "{at_ns} {before_ns}"
        );
    };
    check(END_NS, 1);
    check(END_NS, 40 * SECOND_NS + 1);
    check(END_NS, 3 * HOUR_NS);
    // A bearing fails; the first shift begins.
    check(END_NS + 8 * HOUR_NS, SECOND_NS);
    check(END_NS + 8 * HOUR_NS, 3 * HOUR_NS);
}

#[test]
fn an_asset_alone_gives_the_same_rows() {
    let fleet = default_fleet();
    let all = parse(&render(&fleet, FROM_NS, END_NS));
    for (position, id) in fleet.asset_ids().enumerate() {
        let mut lines = Vec::new();
        fleet
            .rows_of(position..position + 1, FROM_NS, END_NS)
            .next_chunk(usize::MAX, &mut lines);
        let expected: Vec<_> = all.iter().filter(|row| row.asset == id).cloned().collect();
        assert_eq!(parse(&lines), expected);
    }
    assert_eq!(fleet.rows_of(20..99, FROM_NS, END_NS).remaining(), 4 * 120);
    assert_eq!(fleet.rows_of(99..100, FROM_NS, END_NS).remaining(), 0);
}

#[test]
fn size_of_the_fleet_does_not_show() {
    let all = parse(&render(&default_fleet(), FROM_NS, END_NS));
    let check = |motors: u32| {
        let fleet = Fleet::new(FleetConfig::default().resized(motors), END_NS).unwrap();
        let rows = parse(&render(&fleet, FROM_NS, END_NS));
        let common = |rows: &[crate::parsed::Row]| -> Vec<_> {
            let number = |asset: &str| asset["motor-".len()..].parse::<u32>().unwrap();
            rows.iter()
                .filter(|row| number(&row.asset) <= motors.min(24))
                .cloned()
                .collect()
        };
        assert_eq!(rows.len(), motors as usize * 120);
        assert_eq!(common(&rows), common(&all));
    };
    check(1);
    check(5);
    check(120);
}

#[test]
fn faster_sampling_adds_rows_between_the_same_rows() {
    let from_ns = END_NS - 2 * SECOND_NS;
    let slow = parse(&render(&default_fleet(), from_ns, END_NS));
    let fleet = changed(|config| config.interval = std::time::Duration::from_millis(10));
    let fast = parse(&render(&fleet, from_ns, END_NS));
    assert_eq!(fast.len(), 100 * slow.len());
    let shared: Vec<_> = fast
        .into_iter()
        .filter(|row| row.time_ns % SECOND_NS == 0)
        .collect();
    assert_eq!(shared, slow);
}

#[test]
fn a_fault_changes_its_motor_and_its_signal_only() {
    let from_ns = END_NS - 10 * MINUTE_NS;
    let fault = "[[fault]]\nasset = 'motor-02'\nkind = 'SPIKE'\nsignal = 'current_a'\n\
                 severity = 'SEVERE'\nstarts_before_end = '5m'\nlasts = '1m'";
    let without = parse(&render(&crate::parsed::fleet(3, ""), from_ns, END_NS));
    let with = parse(&render(&crate::parsed::fleet(3, fault), from_ns, END_NS));
    let hit = END_NS - 5 * MINUTE_NS..END_NS - 4 * MINUTE_NS;
    let mut differing = 0;
    for (a, b) in without.iter().zip(&with) {
        if b.asset == "motor-02" && hit.contains(&b.time_ns) {
            differing += 1;
            assert!(
                a.values[1] < b.values[1] && a.values[4] < b.values[4],
                "{b:?}"
            );
            assert_eq!(
                [a.values[0], a.values[2], a.values[3]],
                [b.values[0], b.values[2], b.values[3]]
            );
        } else {
            assert_eq!(a, b);
        }
    }
    assert_eq!(differing, 60);
}

#[test]
fn any_time_can_be_rendered() {
    let fleet = default_fleet();
    let check = |from_ns: i64, to_ns: i64, seconds: usize| {
        let rows = parse(&render(&fleet, from_ns, to_ns));
        assert_eq!(rows.len(), seconds * 24);
        assert!(
            rows.iter()
                .all(|row| row.time_ns % SECOND_NS == 0 && row.time_ns >= from_ns)
        );
        assert_eq!(fleet.rows(from_ns, to_ns).remaining(), rows.len() as u64);
    };
    check(-DAY_NS, -DAY_NS + 10 * SECOND_NS, 10);
    check(-3 * SECOND_NS - 1, 1, 4);
    check(1, SECOND_NS, 0);
    check(1, SECOND_NS + 1, 1);
    check(END_NS, END_NS, 0);
    check(END_NS, END_NS - 5, 0);
    check(END_NS + 10_000 * DAY_NS, END_NS + 10_000 * DAY_NS + 1, 1);
    check(i64::MAX - 2 * SECOND_NS, i64::MAX, 2);
    check(i64::MIN, i64::MIN + SECOND_NS, 1);
}
