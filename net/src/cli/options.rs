//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use unchoke_core::metainfo::Format;
use unchoke_core::pick;

use crate::connection::Encryption;

use super::choosing::Choosing;
use super::finding::Finding;
use super::leaving::Leaving;
use super::manner::Manner;
use super::parameters::{Change, parse_change};
use super::peer::parse_peer;
use super::printer::Reporting;
use super::seeding::Enough;
use super::url::{parse_tracker, parse_web_seed};
use super::web::Web;
use crate::text::{parse_bytes, parse_duration, parse_rate};

/// Peers, limits and sources of a transfer.
#[derive(Clone, Debug, Args)]
pub(super) struct Transfer {
    /// Connect to this peer, too; may be given several times
    #[arg(long = "peer", value_name = "HOST:PORT", value_parser = parse_peer)]
    pub(super) peers: Vec<String>,
    /// TCP port to listen on, on all addresses of IPv4 and IPv6; 0 lets the system choose
    #[arg(long, default_value_t = 0, value_name = "P")]
    pub(super) port: u16,
    /// Most connections, both ways together [default: 50, or those of the profile]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub(super) max_connections: Option<u16>,
    /// Encrypt connections: `off`; `allow`, for peers that want it; `prefer`, the handshake at
    /// least; `require`, always and the payload too
    #[arg(
        long,
        default_value = "allow",
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub(super) encryption: Encryption,
    /// Most payload to send, for example `500 KiB/s` or `10 Mbit/s`
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(super) upload_cap: Option<u64>,
    /// Most payload to receive
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(super) download_cap: Option<u64>,
    #[command(flatten)]
    pub(super) leaving: Leaving,
    /// Do not ask the trackers
    #[arg(long)]
    pub(super) no_tracker: bool,
    #[command(flatten)]
    pub(super) finding: Finding,
    /// Do not fetch from the web servers that the torrent names
    #[arg(long)]
    pub(super) no_web_seed: bool,
    /// Seed of the random choices of policy and picker, to repeat a run
    #[arg(long, value_name = "S")]
    pub(super) run_seed: Option<u64>,
    /// Number of this peer among those of one run: with the same seed each number makes choices of its
    /// own, those of the peer of that number in a simulation [default: 0]
    #[arg(long, value_name = "N", requires = "run_seed")]
    pub(super) run_peer: Option<u32>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Download {
    /// The .torrent file, its web address, or a magnet link in quotes. Several share the connections and
    /// the rates, and listen on ports that follow each other
    #[arg(value_name = "TORRENT", required = true, num_args = 1..=100)]
    pub(super) torrents: Vec<PathBuf>,
    /// Folder to save into
    #[arg(long, default_value = "downloads", value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Go on uploading when complete, until stopped
    #[arg(long)]
    pub(super) seed: bool,
    /// Hash everything that is there, whatever the resume data of an earlier run says
    #[arg(long)]
    pub(super) recheck: bool,
    /// Write over files that have a name of the torrent but are not of it
    #[arg(long)]
    pub(super) overwrite: bool,
    #[command(flatten)]
    pub(super) manner: Manner,
    #[arg(long, help = pickers(), value_name = "ID")]
    pub(super) picker: Option<String>,
    #[command(flatten)]
    pub(super) choosing: Choosing,
    /// Fetch pieces in their order, to use the beginning before the end is there; the same as
    /// `--picker sequential`
    #[arg(long, conflicts_with = "picker")]
    pub(super) sequential: bool,
    /// Stop after so many more pieces
    #[arg(long, value_name = "N", conflicts_with = "seed", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) pieces: Option<u32>,
    /// Give up after so long in all, for example `10 min`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) timeout: Option<Duration>,
    /// Give up after so long without a useful byte
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) idle_timeout: Option<Duration>,
    /// Say every 10 s what is known of why nothing comes: addresses by source and what became of them,
    /// what peers give, what trackers said, what is off
    #[arg(long)]
    pub(super) explain: bool,
    /// Record what the core is told and answers, for replay in a test
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
    /// Hash everything, whatever the resume data of an earlier download says
    #[arg(long)]
    pub(super) recheck: bool,
    #[command(flatten)]
    pub(super) manner: Manner,
    /// Stop after so long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) timeout: Option<Duration>,
    /// Record what the core is told and answers, for replay in a test
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
    /// Stop each run after so many pieces
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
    /// Give up a run after so long without a useful byte
    #[arg(long, default_value = "120 s", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) idle_timeout: Duration,
    #[command(flatten)]
    pub(super) transfer: Transfer,
    /// Print the result as JSON
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
    /// Tracker URL; may be given several times, each is a tier of its own
    #[arg(long = "tracker", value_name = "URL", value_parser = parse_tracker)]
    pub(super) trackers: Vec<String>,
    /// Web address of a server that has the data; may be given several times. Of a folder, the address
    /// of the folder in which it lies
    #[arg(long = "web-seed", value_name = "URL", value_parser = parse_web_seed)]
    pub(super) web_seeds: Vec<String>,
    /// Bytes of a piece, for example `256 KiB` [default: by size]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(super) piece_size: Option<u64>,
    /// Version 1, which every client knows [default]
    #[arg(long, group = "format")]
    pub(super) v1: bool,
    /// Version 2 only: a merkle tree for each file
    #[arg(long, group = "format")]
    pub(super) v2: bool,
    /// Versions 1 and 2 in one: each client takes what it knows
    #[arg(long, group = "format")]
    pub(super) hybrid: bool,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub(super) comment: Option<String>,
    /// Peers come from the trackers only
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
    /// Leave out the hashes of the pieces
    #[arg(long)]
    pub(super) brief: bool,
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
}

#[derive(Debug, Args)]
pub(super) struct Announce {
    /// The .torrent file
    #[arg(value_name = "FILE.torrent")]
    pub(super) torrent: PathBuf,
    /// The port that the trackers are told
    #[arg(long, default_value_t = 6881, value_name = "P", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: u16,
    /// Ask for the counts of seeds and leechers only, without becoming one
    #[arg(long)]
    pub(super) scrape: bool,
    #[command(flatten)]
    pub(super) leaving: Leaving,
}

impl Download {
    /// The order of pieces that the user wants, if the user says one.
    pub(super) fn picker(&self) -> Option<&str> {
        let sequential = self.sequential.then_some("sequential");
        sequential.or(self.picker.as_deref())
    }
}

fn pickers() -> String {
    format!("Order of pieces: {}", pick::PICKERS.join(", "))
}
