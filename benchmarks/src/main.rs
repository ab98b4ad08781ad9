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
//! | `interrupt`                   | what a signal must not leave behind                       |
//! | `ingest`, `peers`, `scenario` | commands: any server, all servers, one figure each        |
//! | `queries`                     | command: the queries of TSBS, beside other engines        |
//! | `script`                      | Python programs to compare with                           |
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
mod interrupt;
mod load;
mod machine;
mod measure;
mod metrics;
mod model;
mod peers;
mod queries;
mod record;
mod report;
mod scenario;
mod script;
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
    /// Ask the queries of TSBS, and the same of DuckDB, InfluxDB 1, VictoriaMetrics and DataFusion.
    Queries(Box<queries::QueriesOptions>),
    /// Full rate for minutes, with flushes and compaction running.
    Sustained(scenario::sustained::Options),
    /// Time to acknowledgement with eight writers at half of the greatest rate.
    Latency(scenario::latency::Options),
    /// The rate of rows out of order beside the same rows in order.
    Disorder(scenario::ratio::DisorderOptions),
    /// The rate with ten million series beside that with ten thousand.
    Cardinality(scenario::ratio::CardinalityOptions),
    /// What a field value takes in files, by kind of data.
    BytesPerValue(scenario::bytes_per_value::Options),
    /// Bytes written to files over bytes that are live after a day of rows.
    WriteAmplification(scenario::write_amplification::Options),
    /// Time to ready with many files, and with much log after a kill.
    Restart(scenario::restart::Options),
    /// Several times what the server can take: what it still does, and what it says to the rest.
    Overload(scenario::overload::Options),
    /// A thousand idle and two hundred slow connections, and what others notice of them.
    Connections(scenario::connections::Options),
    /// Rows scored by an isolation forest through SQL.
    Scoring(scenario::scoring::Options),
    /// What keeping a rollup costs, and what reading it saves.
    Rollup(scenario::rollup::Options),
    /// How late tasks begin, and what idle ones cost.
    Tasks(scenario::tasks::Options),
    /// Functions for machines through SQL beside NumPy, pandas, tsfresh, statsmodels and scikit-learn.
    Python(scenario::python::Options),
    /// Run a story of the guide and tell how long each step takes.
    Story(scenario::story::Options),
    /// Kill the server again and again and compare with what it acknowledged.
    CrashLoop(scenario::crash_loop::Options),
    /// Years of one-second data and a query over all of it.
    History(scenario::history::Options),
    /// Measure ingest and queries of the real server, and compare with DuckDB.
    FirstFigures(Box<figures::FiguresOptions>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = interrupt::watch().and_then(|()| run(cli.command));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmarks: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> error::Result<()> {
    match command {
        Command::Generate(options) => generate::generate(&options),
        Command::Ingest(options) => ingest::ingest(&options),
        Command::Peers(options) => peers::peers(&options),
        Command::Queries(options) => queries::queries(&options),
        Command::Sustained(options) => scenario::sustained::run(&options),
        Command::Latency(options) => scenario::latency::run(&options),
        Command::Disorder(options) => scenario::ratio::disorder(&options),
        Command::Cardinality(options) => scenario::ratio::cardinality(&options),
        Command::BytesPerValue(options) => scenario::bytes_per_value::run(&options),
        Command::WriteAmplification(options) => scenario::write_amplification::run(&options),
        Command::Restart(options) => scenario::restart::run(&options),
        Command::Overload(options) => scenario::overload::run(&options),
        Command::Connections(options) => scenario::connections::run(&options),
        Command::Scoring(options) => scenario::scoring::run(&options),
        Command::Rollup(options) => scenario::rollup::run(&options),
        Command::Tasks(options) => scenario::tasks::run(&options),
        Command::Python(options) => scenario::python::run(&options),
        Command::Story(options) => scenario::story::run(&options),
        Command::CrashLoop(options) => scenario::crash_loop::run(&options),
        Command::History(options) => scenario::history::run(&options),
        Command::FirstFigures(options) => figures::first_figures(&options),
    }
}
