//! How fast the default fleet is rendered on one core: `cargo run --release -p simulator --example
//! throughput [motors]`. The buffer is discarded, so the figure is an upper bound for any loader
//! that uses the simulator.

use std::error::Error;
use std::time::Instant;

use simulator::{Fleet, FleetConfig};

const END_NS: i64 = 1_748_736_000_000_000_000;
const ROW_COUNT: i64 = 20_000_000;
const CHUNK_ROWS: usize = 5_000;

fn main() -> Result<(), Box<dyn Error>> {
    let motors = std::env::args()
        .nth(1)
        .map_or(Ok(24), |text| text.parse())?;
    let fleet = Fleet::new(FleetConfig::default().resized(motors), END_NS)?;
    let ticks = ROW_COUNT / i64::from(motors);
    let mut rows = fleet.rows(END_NS - ticks * fleet.interval_ns(), END_NS);
    let (mut row_count, mut size_bytes, mut chunk) = (0, 0, Vec::new());
    let begun = Instant::now();
    loop {
        chunk.clear();
        match rows.next_chunk(CHUNK_ROWS, &mut chunk) {
            0 => break,
            count => row_count += count,
        }
        size_bytes += chunk.len();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (rows_per_s, mb_per_s) = (
        row_count as f64 / seconds,
        size_bytes as f64 / seconds / 1e6,
    );
    eprintln!(
        "{motors} motors: {row_count} rows in {seconds:.2} s, {rows_per_s:.0} rows/s, {mb_per_s:.0} MB/s"
    );
    Ok(())
}
