//! The simulator against real processes, on one scenario.

use std::process::ExitCode;

fn main() -> ExitCode {
    unchoke_experiments::cli::sim_vs_net()
}
