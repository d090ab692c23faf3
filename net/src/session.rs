//! One torrent on the network: the task that owns [`unchoke_core::torrent::Torrent`].
//!
//! [`Session::open`] prepares files and sockets; [`Session::run`] drives the client core until its
//! goal is reached. The modules: `drive` feeds inputs and carries out outputs; `peers` holds
//! sockets; `found` and [`check`] examine existing data; `damage` handles pieces that are no longer
//! good; `announce` asks trackers; `web_seeds` runs web seeds; `status` makes the figures for the
//! user; [`board`] and `showing` pass them to the web page.

mod announce;
pub mod board;
mod check;
mod damage;
mod dictionary;
mod drive;
mod end;
mod explain;
mod finders;
mod finished;
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
use crate::dht::{self, Dht};
use crate::disk::{Disk, Gathering, Report, Workers};
use crate::entrance::Entrance;
use crate::lsd::Lsd;
use crate::record::{OriginError, Recorder};
use crate::resume::Resume;
use crate::route::Route;
use crate::shares::Share;
use crate::storage::{Keeping, Storage, StorageError};
use crate::tuning::Tuning;
use crate::utp::UtpMode;

pub(crate) use announce::{only_web_torrent, summary};
pub use check::{Check, check, file_entries};
pub use explain::{Explained, LastWord};
pub use limits::{Earlier, Seeding, give_slots, has_slots};
pub use status::{Notice, Status};

/// The inputs of the client core, with Internet addresses.
type ClientInput = client::Input<Internet>;
type ClientOutput = client::Output<Internet>;

/// The goal of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Download all wanted pieces, then end.
    Complete,
    /// Download this many further pieces, then end.
    Pieces(u32),
    /// Download the missing pieces, then upload until stopped.
    CompleteAndSeed,
    /// Upload. All wanted pieces must exist; nothing is written.
    Seed,
}

/// The settings of a session.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The torrent.
    pub metainfo: Arc<Metainfo>,
    /// Folder that holds the torrent's file or folder.
    pub folder: PathBuf,
    /// Which files are wanted, and with which priority.
    pub choice: Choice,
    /// The goal of the session.
    pub goal: Goal,
    /// The id of the choking policy.
    pub policy: String,
    /// The policy parameters that are set; the others have their defaults.
    pub parameters: Parameters,
    /// The id of the piece picker.
    pub picker: String,
    /// Other settings of the client profile.
    pub tuning: Tuning,
    /// TCP port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The port that several torrents share. `port` is unused then.
    pub entrance: Option<Entrance>,
    /// Peers to connect to, in addition to those from trackers.
    pub peers: Vec<SocketAddr>,
    /// Peers that are known from a search for the torrent, and who named them.
    pub found: Vec<(client::source::Source, SocketAddr)>,
    /// Whether to ask the trackers of the torrent.
    pub trackers: bool,
    /// Whether to use the web seeds of the torrent.
    pub web_seeds: bool,
    /// Most connections, in both directions together.
    pub max_connections: u16,
    /// The setting for encryption.
    pub encryption: Encryption,
    /// The route of connections.
    pub route: Route,
    /// The distributed hash table, if it is used. Never for a private torrent.
    pub dht: Option<Dht>,
    /// The ports of the distributed hash table, for uTP; `None` means those of `dht`. Also for a private
    /// torrent, because the table may run for other torrents and have our port.
    pub dht_ports: Option<dht::Ports>,
    /// The local service discovery, if it is used. Never for a private torrent.
    pub lsd: Option<Lsd>,
    /// The setting for uTP.
    pub utp: UtpMode,
    /// Whether to ask the gateway for a port mapping.
    pub portmap: bool,
    /// Cap of the payload upload, in bytes/s.
    pub upload_cap: Option<u64>,
    /// Cap of the payload download, in bytes/s.
    pub download_cap: Option<u64>,
    /// The share of limits that several torrents divide. The caps above and `max_connections` are
    /// then its initial values.
    pub share: Option<Arc<Share>>,
    /// When to end seeding.
    pub seeding: Seeding,
    /// Give up after this time in total, with the time for opening the session; a seed only stops
    /// this long after that.
    pub timeout: Option<Duration>,
    /// Time that was spent before, in a search for the torrent. It counts for `timeout`.
    pub spent: Duration,
    /// Give up after this time without a useful byte.
    pub idle_timeout: Option<Duration>,
    /// Hash every existing piece, even if there is resume data.
    pub recheck: bool,
    /// Overwrite files that do not belong to this torrent.
    pub overwrite: bool,
    /// Names and space of incomplete files.
    pub keeping: Keeping,
    /// Report regularly why no data arrives.
    pub explain: bool,
    /// The board on which to show figures and from which to take orders.
    pub board: Option<board::Board>,
    /// The file for the recording.
    pub record: Option<PathBuf>,
    /// The seed of the random streams.
    pub run_seed: u64,
    /// The number of this client among those that share the seed. Each has its own random streams.
    pub run_peer: u32,
}

