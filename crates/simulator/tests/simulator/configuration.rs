//! Configuration: the default is the file, mistakes are refused with a message that says what to
//! change.

use simulator::{DEFAULT_FLEET_TOML, Fleet, FleetConfig};

use crate::parsed::END_NS;

#[test]
fn the_default_is_the_file() {
    let file = FleetConfig::parse(DEFAULT_FLEET_TOML).unwrap();
    assert_eq!(file, FleetConfig::default());
    assert!(file.motors >= 20);
    assert_eq!(file.interval.as_secs(), 1);
    let fleet = Fleet::new(file, END_NS).unwrap();
    assert_eq!(fleet.asset_ids().next(), Some("motor-01"));
    assert_eq!(fleet.asset_ids().last(), Some("motor-24"));
    assert_eq!(
        (fleet.end_ns(), fleet.interval_ns()),
        (END_NS, 1_000_000_000)
    );
}

#[test]
fn a_configuration_survives_writing_and_reading() {
    let config = FleetConfig::default();
    let text = toml::to_string(&config).unwrap();
    assert_eq!(FleetConfig::parse(&text).unwrap(), config);
}

#[test]
fn resizing_drops_the_faults_of_motors_that_are_gone() {
    let config = FleetConfig::default().resized(5);
    let assets: Vec<_> = config
        .faults
        .iter()
        .map(|fault| fault.asset.as_str())
        .collect();
    assert_eq!(assets, ["motor-03", "motor-05", "motor-02"]);
    assert_eq!(Fleet::new(config, END_NS).unwrap().asset_ids().count(), 5);
    let mut typo = FleetConfig::default();
    typo.faults[0].asset = "motor-99".to_owned();
    assert!(
        Fleet::new(typo.resized(12), END_NS).is_err(),
        "a typing error stays one"
    );
}

const SETTINGS: &str = "seed = 1\nmotors = 3\ninterval = '1s'\nshift_every = 0\nrepair = '1h'\n";
const FAULT: &str = "[[fault]]\nasset = 'motor-02'\nkind = 'SPIKE'\nsignal = 'current_a'\n\
                     severity = 'MILD'\nstarts_before_end = '2h'\nlasts = '1h'\n";

#[test]
fn mistakes_are_refused_with_a_reason() {
    // In the valid configuration, replace one text by another.
    let check = |old: &str, new: &str, reason: &str| {
        let valid = format!("{SETTINGS}{FAULT}");
        assert!(Fleet::new(FleetConfig::parse(&valid).unwrap(), END_NS).is_ok());
        assert!(valid.contains(old), "{old}");
        let text = valid.replacen(old, new, 1);
        let refused = FleetConfig::parse(&text).and_then(|config| Fleet::new(config, END_NS));
        let message = refused.expect_err(new).to_string();
        assert!(message.contains(reason), "{new}: {message}");
    };
    check("seed = 1", "sead = 1", "unknown field `sead`");
    check("seed = 1", "seed = 'x'", "invalid type");
    check("motors = 3\n", "", "missing field `motors`");
    check(
        "motors = 3",
        "motors = 0",
        "`motors` is 0, but must be between 1 and 1000000",
    );
    check("motors = 3", "motors = 1000001", "between 1 and 1000000");
    check(
        "'1s'",
        "'0s'",
        "`interval` is 0ns, but must be between 1ms and 1day",
    );
    check("'1s'", "'999us'", "between 1ms and 1day");
    check("'1s'", "'25h'", "between 1ms and 1day");
    check("'1s'", "'soon'", "interval");
    check("repair = '1h'", "repair = '366d'", "between 0s and 365days");
    check(
        "motor-02",
        "motor-04",
        "fault 1: the fleet has no asset 'motor-04', only motor-01 to motor-03",
    );
    check("motor-02", "motor-2", "no asset 'motor-2'");
    check("motor-02", "motor-00", "no asset 'motor-00'");
    check("motor-02", "pump-02", "no asset 'pump-02'");
    check("SPIKE", "SPIKES", "unknown variant `SPIKES`");
    check(
        "SPIKE",
        "BEARING",
        "BEARING does not occur in `current_a`, use `vibration_g`",
    );
    check("current_a", "power_kw", "unknown variant `power_kw`");
    check(
        "'MILD'",
        "'MILD'\namount = 4.0",
        "amount 4 is not MILD for SPIKE of `current_a`, which is 1 to 3",
    );
    check("'MILD'", "'MILD'\namount = nan", "amount NaN is not MILD");
    check(
        "lasts = '1h'",
        "lasts = '0s'",
        "`lasts` must be longer than zero",
    );
    check("lasts = '1h'", "lasts = '300y'", "shorter than 200 years");
    check("'2h'", "'300y'", "`starts_before_end` must be");
    check("lasts", "repeats = 0\nlasts", "`repeats` is 0");
    check(
        "lasts",
        "repeats = 2\nlasts",
        "`repeats` above 1 needs an `every`",
    );
    check(
        "lasts",
        "repeats = 2\nevery = '59m'\nlasts",
        "not shorter than `lasts`",
    );
    check(
        "lasts",
        "repeats = 100001\nevery = '1h'\nlasts",
        "more than 100000 occurrences",
    );
}
