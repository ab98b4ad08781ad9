//! The healthy fleet: distributions, daily cycle, operating states, limits, and what is printed.

use simulator::{Fleet, FleetConfig};

use crate::parsed::{
    DAY_NS, END_NS, FIELDS, HOUR_NS, MINUTE_NS, Row, assert_near, deviation, fleet, mean, parse,
    render, series,
};

#[test]
fn healthy_signals_have_the_stated_distributions() {
    let fleet = fleet(100, "");
    let check = |field: &str, expected: (f64, f64), tolerance: (f64, f64)| {
        let values = series(
            &fleet,
            field,
            END_NS - 6 * HOUR_NS,
            END_NS - 6 * HOUR_NS + 5 * MINUTE_NS,
        );
        assert_eq!(values.len(), 30_000);
        assert_near(mean(&values), expected.0, tolerance.0, field);
        assert_near(deviation(&values), expected.1, tolerance.1, field);
    };
    // Differences between motors and the load of the hour are inside the tolerances.
    check("voltage_v", (230.0, 2.0), (0.5, 0.3));
    check("current_a", (15.0, 1.0), (0.8, 0.3));
    check("power_factor", (0.92, 0.02), (0.01, 0.003));
    check("vibration_g", (0.15, 0.03), (0.01, 0.006));
    check(
        "power_kw",
        (230.0 * 15.0 * 0.92 / 1000.0, 0.24),
        (0.25, 0.06),
    );
}

#[test]
fn motors_differ_from_each_other() {
    let rows = parse(&render(&fleet(30, ""), END_NS - 10 * MINUTE_NS, END_NS));
    let check = |field: usize, spread: std::ops::Range<f64>| {
        let means: Vec<f64> = (1..=30)
            .map(|n| format!("motor-{n:02}"))
            .map(|id| {
                let rows = rows.iter().filter(|row| row.asset == id);
                mean(&rows.map(|row| row.values[field]).collect::<Vec<_>>())
            })
            .collect();
        let deviation = deviation(&means);
        assert!(
            spread.contains(&deviation),
            "{}: {deviation}",
            FIELDS[field]
        );
    };
    check(0, 0.3..1.2);
    check(1, 0.3..1.0);
    check(2, 0.003..0.01);
    check(3, 0.008..0.022);
}

#[test]
fn load_follows_the_day() {
    let fleet = fleet(20, "");
    let current = |hour: i64| {
        let from_ns = END_NS - DAY_NS + hour * HOUR_NS;
        mean(&series(
            &fleet,
            "current_a",
            from_ns,
            from_ns + 10 * MINUTE_NS,
        ))
    };
    let (night, morning, afternoon) = (current(2), current(8), current(14));
    assert!(
        night + 0.3 < morning && morning + 0.3 < afternoon,
        "{night} {morning} {afternoon}"
    );
}

/// One row a minute over the two days around the end, faults included.
fn two_days() -> Vec<Row> {
    let interval = std::time::Duration::from_secs(60);
    let config = FleetConfig {
        interval,
        ..FleetConfig::default()
    };
    parse(&render(
        &Fleet::new(config, END_NS).unwrap(),
        END_NS - DAY_NS,
        END_NS + DAY_NS,
    ))
}

#[test]
fn most_motors_run_all_day_and_some_work_in_shifts() {
    let rows = two_days();
    let minutes = |asset: &str, state: &str| {
        rows.iter()
            .filter(|row| row.asset == asset && row.state == state)
            .count()
    };
    let check = |asset: &str, expected: [usize; 3]| {
        assert_eq!(
            ["RUNNING", "IDLE", "OFF"].map(|state| minutes(asset, state)),
            expected,
            "{asset}"
        );
    };
    check("motor-01", [2 * 1440, 0, 0]);
    check("motor-04", [2 * 910, 2 * 50, 2 * 480]);
    check("motor-23", [2 * 1440, 0, 0]);
    check("motor-24", [2 * 910, 2 * 50, 2 * 480]);
    // Its bearing fails during the second day.
    check("motor-03", [2 * 1440 - 240, 0, 240]);
}

#[test]
fn readings_suit_the_operating_state_and_keep_the_limits() {
    let rows = two_days();
    let check = |state: &str, limits: [(f64, f64); 5]| {
        let rows: Vec<_> = rows.iter().filter(|row| row.state == state).collect();
        assert!(rows.len() > 100, "{state}");
        for row in rows {
            for (value, (low, high)) in row.values.iter().zip(limits) {
                assert!((low..=high).contains(value), "{row:?}");
            }
        }
    };
    check(
        "RUNNING",
        [
            (200.0, 300.0),
            (5.0, 30.0),
            (0.5, 1.0),
            (0.05, 5.0),
            (1.0, 9.0),
        ],
    );
    check(
        "IDLE",
        [
            (215.0, 300.0),
            (5.0, 9.0),
            (0.5, 0.7),
            (0.05, 5.0),
            (0.5, 1.6),
        ],
    );
    check(
        "OFF",
        [
            (215.0, 245.0),
            (0.0, 0.0),
            (0.0, 0.0),
            (0.05, 0.07),
            (0.0, 0.0),
        ],
    );
}

#[test]
fn power_is_the_product_of_the_printed_readings() {
    for row in two_days() {
        let [voltage_v, current_a, power_factor, _, power_kw] = row.values;
        let product = voltage_v * current_a * power_factor / 1000.0;
        assert!((product - power_kw).abs() <= 0.500_001e-4, "{row:?}");
    }
}

#[test]
fn numbers_are_printed_with_fixed_decimals() {
    let lines = String::from_utf8(render(&fleet(3, ""), END_NS - 100 * MINUTE_NS, END_NS)).unwrap();
    for line in lines.lines() {
        let fields = line.split(' ').nth(1).unwrap();
        let decimals: Vec<_> = fields
            .split(',')
            .map(|field| field.split_once('.').unwrap().1.len())
            .collect();
        assert_eq!(decimals, [2, 2, 4, 4, 4], "{line}");
    }
    let first = lines.lines().next().unwrap();
    assert!(first.starts_with("sensor_data,asset_id=motor-01,operating_state=RUNNING voltage_v=2"));
    assert!(first.ends_with(" 1748730000000000000"));
}
