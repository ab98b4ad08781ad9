//! Writes `data/sample.lp` and `data/SHA256SUMS` anew: `cargo run -p simulator --example
//! write_sample`. A test holds the checked-in files equal to what this writes.

use std::error::Error;
use std::fs;
use std::path::Path;

mod sample;

fn main() -> Result<(), Box<dyn Error>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let lines = sample::line_protocol()?;
    fs::write(data.join("sample.lp"), &lines)?;
    fs::write(data.join("SHA256SUMS"), sample::checksums(&lines))?;
    eprintln!("wrote {} bytes to sample.lp, and SHA256SUMS", lines.len());
    Ok(())
}
