//! From a health percentage to a risk level.

use std::fmt;

/// How urgent the state of a machine is, least urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskLevel {
    /// Nothing to do.
    Low,
    /// Plan an inspection.
    Moderate,
    /// Plan a repair.
    High,
    /// Act now.
    Critical,
}

impl RiskLevel {
    /// The name in upper case, as reports show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Moderate => "MODERATE",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

impl fmt::Display for RiskLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The health percentages below which a machine is in critical, high and moderate risk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RiskCutOffs {
    /// Below this: [`RiskLevel::Critical`].
    pub critical: f64,
    /// Below this: [`RiskLevel::High`].
    pub high: f64,
    /// Below this: [`RiskLevel::Moderate`].
    pub moderate: f64,
}

impl Default for RiskCutOffs {
    fn default() -> Self {
        Self {
            critical: 25.0,
            high: 50.0,
            moderate: 75.0,
        }
    }
}

/// The risk level of a health percentage; `None` when the cut-offs do not rise.
pub fn risk_level(health: f64, cut_offs: RiskCutOffs) -> Option<RiskLevel> {
    let RiskCutOffs {
        critical,
        high,
        moderate,
    } = cut_offs;
    if critical > high || high > moderate {
        return None;
    }
    Some(if health < critical {
        RiskLevel::Critical
    } else if health < high {
        RiskLevel::High
    } else if health < moderate {
        RiskLevel::Moderate
    } else {
        RiskLevel::Low
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(health: f64, (critical, high, moderate): (f64, f64, f64), expected: Option<&str>) {
        let level = risk_level(
            health,
            RiskCutOffs {
                critical,
                high,
                moderate,
            },
        );
        assert_eq!(level.map(RiskLevel::as_str), expected, "health {health}");
    }

    #[test]
    fn a_cut_off_belongs_to_the_better_level() {
        let default = (25.0, 50.0, 75.0);
        check(0.0, default, Some("CRITICAL"));
        check(24.999, default, Some("CRITICAL"));
        check(25.0, default, Some("HIGH"));
        check(50.0, default, Some("MODERATE"));
        check(75.0, default, Some("LOW"));
        check(100.0, default, Some("LOW"));
    }

    #[test]
    fn cut_offs_may_coincide_but_not_fall() {
        check(10.0, (10.0, 10.0, 20.0), Some("MODERATE"));
        check(5.0, (10.0, 20.0, 15.0), None);
        check(5.0, (20.0, 10.0, 30.0), None);
    }
}
