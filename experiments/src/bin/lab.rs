//! `lab`: one swarm at a time, or a whole plan.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use unchoke_experiments::cli::sim;

/// Simulates BitTorrent swarms and compares choking policies.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one swarm and print what came of it
    Sim(sim::Options),
}

/// The input or the command line is at fault.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let outcome = match &Arguments::parse().command {
        Command::Sim(options) => sim::run(options),
    };
    match outcome {
        Ok(text) => print(&text),
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

/// Prints to standard output. Who closes it early, as `head` does, has seen enough.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: cannot write to standard output: {error}");
            ExitCode::FAILURE
        }
    }
}
