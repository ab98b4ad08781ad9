//! Lengths of time: read as InfluxQL writes them (`1h30m`), written as Go does (`1h30m0s`).

use std::time::Duration;

/// Reads `1h30m`, `7d`, `500ms`. Units are ns, u, µ, ms, s, m, h, d and w.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut nanos = 0u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit());
        let (unit, after) = rest.split_at(letters.unwrap_or(rest.len()));
        let unit_nanos: u64 = match unit {
            "ns" => 1,
            "u" | "us" | "µ" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "w" => 604_800_000_000_000,
            _ => return None,
        };
        nanos = nanos.checked_add(count.checked_mul(unit_nanos)?)?;
        rest = after;
    }
    Some(Duration::from_nanos(nanos))
}

/// Writes `720h0m0s`; nothing is `0s`.
pub(super) fn shown(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let seconds = (nanos % 60_000_000_000) as f64 / 1e9;
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_in_influxql_and_written_as_in_go() {
        let check = |text: &str, expected: Option<&str>| {
            let found = parse(text).map(|parsed| shown(parsed.as_nanos() as u64));
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("30d", Some("720h0m0s"));
        check("1h30m", Some("1h30m0s"));
        check("2w", Some("336h0m0s"));
        check("90s", Some("1m30s"));
        check("1500ms", Some("1.5s"));
        check("5µ", Some("0.000005s"));
        check("0s", Some("0s"));
        check("1x", None);
        check("h", None);
        check("1", None);
        check("99999999999w", None);
    }
}
