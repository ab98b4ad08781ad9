//! Alerts that do not flutter: a condition that has to last, and a signal that has to come back some way.

use crate::Running;
use crate::running::ticks_between;

/// Whether a condition has held for a while without a break (the `for` of a Prometheus alert). A condition is a number that
/// is not 0; missing ones are passed over.
#[derive(Debug, Clone)]
pub struct Debounce {
    hold: f64,
    since: Option<i64>,
}

impl Debounce {
    /// Alerts once the condition has held for `hold` ticks.
    pub fn new(hold: f64) -> Self {
        Self { hold, since: None }
    }
}

impl Running for Debounce {
    type Output = bool;

    fn push(&mut self, condition: f64, time: i64) -> Option<bool> {
        if condition == 0.0 {
            self.since = None;
            return Some(false);
        }
        let since = *self.since.get_or_insert(time);
        Some(ticks_between(since, time) >= self.hold)
    }
}

/// Whether a signal is beyond a threshold, until it is back behind another (a Schmitt trigger). At a missing value nothing changes.
#[derive(Debug, Clone)]
pub struct Hysteresis {
    on: f64,
    off: f64,
    is_on: Option<bool>,
}

impl Hysteresis {
    /// On at `on` and beyond, off at `off` and beyond: above and below where `on` is greater, else below and above.
    pub fn new(on: f64, off: f64) -> Self {
        debug_assert!(on != off, "the thresholds are apart");
        Self {
            on,
            off,
            is_on: None,
        }
    }
}

impl Running for Hysteresis {
    type Output = bool;

    fn push(&mut self, value: f64, _time: i64) -> Option<bool> {
        let side = (self.on - self.off).signum();
        let was_on = self.is_on.unwrap_or(false);
        let is_on = if was_on {
            (value - self.off) * side > 0.0
        } else {
            (value - self.on) * side >= 0.0
        };
        self.is_on = Some(is_on);
        self.is_on
    }

    fn missing(&mut self, _time: i64) -> Option<bool> {
        self.is_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::run;

    fn flags(text: &str) -> Vec<Option<bool>> {
        let flag = |byte| match byte {
            b'x' => Some(true),
            b'.' => Some(false),
            _ => None,
        };
        text.bytes().map(flag).collect()
    }

    #[test]
    fn a_condition_has_to_last() {
        let check = |conditions: &str, hold: f64, expected: &str| {
            let series: Vec<(i64, f64)> = flags(conditions)
                .into_iter()
                .zip(0..)
                .map(|(flag, time)| {
                    (
                        10 * time,
                        flag.map_or(f64::NAN, |flag| f64::from(u8::from(flag))),
                    )
                })
                .collect();
            assert_eq!(
                run(Debounce::new(hold), &series),
                flags(expected),
                "{conditions}"
            );
        };
        check(".xxxx.xx", 20.0, "...xx...");
        check(".xxxx.xx", 25.0, "....x...");
        check("xx-x.x", 20.0, "..-x..");
        check("xx", 0.0, "xx");
        check("", 1.0, "");
    }

    #[test]
    fn a_signal_has_to_come_back() {
        let check = |on: f64, off: f64, values: &[f64], expected: &str| {
            let series: Vec<(i64, f64)> = (0..).zip(values.iter().copied()).collect();
            assert_eq!(
                run(Hysteresis::new(on, off), &series),
                flags(expected),
                "{values:?}"
            );
        };
        check(
            8.0,
            5.0,
            &[f64::NAN, 6.0, 8.0, 6.0, f64::NAN, 5.0, 7.0, 9.0],
            "-.xxx..x",
        );
        check(2.0, 3.0, &[2.5, 2.0, 2.5, 3.0, 2.5, 1.0], ".xx..x");
        check(8.0, 5.0, &[], "");
    }
}
