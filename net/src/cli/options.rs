//! The options of the subcommands.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use unchoke_core::metainfo::Format;
use unchoke_core::pick;

use crate::connection::Encryption;

use super::choosing::Choosing;
use super::finding::Finding;
use super::keeping::{Kept, Suffix};
use super::leaving::Leaving;
use super::limits::Limiting;
use super::manner::Manner;
use super::parameters::{Change, parse_change};
use super::peer::parse_peer;
use super::printer::Reporting;
use super::seeding::Enough;
use super::url::{parse_tracker, parse_web_seed};
use super::web::Web;
use crate::text::{parse_bytes, parse_duration};

/// Options for peers, limits and sources of a transfer.
#[derive(Clone, Debug, Args)]
pub(super) struct Transfer {
    /// Also connect to this peer; may be given several times
    #[arg(long = "peer", value_name = "HOST:PORT", value_parser = parse_peer)]
    pub(super) peers: Vec<String>,
    /// TCP port to listen on, on all IPv4 and IPv6 addresses; 0 lets the system choose
    #[arg(long, default_value_t = 0, value_name = "P")]
    pub(super) port: u16,
    #[command(flatten)]
    pub(super) limits: Limiting,
    /// Encrypt connections: `off`; `allow`, if the peer requires it; `prefer`, at least the
    /// handshake; `require`, always and the payload too
    #[arg(
        long,
        default_value = "allow",
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub(super) encryption: Encryption,
    #[command(flatten)]
    pub(super) leaving: Leaving,
    /// Do not ask the trackers
    #[arg(long)]
    pub(super) no_tracker: bool,
    #[command(flatten)]
    pub(super) finding: Finding,
    /// Do not download from web seeds
    #[arg(long)]
    pub(super) no_web_seed: bool,
    /// Seed of the random choices of policy and picker, to repeat a run
    #[arg(long, value_name = "S")]
    pub(super) run_seed: Option<u64>,
    /// Number of this peer within a run: peers with the same seed and different numbers make
    /// different random choices, the same as the peer with that number in a simulation [default: 0]
    #[arg(long, value_name = "N", requires = "run_seed")]
    pub(super) run_peer: Option<u32>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Download {
    /// The .torrent file, its web address, or a magnet link in quotes. Several torrents share the
    /// connections, the rates and the port
    #[arg(value_name = "TORRENT", required = true, num_args = 1..=100)]
    pub(super) torrents: Vec<PathBuf>,
    /// Folder to save into
    #[arg(long, default_value = "downloads", value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Continue to upload after completion, until stopped
    #[arg(long)]
    pub(super) seed: bool,
    /// Hash all existing data, even if resume data of an earlier run exists
    #[arg(long)]
    pub(super) recheck: bool,
    /// Overwrite existing files that do not belong to the torrent
    #[arg(long)]
    pub(super) overwrite: bool,
    #[command(flatten)]
    pub(super) kept: Kept,
    #[command(flatten)]
    pub(super) manner: Manner,
    #[arg(long, help = pickers(), value_name = "ID")]
    pub(super) picker: Option<String>,
    #[command(flatten)]
    pub(super) choosing: Choosing,
    /// Download pieces in order, so that the beginning can be used early; the same as
    /// `--picker sequential`
    #[arg(long, conflicts_with = "picker")]
    pub(super) sequential: bool,
    /// Stop after this many further pieces
    #[arg(long, value_name = "N", conflicts_with = "seed", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) pieces: Option<u32>,
    /// Give up after this time in total, for example `10 min`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) timeout: Option<Duration>,
    /// Give up after this time without a useful byte
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) idle_timeout: Option<Duration>,
    /// Print every 10 s why no data arrives: addresses by source and their outcome, the state of
    /// the peers, the answers of trackers, and the features that are off
    #[arg(long)]
    pub(super) explain: bool,
    /// Record the inputs and outputs of the core, for a test or to watch it with `lab trace FILE --html
    /// FILE`
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    #[command(flatten)]
    pub(super) enough: Enough,
    #[command(flatten)]
    pub(super) transfer: Transfer,
    #[command(flatten)]
    pub(super) reporting: Reporting,
    #[command(flatten)]
    pub(super) web: Web,
}

