//! From a health percentage to a state that does not flutter.

use crate::Running;

/// The states, best first.
pub const HEALTH_STATES: [&str; 4] = ["healthy", "watch", "warning", "critical"];

/// The limits between states, and how far health must rise above one to leave the worse state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthLimits {
    /// Below this: watch.
    pub watch: f64,
    /// Below this: warning.
    pub warning: f64,
    /// Below this: critical.
    pub critical: f64,
    /// How far above a limit health must be for the state to get better.
    pub hysteresis: f64,
}

impl Default for HealthLimits {
    fn default() -> Self {
        Self {
            watch: 75.0,
            warning: 50.0,
            critical: 25.0,
            hysteresis: 5.0,
        }
    }
}

/// The state of a machine after each health percentage: it gets worse at once, and better only when health has risen
/// above the limit by the hysteresis. At a missing value it stays as it is.
#[derive(Debug, Clone)]
pub struct HealthState {
    limits: [f64; 3],
    hysteresis: f64,
    state: Option<usize>,
}

impl HealthState {
    /// A machine of which nothing is known yet.
    pub fn new(limits: HealthLimits) -> Self {
        Self {
            limits: [limits.watch, limits.warning, limits.critical],
            hysteresis: limits.hysteresis,
            state: None,
        }
    }

    /// How many limits, each raised by `margin`, health is below.
    fn level(&self, health: f64, margin: f64) -> usize {
        let is_below = |limit: &&f64| health < **limit + margin;
        self.limits.iter().filter(is_below).count()
    }
}

impl Running for HealthState {
    type Output = &'static str;

    fn push(&mut self, health: f64, time: i64) -> Option<&'static str> {
        let at_once = self.level(health, 0.0);
        let state = match self.state {
            Some(state) if at_once < state => state.min(self.level(health, self.hysteresis)),
            _ => at_once,
        };
        self.state = Some(state);
        self.missing(time)
    }

    fn missing(&mut self, _time: i64) -> Option<&'static str> {
        self.state.map(|state| HEALTH_STATES[state])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::run;

    fn check(health: &[f64], expected: &[Option<&str>]) {
        let series: Vec<(i64, f64)> = (0..).zip(health.iter().copied()).collect();
        let states = run(HealthState::new(HealthLimits::default()), &series);
        assert_eq!(states, expected, "{health:?}");
    }

    #[test]
    fn states_get_worse_at_once_and_better_with_a_margin() {
        let (healthy, watch) = (Some("healthy"), Some("watch"));
        let (warning, critical) = (Some("warning"), Some("critical"));
        check(
            &[75.0, 74.9, 75.0, 79.9, 80.0],
            &[healthy, watch, watch, watch, healthy],
        );
        check(
            &[10.0, 29.0, 30.0, 54.9, 100.0],
            &[critical, critical, warning, warning, healthy],
        );
        check(&[10.0, 78.0, 78.0], &[critical, watch, watch]);
        check(&[100.0, 0.0], &[healthy, critical]);
        check(&[f64::NAN, 60.0, f64::NAN], &[None, watch, watch]);
        check(&[], &[]);
    }
}
