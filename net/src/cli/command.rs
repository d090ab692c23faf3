//! The command line as a whole.

use clap::{Parser, Subcommand};

use super::config::{Choice, Config};
use super::manual::{Completions, Man};
use super::options::{Announce, Bench, Check, Create, Download, Seed, Show};
use super::run::Run;

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failure, for example no peer or no \
    tracker answered; 2 usage or bad input; 5 a file, a folder or the system failed; 130/143 \
    stopped by a signal, with everything saved.";

/// A BitTorrent client whose choking policy you choose.
#[derive(Debug, Parser)]
#[command(name = "unchoke", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(super) struct Options {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) choice: Choice,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Download a torrent; continue from existing data.
    Download(Download),
    /// Upload a torrent whose data is complete; ends if the data gets damaged.
    Seed(Seed),
    /// Download and seed all torrents of a folder, also across restarts.
    Run(Box<Run>),
    /// Download a torrent with the naive and with the optimized policy, and compare the bytes.
    Bench(Bench),
    /// Make a .torrent file of a file or folder.
    Create(Create),
    /// Show the content of a .torrent file.
    Show(Show),
    /// Compare data on disk with a torrent, piece by piece; `download` then repairs it.
    Check(Check),
    /// Ask the trackers of a torrent and print their answers.
    Announce(Announce),
    /// Show the options in effect, as a config file.
    Config(Config),
    /// Print a shell completion script for this command.
    Completions(Completions),
    /// Print the manual page, or write the pages of all subcommands.
    Man(Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }
}
