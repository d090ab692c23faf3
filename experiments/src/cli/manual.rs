//! `lab completions` and `lab man`: files for shells and for `man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Exit, Failure, Lab, print};

/// `lab completions`: prints a script for a shell, e.g. `lab completions bash >
/// ~/.local/share/bash-completion/completions/lab`.
#[derive(Args, Clone, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// `lab man`: prints the manual page, e.g. `lab man | man -l -`.
#[derive(Args, Clone, Debug)]
pub(super) struct ManArgs {
    /// Write the pages of all subcommands into this folder instead, e.g. `~/.local/share/man/man1`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Lab::command(), "lab", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

pub(super) fn man(args: &ManArgs) -> Result<Exit, Failure> {
    let io = |place: &str, it: &std::io::Error| Failure {
        exit: Exit::Io,
        message: format!("{place}: {it}"),
    };
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        let made = clap_mangen::Man::new(Lab::command()).render(&mut page);
        made.map_err(|it| io("the manual page", &it))?;
        print(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Done);
    };
    let made = std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Lab::command(), folder));
    made.map_err(|it| io(&folder.display().to_string(), &it))?;
    Ok(Exit::Done)
}
