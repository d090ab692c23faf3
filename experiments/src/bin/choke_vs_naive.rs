//! The claim, tested: `lab run` on its own plan.

use std::process::ExitCode;

fn main() -> ExitCode {
    unchoke_experiments::cli::choke_vs_naive()
}
