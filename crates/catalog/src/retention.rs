//! How long rows are kept.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// How long the rows of a database or table are kept, counted from their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retention {
    /// For ever.
    #[default]
    Forever,
    /// For this many nanoseconds.
    Nanos(NonZeroU64),
}

impl Retention {
    /// The retention of this length; none, or 0, is for ever.
    pub fn from_nanos(nanos: Option<u64>) -> Self {
        match nanos.and_then(NonZeroU64::new) {
            Some(nanos) => Self::Nanos(nanos),
            None => Self::Forever,
        }
    }

    /// Its length; `None` is for ever.
    pub fn nanos(self) -> Option<u64> {
        match self {
            Self::Forever => None,
            Self::Nanos(nanos) => Some(nanos.get()),
        }
    }

    /// The earliest time that is still kept at `now`.
    pub fn earliest(self, now: i64) -> i64 {
        match self {
            Self::Forever => i64::MIN,
            Self::Nanos(nanos) => now.saturating_sub_unsigned(nanos.get()),
        }
    }
}

impl fmt::Display for Retention {
    /// As it can be read back: `30d`, `1d 12h`, `forever`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 7] = [
            ("d", 86_400_000_000_000),
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
            ("ns", 1),
        ];
        let Some(mut rest) = self.nanos() else {
            return f.write_str("forever");
        };
        let mut space = "";
        for (unit, nanos) in UNITS {
            if rest >= nanos {
                write!(f, "{space}{}{unit}", rest / nanos)?;
                (rest, space) = (rest % nanos, " ");
            }
        }
        Ok(())
    }
}

/// A text that is not a retention.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a length of time such as '30d', '12h' or 'inf'")]
pub struct InvalidRetention {
    /// The text, shortened.
    pub text: String,
}

impl FromStr for Retention {
    type Err = InvalidRetention;

    /// Reads a length of time as users write it: `30d`, `12h 30m`; `inf`, `none` and `0` are for ever.
    fn from_str(text: &str) -> Result<Self, InvalidRetention> {
        let text = text.trim();
        let is_endless = ["inf", "infinite", "forever", "none", "0", "0s"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word));
        if is_endless {
            return Ok(Self::Forever);
        }
        let period = humantime::parse_duration(text).map_err(|_| InvalidRetention {
            text: text.chars().take(40).collect(),
        })?;
        let nanos = u64::try_from(period.as_nanos());
        Ok(Self::from_nanos(Some(nanos.unwrap_or(u64::MAX))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read() {
        let check = |text: &str, expected: Option<Option<u64>>| {
            let found = text.parse::<Retention>().ok().map(Retention::nanos);
            assert_eq!(found, expected, "{text}");
        };
        check("30d", Some(Some(30 * 86_400_000_000_000)));
        check(" 1h 30m ", Some(Some(5_400_000_000_000)));
        check("inf", Some(None));
        check("None", Some(None));
        check("0", Some(None));
        check("1000000000000y", None);
        check("a month", None);
        check("", None);
        check("-1d", None);
    }

    #[test]
    fn texts_are_read_back() {
        for text in [
            "forever",
            "30d",
            "1d 12h",
            "5m 1ms 2us 3ns",
            "213503d 23h 34m 33s 709ms 551us 615ns",
        ] {
            let retention: Retention = text.parse().unwrap();
            assert_eq!(retention.to_string(), text);
        }
    }

    #[test]
    fn the_earliest_time_never_wraps() {
        let check = |nanos, now, expected| {
            assert_eq!(Retention::from_nanos(nanos).earliest(now), expected);
        };
        check(None, 100, i64::MIN);
        check(Some(0), 100, i64::MIN);
        check(Some(30), 100, 70);
        check(Some(u64::MAX), 100, i64::MIN);
    }
}
