//! What the measured server says of itself at `/metrics` (Prometheus text format).
//!
//! Names may change with the server; a scenario says which it wants, most telling first, and the
//! result names the one that was found.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::target::Target;

/// Values by name, the series of a name summed up.
#[derive(Debug, Default)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub(crate) fn fetch(target: &Target) -> Result<Self> {
        let body = target.client().get("/metrics")?.success()?;
        Ok(Self::parse(&String::from_utf8_lossy(&body)))
    }

    fn parse(text: &str) -> Self {
        let mut values = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let name = series.split('{').next().unwrap_or(series);
            if let Ok(value) = value.parse::<f64>() {
                *values.entry(name.to_owned()).or_insert(0.0) += value;
            }
        }
        Self(values)
    }

    /// The first of `names` that is there.
    pub(crate) fn first(&self, names: &[&str]) -> Result<f64> {
        let found = names.iter().find_map(|&name| self.0.get(name));
        found.copied().ok_or_else(|| Error::WrongAnswer {
            query: "/metrics".to_owned(),
            detail: format!("has none of {}", names.join(", ")),
        })
    }

    /// The names that `counts` lets through, with their values.
    pub(crate) fn matching(&self, counts: impl Fn(&str) -> bool) -> Vec<(String, f64)> {
        let found = self.0.iter().filter(|(name, _)| counts(name));
        found.map(|(name, &value)| (name.clone(), value)).collect()
    }
}

/// Memory of rows that are in no file yet.
pub(crate) const BUFFER_BYTES: [&str; 2] =
    ["tidemill_storage_buffer_bytes", "tidemill_buffer_bytes"];

/// Bytes of the write-ahead log.
pub(crate) const WAL_BYTES: [&str; 2] = ["tidemill_storage_wal_bytes", "tidemill_wal_bytes"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_a_name_are_summed() {
        let metrics = Metrics::parse(
            "# HELP a_total x\n# TYPE a_total counter\na_total{api=\"v 1\"} 1\na_total{api=\"v2\"} 2.5\nb 7\n# EOF\n",
        );
        assert_eq!(metrics.first(&["c", "a_total", "b"]).unwrap(), 3.5);
        assert_eq!(
            metrics.matching(|name| name == "b"),
            [("b".to_owned(), 7.0)]
        );
        assert!(metrics.first(&["c"]).is_err());
    }
}
