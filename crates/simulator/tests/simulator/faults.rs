//! Faults show as their ground truth says: that much, in that signal, at that time.

use simulator::{Fleet, FleetConfig};

use crate::parsed::{
    DAY_NS, END_NS, HOUR_NS, MINUTE_NS, assert_near, deviation, fleet, kurtosis, mean, parse,
    render, series,
};

/// One motor with one fault that lasts the four hours before the end.
fn faulty(kind: &str, signal: &str, severity: &str) -> Fleet {
    fleet(
        1,
        &format!(
            "[[fault]]\nasset = 'motor-01'\nkind = '{kind}'\nsignal = '{signal}'\n\
             severity = '{severity}'\nstarts_before_end = '4h'\nlasts = '4h'"
        ),
    )
}

const SEVERITIES: [&str; 3] = ["MILD", "MEDIUM", "SEVERE"];
const SIGNALS: [&str; 4] = ["voltage_v", "current_a", "power_factor", "vibration_g"];

/// Mean and deviation of a signal in ten minutes at a share of the fault's time, with and without
/// the fault.
fn effect(fleet: &Fleet, signal: &str, share: f64) -> [(f64, f64); 2] {
    let healthy = self::fleet(1, "");
    let from_ns = END_NS - 4 * HOUR_NS + (share * 230.0) as i64 * MINUTE_NS;
    [&healthy, fleet].map(|fleet| {
        let values = series(fleet, signal, from_ns, from_ns + 10 * MINUTE_NS);
        (mean(&values), deviation(&values))
    })
}

/// By how much a fault moved the mean, in the unit of its amount.
fn displacement(signal: &str, healthy: f64, faulty: f64) -> f64 {
    match signal {
        "voltage_v" | "current_a" => faulty - healthy,
        "power_factor" => healthy - faulty,
        "vibration_g" => faulty / healthy,
        other => panic!("{other}"),
    }
}

#[test]
fn amounts_are_in_the_range_of_their_severity() {
    let check = |kind: &str, signal: &str, ranges: [(f64, f64); 3]| {
        for (severity, (low, high)) in SEVERITIES.into_iter().zip(ranges) {
            let amount = faulty(kind, signal, severity).ground_truth()[0].amount;
            assert!(
                (low..=high).contains(&amount),
                "{kind} {signal} {severity}: {amount}"
            );
        }
    };
    for kind in ["SPIKE", "DRIFT"] {
        check(kind, "voltage_v", [(5.0, 10.0), (10.0, 25.0), (25.0, 50.0)]);
        check(kind, "current_a", [(1.0, 3.0), (3.0, 7.0), (7.0, 15.0)]);
        check(
            kind,
            "power_factor",
            [(0.05, 0.08), (0.08, 0.15), (0.15, 0.30)],
        );
        check(kind, "vibration_g", [(1.3, 1.8), (2.0, 4.0), (5.0, 15.0)]);
    }
    check(
        "BEARING",
        "vibration_g",
        [(1.3, 1.8), (2.0, 4.0), (5.0, 15.0)],
    );
    for signal in SIGNALS {
        check("JITTER", signal, [(1.5, 2.0), (2.0, 3.0), (3.0, 5.0)]);
    }
}

#[test]
fn a_spike_has_its_full_amount_throughout() {
    let check = |signal: &str, severity: &str, tolerance: f64| {
        let fleet = faulty("SPIKE", signal, severity);
        let amount = fleet.ground_truth()[0].amount;
        for share in [0.0, 0.5, 1.0] {
            let [(healthy, _), (faulty, _)] = effect(&fleet, signal, share);
            let moved = displacement(signal, healthy, faulty);
            assert_near(
                moved,
                amount,
                tolerance,
                &format!("{signal} {severity} at {share}"),
            );
        }
    };
    // The same noise is under both, so only rounding and rare clamping at the limits differ.
    for severity in SEVERITIES {
        check("voltage_v", severity, 0.01);
        check("power_factor", severity, 0.002);
        check("vibration_g", severity, 0.05);
    }
    check("current_a", "MILD", 0.01);
    check("current_a", "MEDIUM", 0.01);
}

#[test]
fn a_drift_grows_in_a_straight_line() {
    let check = |signal: &str, tolerance: f64| {
        let fleet = faulty("DRIFT", signal, "MEDIUM");
        let amount = fleet.ground_truth()[0].amount;
        let healthy_amount = if signal == "vibration_g" { 1.0 } else { 0.0 };
        for (share, middle_min) in [(0.0, 5.0), (0.25, 62.0), (0.5, 120.0), (1.0, 235.0)] {
            let [(healthy, _), (faulty, _)] = effect(&fleet, signal, share);
            let expected = healthy_amount + (amount - healthy_amount) * middle_min / 240.0;
            let moved = displacement(signal, healthy, faulty);
            assert_near(moved, expected, tolerance, &format!("{signal} at {share}"));
        }
    };
    check("voltage_v", 0.05);
    check("current_a", 0.02);
    check("power_factor", 0.001);
    check("vibration_g", 0.02);
}

