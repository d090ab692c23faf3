//! Compares the simulator with real processes in one scenario.

use std::process::ExitCode;

fn main() -> ExitCode {
    unchoke_experiments::cli::sim_vs_net()
}
