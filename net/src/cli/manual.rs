//! `unchoke completions` and `unchoke man`: shell completions and manual pages.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::Failure;

/// Print a script that completes this command, e.g. `unchoke completions bash >
/// ~/.local/share/bash-completion/completions/unchoke`.
#[derive(Clone, Debug, Args)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

/// Print the manual page, e.g. `unchoke man | man -l -`.
#[derive(Clone, Debug, Args)]
pub(super) struct Man {
    /// Write the pages of all subcommands into this folder instead, e.g. `~/.local/share/man/man1`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn completions(args: &Completions, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "unchoke", &mut script);
    put(&script)
}

pub(super) fn man(args: &Man, command: Command) -> Result<(), Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        let made = clap_mangen::Man::new(command).render(&mut page);
        made.map_err(|it| Failure::io(format!("cannot make the manual page: {it}")))?;
        return put(&page);
    };
    let made =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    made.map_err(|it| Failure::io(format!("cannot write to {}: {it}", folder.display())))
}

/// Prints to standard output. A reader that closes early, as `head` does, is not an error.
fn put(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(it) if it.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::io(format!(
            "cannot write to standard output: {it}"
        ))),
        _ => Ok(()),
    }
}