#[test]
fn a_jitter_keeps_the_mean_and_widens_the_scatter() {
    let check = |signal: &str, severity: &str, scatter: std::ops::Range<f64>| {
        let fleet = faulty("JITTER", signal, severity);
        let [(mean, deviation), (jitter_mean, jitter_deviation)] = effect(&fleet, signal, 0.5);
        let shift = (jitter_mean - mean).abs() / deviation;
        assert!(
            shift < 0.25,
            "{signal} {severity}: mean moved by {shift} deviations"
        );
        let ratio = jitter_deviation / deviation;
        assert!(scatter.contains(&ratio), "{signal} {severity}: {ratio}");
    };
    for signal in ["voltage_v", "current_a"] {
        check(signal, "MILD", 1.45..2.05);
        check(signal, "MEDIUM", 1.95..3.05);
        check(signal, "SEVERE", 2.95..5.05);
    }
    // These two are near a limit: what would pass it is cut on both sides, to keep the mean.
    for signal in ["power_factor", "vibration_g"] {
        check(signal, "MILD", 1.4..2.05);
        check(signal, "MEDIUM", 1.7..3.05);
        check(signal, "SEVERE", 2.0..4.0);
    }
}

const FAILING_BEARING: &str = "[[fault]]\nasset = 'motor-01'\nkind = 'BEARING'\n\
    signal = 'vibration_g'\n\
    severity = 'SEVERE'\namount = 9.0\nstarts_before_end = '4h'\nlasts = '4h'";

#[test]
fn bearing_wear_grows_exponentially_with_impulses() {
    let check = |interval: &str| {
        let text = format!(
            "seed = 7\nmotors = 1\ninterval = '{interval}'\nshift_every = 0\n\
             repair = '1h'\n{FAILING_BEARING}"
        );
        let fleet = Fleet::new(FleetConfig::parse(&text).unwrap(), END_NS).unwrap();
        for (share, middle_min) in [(0.0, 5.0), (0.5, 120.0), (1.0, 235.0)] {
            let [(healthy, _), (worn, _)] = effect(&fleet, "vibration_g", share);
            let expected = 9f64.powf(middle_min / 240.0);
            let tolerance = 0.08 * expected;
            assert_near(
                worn / healthy,
                expected,
                tolerance,
                &format!("{interval} at {share}"),
            );
        }
        let values = |from_ns| series(&fleet, "vibration_g", from_ns, from_ns + 10 * MINUTE_NS);
        let healthy = kurtosis(&values(END_NS - 5 * HOUR_NS));
        let worn = kurtosis(&values(END_NS - 10 * MINUTE_NS));
        assert!(
            healthy < 3.3 && worn > 3.6,
            "{interval}: kurtosis {healthy} then {worn}"
        );
    };
    check("1s");
    check("10ms");
}

#[test]
fn a_failed_bearing_stops_the_motor_until_it_is_repaired() {
    let fleet = fleet(2, FAILING_BEARING);
    let states = |from_ns: i64| {
        let rows = parse(&render(&fleet, from_ns, from_ns + MINUTE_NS));
        let of = |asset| {
            let mut states: Vec<_> = rows
                .iter()
                .filter(|row| row.asset == asset)
                .map(|row| row.state.clone())
                .collect();
            states.dedup();
            states.join(" ")
        };
        [of("motor-01"), of("motor-02")]
    };
    assert_eq!(states(END_NS - MINUTE_NS), ["RUNNING", "RUNNING"]);
    assert_eq!(states(END_NS), ["OFF", "RUNNING"]);
    assert_eq!(states(END_NS + 59 * MINUTE_NS), ["OFF", "RUNNING"]);
    assert_eq!(states(END_NS + 60 * MINUTE_NS), ["RUNNING", "RUNNING"]);
    let repaired = series(
        &fleet,
        "vibration_g",
        END_NS + HOUR_NS,
        END_NS + 2 * HOUR_NS,
    );
    assert_near(mean(&repaired), 0.15, 0.03, "vibration after the repair");
}

#[test]
fn nothing_shows_outside_the_ground_truth() {
    let check = |kind: &str, signal: &str| {
        let faulty = faulty(kind, signal, "SEVERE");
        let healthy = fleet(1, "");
        let fault = &faulty.ground_truth()[0];
        assert_eq!(
            (fault.start_ns, fault.end_ns),
            (END_NS - 4 * HOUR_NS, END_NS)
        );
        let before = (fault.start_ns - 2 * MINUTE_NS, fault.start_ns);
        let after = (
            fault.end_ns + HOUR_NS,
            fault.end_ns + HOUR_NS + 2 * MINUTE_NS,
        );
        for (from_ns, to_ns) in [before, after] {
            assert!(render(&faulty, from_ns, to_ns) == render(&healthy, from_ns, to_ns));
        }
        let inside = (fault.end_ns - 2 * MINUTE_NS, fault.end_ns);
        assert!(render(&faulty, inside.0, inside.1) != render(&healthy, inside.0, inside.1));
    };
    for signal in SIGNALS {
        check("SPIKE", signal);
        check("DRIFT", signal);
        check("JITTER", signal);
    }
    check("BEARING", "vibration_g");
}

