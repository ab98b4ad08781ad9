//! What the simulator promises, checked on the rendered rows alone: the insides may be rewritten
//! without touching this.

#![expect(clippy::unwrap_used, reason = "a test states by it what must hold")]

mod configuration;
mod determinism;
mod faults;
mod healthy;
mod parsed;
#[path = "../../examples/write_sample/sample.rs"]
mod sample;
mod sample_file;
