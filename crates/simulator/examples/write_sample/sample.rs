//! The sample data set: three motors for ten minutes, one of which starts to shake. Shared by the
//! example that writes it and the test that checks it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use simulator::{Fleet, FleetConfig, Result};

/// 2025-06-01T00:00:00Z.
const START_NS: i64 = 1_748_736_000_000_000_000;
const END_NS: i64 = START_NS + 600_000_000_000;

/// Every two seconds, which keeps the file under 250 KB.
const FLEET: &str = r#"
    seed = 2025
    motors = 3
    interval = "2s"
    shift_every = 0
    repair = "0s"

    [[fault]]
    asset = "motor-02"
    kind = "SPIKE"
    signal = "vibration_g"
    severity = "SEVERE"
    amount = 6.0
    starts_before_end = "3m"
    lasts = "3m"
"#;

/// The contents of `data/sample.lp`.
pub(crate) fn line_protocol() -> Result<Vec<u8>> {
    let fleet = Fleet::new(FleetConfig::parse(FLEET)?, END_NS)?;
    let mut lines = Vec::new();
    fleet
        .rows(START_NS, END_NS)
        .next_chunk(usize::MAX, &mut lines);
    Ok(lines)
}

/// The contents of `data/SHA256SUMS`, as `sha256sum --check` reads it.
pub(crate) fn checksums(sample: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(sample) {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text + "  sample.lp\n"
}