impl Settings {
    /// The defaults: download everything into `folder` with the optimized policy.
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
            entrance: None,
            peers: Vec::new(),
            found: Vec::new(),
            trackers: true,
            web_seeds: true,
            max_connections: 50,
            encryption: Encryption::default(),
            route: Route::default(),
            dht: None,
            dht_ports: None,
            lsd: None,
            utp: UtpMode::default(),
            portmap: false,
            upload_cap: None,
            download_cap: None,
            share: None,
            seeding: Seeding::default(),
            timeout: None,
            spent: Duration::ZERO,
            idle_timeout: None,
            recheck: false,
            overwrite: false,
            keeping: Keeping::default(),
            explain: false,
            board: None,
            record: None,
            run_seed: crate::chance::random_u64(),
            run_peer: 0,
        }
    }
}

/// Our extension handshake. BEP 10. A private torrent gets peers from its tracker only. BEP 27.
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
        // The torrent sends this only when it is true: nothing is missing, and no piece is hidden.
        upload_only: Some(true),
    }
}

/// Why a session could not start, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// An unknown policy, policy parameter or picker.
    #[error("{0}")]
    Origin(#[from] OriginError),
    /// The port is in use or forbidden.
    #[error(
        "cannot listen on port {port}: {source}; {}",
        crate::listen::remedy(source)
    )]
    Listen {
        /// The requested port.
        port: u16,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file operation failed. Verified pieces are kept.
    #[error(
        "{0}; fix this or choose another folder, then run the same command again: verified pieces are kept"
    )]
    Storage(#[from] StorageError),
    /// An existing file with a name of the torrent does not belong to it.
    #[error("{0}; move it away, choose another folder, or overwrite it with --overwrite")]
    InTheWay(String),
    /// Another download has locked the files.
    #[error(
        "another download of this torrent into {} is running; choose another folder, or run this again when it has ended",
        .0.display()
    )]
    InUse(PathBuf),
    /// Another operation of the system failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// The operation.
        action: &'static str,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A seed lacks pieces.
    #[error(
        "{missing} of {} missing or wrong in {}, which must be the folder that holds the torrent's file \
         or folder; fetch them with `unchoke download --seed`",
        counted((*pieces).into(), "piece").are(),
        folder.display()
    )]
    Incomplete {
        /// Number of missing or wrong pieces.
        missing: u32,
        /// Number of pieces of the torrent.
        pieces: u32,
        /// The folder with the data.
        folder: PathBuf,
    },
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The goal was reached.
    Done,
    /// It was stopped.
    Stopped,
    /// It gave up; the sentence gives the reason.
    GaveUp(String),
    /// A seed's data is no longer good; the sentence says which.
    Damaged(String),
}

/// The result of a session.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The verified pieces.
    pub have: Bitfield,
    /// Number of wanted pieces that are complete, and of all wanted pieces.
    pub wanted: (u32, u32),
    /// Whether all wanted pieces are complete.
    pub done: bool,
    /// Pieces verified in this session.
    pub fetched_pieces: u32,
    /// Where the bytes went.
    pub ledger: Ledger,
    /// Duration of the run.
    pub elapsed: Duration,
    /// What could not be saved, if anything.
    pub warnings: Vec<String>,
}

/// A session that is ready to run.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    port: u16,
    /// Boxed, because it is large and moved with the session.
    client: Box<Client<Internet>>,
    /// When it began to open.
    began: Clock,
    epoch: Clock,
    recorder: Option<Recorder>,
    storage: Arc<Storage>,
    resume: Option<Resume>,
    saving: end::Saving,
    disk: Disk,
    gathering: Gathering,
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
    /// Payload of the `Piece` message just fed to the torrent, until the torrent accepts or rejects
    /// it.
    pending: Option<crate::buffers::Buffer>,
    failure: Option<StorageError>,
    damage: damage::Damage,
    finished: finished::Finished,
    dictionary: dictionary::Dictionary,
    /// Hashes of version 2, for peers that use a magnet link.
    hashes: Option<Box<dictionary::HashServer>>,
    web_seeds: web_seeds::WebSeeds,
    told: explain::Told,
    showing: showing::Showing,
    reached: limits::Reached,
    in_force: limits::InForce,
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
        // Sending fails if the user of the notices is gone.
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
