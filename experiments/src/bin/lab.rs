//! The command `lab`: runs plans, single swarms, and everything around them.

use std::process::ExitCode;

fn main() -> ExitCode {
    unchoke_experiments::lab(&[])
}
