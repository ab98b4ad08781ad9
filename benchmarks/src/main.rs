//! Load generator and measurements against the real server.
//!
//! | module                       | job                                                        |
//! |------------------------------|------------------------------------------------------------|
//! | `cpu`, `generate`            | the rows, and the rows as a file                           |
//! | `bodies`                     | request bodies, rendered before any clock runs             |
//! | `model`                      | the queries and the answers they must give                 |
//! | `server`, `client`, `load`   | the measured process and the requests to it                |
//! | `machine`, `report`          | what a figure was taken on, and the result                 |
//! | `compare`                    | the same queries in DuckDB                                 |
//! | `figures`                    | one run, from rendering to report                          |

mod bodies;
mod client;
mod compare;
mod cpu;
mod error;
mod figures;
mod generate;
mod load;
mod machine;
mod model;
mod report;
mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Load generator and measurements against the real server.
#[derive(Debug, Parser)]
#[command(name = "benchmarks", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the rows of the TSBS `cpu-only` case to a file.
    Generate(generate::GenerateOptions),
    /// Measure ingest and queries of the real server, and compare with DuckDB.
    FirstFigures(Box<figures::FiguresOptions>),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Generate(options) => generate::generate(&options),
        Command::FirstFigures(options) => figures::first_figures(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmarks: {error}");
            ExitCode::FAILURE
        }
    }
}
