//! One torrent on the network: the task that owns [`unchoke_core::torrent::Torrent`].
//!
//! [`Session::open`] prepares files and sockets, [`Session::run`] drives the client core until its goal
//! is reached. The parts: `drive` inputs and outputs; `peers` sockets; `found` and [`check`] what is on
//! disk already; `damage` what is not good any more; `announce` trackers; `web_seeds`; `status`
//! what a user sees; [`board`] and `showing` what those see who look.

mod announce;
pub mod board;
mod check;
mod damage;
mod dictionary;
mod drive;
mod end;
mod explain;
mod finders;
mod found;
mod gateway;
mod limits;
mod names;
mod open;
mod peers;
mod showing;
mod status;
mod unmet;
mod web_seeds;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use unchoke_core::text::counted;

use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant as Clock;
use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::Parameters;
use unchoke_core::client::{self, Client, Internet};
use unchoke_core::ledger::Ledger;
use unchoke_core::message::ExtendedHandshake;
use unchoke_core::metainfo::Metainfo;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Torrent;
use unchoke_core::wire::{METADATA_ID, METADATA_NAME, PEX_ID, PEX_NAME};

use crate::choice::Choice;
use crate::connection::{Encryption, Event, Link};
use crate::dht::Dht;
use crate::disk::{Disk, Report, Workers};
use crate::lsd::Lsd;
use crate::record::{OriginError, Recorder};
use crate::resume::Resume;
use crate::route::Route;
use crate::shares::Share;
use crate::storage::{Storage, StorageError};
use crate::tuning::Tuning;
use crate::utp::UtpMode;

pub(crate) use announce::summary;
pub use check::{Check, check, file_entries};
pub use explain::{Explained, LastWord};
pub use limits::{Earlier, Seeding};
pub use status::{Notice, Status};

/// What the client core takes and gives on the network.
type ClientInput = client::Input<Internet>;
type ClientOutput = client::Output<Internet>;

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Fetch everything that is wanted, then end.
    Complete,
    /// Fetch so many more pieces, then end.
    Pieces(u32),
    /// Fetch what is missing, then upload until stopped.
    CompleteAndSeed,
    /// Upload what is there, which must be all that is wanted; write nothing.
    Seed,
}

/// What to do and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The torrent.
    pub metainfo: Arc<Metainfo>,
    /// Folder that holds the torrent's file or folder.
    pub folder: PathBuf,
    /// Which files, and which before others.
    pub choice: Choice,
    /// When to end.
    pub goal: Goal,
    /// Id of the choking policy.
    pub policy: String,
    /// What is set of its parameters; the others have their defaults.
    pub parameters: Parameters,
    /// Id of the piece picker.
    pub picker: String,
    /// What else client profiles say.
    pub tuning: Tuning,
    /// TCP port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Peers to connect to, beside those that trackers name.
    pub peers: Vec<SocketAddr>,
    /// Ask the trackers of the torrent.
    pub trackers: bool,
    /// Use the web seeds of the torrent.
    pub web_seeds: bool,
    /// Connections at most, both ways together.
    pub max_connections: u16,
    /// Whether connections are encrypted.
    pub encryption: Encryption,
    /// How connections leave this machine.
    pub route: Route,
    /// The distributed hash table, if it is to be used. Never for a private torrent.
    pub dht: Option<Dht>,
    /// Announces in the local network, if they are wanted. Never for a private torrent.
    pub lsd: Option<Lsd>,
    /// Whether connections go over uTP.
    pub utp: UtpMode,
    /// Ask the gateway for a port that leads to us.
    pub portmap: bool,
    /// Payload upload in bytes/s.
    pub upload_cap: Option<u64>,
    /// Payload download in bytes/s.
    pub download_cap: Option<u64>,
    /// The part of caps that other torrents share; the two above are then what it may use at first.
    pub share: Option<Arc<Share>>,
    /// When to end seeding.
    pub seeding: Seeding,
    /// Give up after so long in all.
    pub timeout: Option<Duration>,
    /// Give up after so long without a useful byte.
    pub idle_timeout: Option<Duration>,
    /// Hash every piece that is there, whatever resume data says.
    pub recheck: bool,
    /// Write over files that are not of this torrent.
    pub overwrite: bool,
    /// Say every few seconds what is known of why nothing comes.
    pub explain: bool,
    /// Show how it goes, and take orders, here.
    pub board: Option<board::Board>,
    /// Record the session here.
    pub record: Option<PathBuf>,
    /// Seed of the random streams.
    pub run_seed: u64,
    /// Which of the peers that share the seed this is: each has streams of its own.
    pub run_peer: u32,
}

impl Settings {
    /// The defaults: fetch everything into `folder` by the optimized policy.
    #[must_use]
    pub fn new(metainfo: Arc<Metainfo>, folder: PathBuf) -> Self {
        Self {
            metainfo,
            folder,
            choice: Choice::default(),
            goal: Goal::Complete,
            policy: "tit_for_tat".into(),
            parameters: Parameters::new(),
            picker: "rarest_first".into(),
            tuning: Tuning::default(),
            port: 0,
            peers: Vec::new(),
            trackers: true,
            web_seeds: true,
            max_connections: 50,
            encryption: Encryption::default(),
            route: Route::default(),
            dht: None,
            lsd: None,
            utp: UtpMode::default(),
            portmap: false,
            upload_cap: None,
            download_cap: None,
            share: None,
            seeding: Seeding::default(),
            timeout: None,
            idle_timeout: None,
            recheck: false,
            overwrite: false,
            explain: false,
            board: None,
            record: None,
            run_seed: crate::chance::random_u64(),
            run_peer: 0,
        }
    }
}