#[derive(Debug, Args)]
pub(super) struct Seed {
    /// The .torrent file
    #[arg(value_name = "FILE.torrent")]
    pub(super) torrent: PathBuf,
    /// Folder that holds the torrent's file or folder
    #[arg(long, value_name = "PARENT_FOLDER")]
    pub(super) data: PathBuf,
    #[command(flatten)]
    pub(super) choosing: Choosing,
    /// Hash all data, even if resume data of an earlier download exists
    #[arg(long)]
    pub(super) recheck: bool,
    #[command(flatten)]
    pub(super) manner: Manner,
    /// Stop after this time
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) timeout: Option<Duration>,
    /// Record the inputs and outputs of the core, for a test or to watch it with `lab trace FILE --html
    /// FILE`
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    #[command(flatten)]
    pub(super) enough: Enough,
    #[command(flatten)]
    pub(super) transfer: Transfer,
    #[command(flatten)]
    pub(super) reporting: Reporting,
    #[command(flatten)]
    pub(super) web: Web,
}

#[derive(Debug, Args)]
pub(super) struct Bench {
    /// The .torrent file
    #[arg(value_name = "FILE.torrent")]
    pub(super) torrent: PathBuf,
    /// Stop each run after this many pieces
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) pieces: Option<u32>,
    /// Pairs of runs; the policy that goes first alternates
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) rounds: u32,
    /// The naive policy
    #[arg(long, default_value = "unchoke_all", value_name = "ID")]
    pub(super) naive: String,
    /// The optimized policy
    #[arg(long, default_value = "tit_for_tat", value_name = "ID")]
    pub(super) optimized: String,
    /// Set a parameter of either policy, as in `optimized.parameters.slots=8`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_change)]
    pub(super) sets: Vec<Change>,
    /// Folder for the data of the runs, which is deleted afterwards [default: the system's]
    #[arg(long, value_name = "DIR")]
    pub(super) scratch: Option<PathBuf>,
    /// Give up a run after this time without a useful byte
    #[arg(long, default_value = "120 s", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) idle_timeout: Duration,
    #[command(flatten)]
    pub(super) transfer: Transfer,
    /// Print the result as JSON, with each round; `lab live` computes the paired interval
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The file or folder to share
    pub(super) path: PathBuf,
    /// The .torrent file to write; it must not exist
    #[arg(long, value_name = "FILE.torrent")]
    pub(super) out: PathBuf,
    /// Tracker URL; may be given several times, each URL is a tier of its own
    #[arg(long = "tracker", value_name = "URL", value_parser = parse_tracker)]
    pub(super) trackers: Vec<String>,
    /// URL of a web server that has the data; may be given several times. If a folder is shared,
    /// give the URL of its parent folder
    #[arg(long = "web-seed", value_name = "URL", value_parser = parse_web_seed)]
    pub(super) web_seeds: Vec<String>,
    /// Piece length in bytes, for example `256 KiB` [default: by size]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(super) piece_size: Option<u64>,
    /// Version 1, which every client supports [default]
    #[arg(long, group = "format")]
    pub(super) v1: bool,
    /// Version 2 only: a merkle tree for each file
    #[arg(long, group = "format")]
    pub(super) v2: bool,
    /// Versions 1 and 2 in one torrent: each client uses the version that it supports
    #[arg(long, group = "format")]
    pub(super) hybrid: bool,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub(super) comment: Option<String>,
    /// Private torrent: peers come from the trackers only
    #[arg(long)]
    pub(super) private: bool,
}

impl Create {
    pub(super) fn format(&self) -> Format {
        if self.hybrid {
            Format::Hybrid
        } else if self.v2 {
            Format::Version2
        } else {
            Format::Version1
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The .torrent file
    #[arg(value_name = "FILE.torrent")]
    pub(super) torrent: PathBuf,
    /// Print the hash of each piece as well
    #[arg(long)]
    pub(super) hashes: bool,
    /// Print as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The .torrent file
    #[arg(value_name = "FILE.torrent")]
    pub(super) torrent: PathBuf,
    /// Folder that holds the torrent's file or folder
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    #[command(flatten)]
    pub(super) choosing: Choosing,
    #[command(flatten)]
    pub(super) suffix: Suffix,
}

#[derive(Debug, Args)]
pub(super) struct Announce {
    /// The .torrent file
    #[arg(value_name = "FILE.torrent")]
    pub(super) torrent: PathBuf,
    /// The port to announce to the trackers
    #[arg(long, default_value_t = 6881, value_name = "P", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: u16,
    /// Only ask for the counts of seeds and leechers, without joining the swarm
    #[arg(long)]
    pub(super) scrape: bool,
    #[command(flatten)]
    pub(super) leaving: Leaving,
}

impl Download {
    /// The picker that the user chose, if any.
    pub(super) fn picker(&self) -> Option<&str> {
        let sequential = self.sequential.then_some("sequential");
        sequential.or(self.picker.as_deref())
    }
}

fn pickers() -> String {
    format!("Order of pieces: {}", pick::PICKERS.join(", "))
}