#[test]
fn repeats_come_at_their_distance() {
    let fleet = fleet(
        1,
        "[[fault]]\nasset = 'motor-01'\nkind = 'SPIKE'\nsignal = 'voltage_v'\nseverity = 'SEVERE'\n\
         starts_before_end = '1d'\nlasts = '3s'\nrepeats = 4\nevery = '10h'",
    );
    let truth = fleet.ground_truth();
    let starts: Vec<_> = truth
        .iter()
        .map(|fault| (fault.start_ns - END_NS) / HOUR_NS)
        .collect();
    assert_eq!(starts, [-24, -14, -4, 6]);
    let mut amounts: Vec<_> = truth.iter().map(|fault| fault.amount).collect();
    amounts.dedup();
    assert_eq!(amounts.len(), 4, "each occurrence draws its own amount");
    for fault in truth {
        let high = series(
            &fleet,
            "voltage_v",
            fault.start_ns - MINUTE_NS,
            fault.end_ns + MINUTE_NS,
        );
        assert_eq!(
            high.iter().filter(|voltage_v| **voltage_v > 245.0).count(),
            3
        );
    }
}

#[test]
fn ground_truth_is_written_as_line_protocol() {
    let fleet = Fleet::new(FleetConfig::default(), END_NS).unwrap();
    let truth = fleet.ground_truth();
    let mut lines = Vec::new();
    fleet.ground_truth_line_protocol(&mut lines);
    let text = String::from_utf8(lines).unwrap();
    let parsed: Vec<_> = influxdb_line_protocol::parse_lines(&text)
        .map(Result::unwrap)
        .collect();
    assert_eq!(parsed.len(), truth.len());
    for (line, fault) in parsed.iter().zip(&truth) {
        assert_eq!(line.series.measurement, "injected_faults");
        let tag = |name| line.tag_value(name).unwrap().to_string();
        assert_eq!(tag("asset_id"), fault.asset_id);
        assert_eq!(tag("kind"), fault.kind.to_string());
        assert_eq!(tag("severity"), fault.severity.to_string());
        assert_eq!(tag("signal"), fault.signal.to_string());
        let field = |name| line.field_value(name).unwrap().to_string();
        assert_eq!(field("start_ns"), format!("{}i", fault.start_ns));
        assert_eq!(field("end_ns"), format!("{}i", fault.end_ns));
        assert_eq!(field("amount").parse::<f64>().unwrap(), fault.amount);
        assert_eq!(field("description"), fault.description);
        assert_eq!(line.timestamp, Some(fault.start_ns));
    }
}

#[test]
fn the_default_fleet_has_every_kind_now_and_in_the_past_week() {
    let fleet = Fleet::new(FleetConfig::default(), END_NS).unwrap();
    let truth = fleet.ground_truth();
    let count = |kind: &str, from_ns: i64, to_ns: i64| {
        let of_kind = truth.iter().filter(|fault| fault.kind.to_string() == kind);
        of_kind
            .filter(|fault| fault.start_ns < to_ns && fault.end_ns > from_ns)
            .count()
    };
    for (kind, now, week) in [
        ("SPIKE", 0, 40),
        ("DRIFT", 2, 3),
        ("JITTER", 1, 2),
        ("BEARING", 3, 4),
    ] {
        assert!(
            count(kind, END_NS, END_NS + 1) >= now,
            "{kind} running at the end"
        );
        assert!(
            count(kind, END_NS - 7 * DAY_NS, END_NS) >= week,
            "{kind} in the past week"
        );
    }
    for severity in SEVERITIES {
        assert!(
            truth
                .iter()
                .any(|fault| fault.severity.to_string() == severity),
            "{severity}"
        );
    }
    // Two bearings are far enough gone to be seen by eye.
    let loud = ["motor-03", "motor-17"].map(|id| {
        let position = fleet.asset_ids().position(|asset| asset == id).unwrap();
        let mut lines = Vec::new();
        let mut rows = fleet.rows_of(position..position + 1, END_NS - 10 * MINUTE_NS, END_NS);
        rows.next_chunk(usize::MAX, &mut lines);
        mean(
            &parse(&lines)
                .iter()
                .map(|row| row.values[3])
                .collect::<Vec<_>>(),
        )
    });
    assert!(
        loud.iter().all(|vibration_g| *vibration_g > 0.5),
        "{loud:?}"
    );
}
