//! Tests the claim: `lab run` with the plan `choke_vs_naive`.

use std::process::ExitCode;

fn main() -> ExitCode {
    unchoke_experiments::cli::choke_vs_naive()
}
