//! The general runner: `lab run PLAN`, `lab list`, `lab merge`, `lab replay`, `lab sim`.

use std::process::ExitCode;

fn main() -> ExitCode {
    unchoke_experiments::lab(&[])
}
