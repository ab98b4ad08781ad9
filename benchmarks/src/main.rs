//! Load generator and measurements against the real server.
//!
//! | module                        | job                                                       |
//! |-------------------------------|-----------------------------------------------------------|
//! | `data`                        | the rows                                                  |
//! | `generate`, `datafile`        | the rows as a file                                        |
//! | `bodies`, `source`            | request bodies, rendered before any clock runs            |
//! | `client`, `target`            | HTTP, and what each server wants to hear                  |
//! | `server`                      | the measured processes                                    |
//! | `load`, `measure`             | the requests, and what they cost the server               |
//! | `machine`, `record`           | what a figure was taken on, and the result                |
//! | `ingest`, `peers`, `scenario` | commands: any server, all servers, one figure each        |
//! | `figures`, `report`           | command: the first figures, with queries                  |
//! | `model`, `compare`            | what those queries must answer; the same in DuckDB        |

mod bodies;
mod client;
mod compare;
mod data;
mod datafile;
mod error;
mod figures;
mod generate;
mod ingest;
mod load;
mod machine;
mod measure;
mod model;
mod peers;
mod record;
mod report;
mod scenario;
mod server;
mod source;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Load generator and measurements against the real server.
///
/// Servers are started over folders that go away afterwards, on free loopback ports. Every result
/// is a JSON file and the same as Markdown, with the machine, the commit and the command in it.
#[derive(Debug, Parser)]
#[command(name = "benchmarks", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write rows as a file of line protocol.
    Generate(generate::GenerateOptions),
    /// Load a data file into a running server and measure both.
    Ingest(ingest::IngestOptions),
    /// Load the same files into this server, InfluxDB 1, VictoriaMetrics and QuestDB.
    Peers(Box<peers::PeersOptions>),
    /// Measure ingest and queries of the real server, and compare with DuckDB.
    FirstFigures(Box<figures::FiguresOptions>),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Generate(options) => generate::generate(&options),
        Command::Ingest(options) => ingest::ingest(&options),
        Command::Peers(options) => peers::peers(&options),
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