/// What we say in the extension handshake. BEP 10. Peers of a private torrent come from its tracker
/// alone. BEP 27.
fn hello(port: u16, metainfo: &Metainfo, exchange: bool) -> ExtendedHandshake {
    let ours = [(PEX_NAME, PEX_ID), (METADATA_NAME, METADATA_ID)];
    let offered = |name: &str| !metainfo.private && (exchange || name != PEX_NAME);
    let ours = ours.into_iter().filter(|it| offered(it.0));
    let metadata_bytes = u32::try_from(metainfo.info.len()).ok();
    ExtendedHandshake {
        extensions: ours.map(|(name, id)| (name.to_owned(), id)).collect(),
        metadata_bytes: metadata_bytes.filter(|_| !metainfo.private),
        listen_port: (port > 0).then_some(port),
        client: Some(concat!("Unchoke ", env!("CARGO_PKG_VERSION")).into()),
        request_queue: Some(2000),
        // Where it is true: the torrent knows whether it lacks or hides something.
        upload_only: Some(true),
    }
}

/// Why a session could not start, or broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// An unknown policy or picker.
    #[error("{0}")]
    Origin(#[from] OriginError),
    /// The port is taken or forbidden.
    #[error("cannot listen on port {port}: {source}; choose another with --port")]
    Listen {
        /// As asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file failed. What was verified is kept.
    #[error(
        "{0}; mend that or choose another folder, then run the same command again: what was verified is kept"
    )]
    Storage(#[from] StorageError),
    /// A file of somebody else has a name of the torrent.
    #[error("{0}; move it away, choose another folder, or have it written over with --overwrite")]
    InTheWay(String),
    /// Something else of the system failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A seed must have everything.
    #[error(
        "{missing} of {} missing or wrong in {}, which must be the folder that holds the torrent's file \
         or folder; fetch them with `unchoke download --seed`",
        counted((*pieces).into(), "piece").are(),
        folder.display()
    )]
    Incomplete {
        /// Pieces that are missing or wrong.
        missing: u32,
        /// Pieces of the torrent.
        pieces: u32,
        /// Where they were looked for.
        folder: PathBuf,
    },
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The goal was reached.
    Done,
    /// It was told to stop.
    Stopped,
    /// It gave up; the sentence says why.
    GaveUp(String),
    /// Data that was to be uploaded is not good any more; the sentence says which.
    Damaged(String),
}

/// What came of a session.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The verified pieces.
    pub have: Bitfield,
    /// Of the pieces that were wanted: those that are there, and all.
    pub wanted: (u32, u32),
    /// All of them are there.
    pub done: bool,
    /// Pieces verified in this session.
    pub fetched_pieces: u32,
    /// Where the bytes went.
    pub ledger: Ledger,
    /// From the start of the run to its end.
    pub elapsed: Duration,
    /// What could not be saved, if anything.
    pub warnings: Vec<String>,
}

/// A session that is ready to run.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    port: u16,
    /// Large, and moved with the session.
    client: Box<Client<Internet>>,
    epoch: Clock,
    recorder: Option<Recorder>,
    storage: Arc<Storage>,
    resume: Option<Resume>,
    saving: end::Saving,
    disk: Disk,
    workers: Option<Workers>,
    reports: UnboundedReceiver<Report>,
    events: Receiver<(Link, Event)>,
    arrivals: Receiver<peers::Arrival>,
    peers: peers::Peers,
    trackers: announce::Trackers,
    finders: finders::Finders,
    gateway: gateway::Gateway,
    progress: status::Progress,
    notices: UnboundedSender<Notice>,
    /// Payload of the `Piece` message just handed in, until the torrent says what to do with it.
    pending: Option<crate::buffers::Buffer>,
    failure: Option<StorageError>,
    damage: damage::Damage,
    dictionary: dictionary::Dictionary,
    /// Hashes of version 2, for peers that came by a magnet link.
    hashes: Option<Box<unchoke_core::hashes::Serve>>,
    web_seeds: web_seeds::WebSeeds,
    told: explain::Told,
    showing: showing::Showing,
    reached: limits::Reached,
}

impl Session {
    /// The port on which the session listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The verified pieces so far.
    #[must_use]
    pub fn have(&self) -> &Bitfield {
        self.torrent().have()
    }

    fn torrent(&self) -> &Torrent {
        self.client.torrent()
    }

    fn now(&self) -> Instant {
        Instant::START.after(self.epoch.elapsed())
    }

    fn notify(&self, notice: Notice) {
        // A user who went away needs no notices.
        drop(self.notices.send(notice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_of_a_private_torrent_are_not_exchanged() {
        let torrent = |private| {
            let builder = unchoke_core::metainfo::Builder {
                name: "a".into(),
                length: 1,
                piece_bytes: 1,
                private,
                ..Default::default()
            };
            let bytes = builder.encode(&[[0; 20]]).expect("a torrent");
            Metainfo::parse(&bytes).expect("our own")
        };
        let shared = torrent(false);
        let said = hello(1, &shared, true);
        assert_eq!(said.extensions.get("ut_pex"), Some(&1));
        assert_eq!(said.extensions.get("ut_metadata"), Some(&2));
        let bytes = said.metadata_bytes.map(|it| it as usize);
        assert_eq!(bytes, Some(shared.info.len()));
        let private = hello(1, &torrent(true), true);
        assert!(private.extensions.is_empty() && private.metadata_bytes.is_none());
        let alone = hello(1, &shared, false);
        assert_eq!(alone.extensions.keys().collect::<Vec<_>>(), ["ut_metadata"]);
    }
}
