//! Choking: who gets our upload. One policy a file; the policy is the product.
//!
//! A policy sees a snapshot and its own random stream, decides, and changes nothing but its own
//! memory. [`crate::torrent::Torrent`] compares the decision with the present state and sends
//! `choke` and `unchoke` only on change.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::geometry::BLOCK_BYTES;
use crate::ids::{PeerKey, PieceIndex};
use crate::meter::Estimator;
use crate::rng::Rng;
use crate::time::Instant;

mod aria2;
mod azureus;
mod azureus_2x;
mod bep3;
mod bittyrant_paper;
mod bittyrant_shipped;
mod block_tft;
mod credit;
mod fairtorrent;
mod freerider;
mod large_view;
mod libtorrent;
mod libtorrent_fixed;
mod libtorrent_rate;
mod mainline;
mod mainline_342;
mod mainline_391;
mod mainline_522;
mod propshare;
mod qbittorrent;
mod random_k;
mod rank;
mod registry;
mod seed_pf;
mod smartseed;
mod superseed;
mod thrift;
mod tit_for_tat;
mod transmission;
mod unchoke_all;
mod weight;

pub use aria2::Aria2;
pub use azureus_2x::Azureus2x;
pub use bep3::Bep3;
pub use bittyrant_paper::BittyrantPaper;
pub use bittyrant_shipped::BittyrantShipped;
pub use block_tft::BlockTft;
pub use credit::Credit;
pub use fairtorrent::FairTorrent;
pub use freerider::Freerider;
pub use libtorrent::Libtorrent;
pub use mainline_342::Mainline342;
pub use mainline_391::Mainline391;
pub use mainline_522::Mainline522;
pub use propshare::PropShare;
pub use random_k::RandomK;
pub use registry::{Entry, Parameter, ParameterError, Parameters, REGISTRY, Values, build, find};
pub use seed_pf::SeedPf;
pub use superseed::HidingSeed;
pub use thrift::Thrift;
pub use tit_for_tat::TitForTat;
pub use transmission::Transmission;
pub use unchoke_all::UnchokeAll;

/// What a policy may know of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerView {
    /// The connection.
    pub peer: PeerKey,
    /// We choke the peer.
    pub am_choking: bool,
    /// The peer has pieces we want.
    pub am_interested: bool,
    /// The peer chokes us.
    pub peer_choking: bool,
    /// The peer wants pieces of ours.
    pub peer_interested: bool,
    /// The peer has every piece, or says that it only uploads (BEP 21).
    pub is_seed: bool,
    /// The peer sent us no block for the configured time while it owes one.
    pub snubbed: bool,
    /// When the connection was made.
    pub connected_at: Instant,
    /// When a block last came from the peer.
    pub last_block_at: Option<Instant>,
    /// When we last unchoked the peer.
    pub unchoked_at: Option<Instant>,
    /// Download rate from the peer in bytes/s, by the policy's estimator.
    pub down_rate: u64,
    /// Upload rate to the peer in bytes/s, by the policy's estimator.
    pub up_rate: u64,
    /// Payload bytes received from the peer since the connection was made.
    pub down_bytes: u64,
    /// Payload bytes sent to the peer since the connection was made.
    pub up_bytes: u64,
    /// Payload bytes received since the policy's last tick.
    pub down_bytes_round: u64,
    /// Payload bytes sent since the policy's last tick.
    pub up_bytes_round: u64,
    /// Payload bytes sent since we last unchoked the peer.
    pub up_bytes_since_unchoke: u64,
    /// Requests of the peer that wait in our queue.
    pub queued_requests: u32,
    /// Piece of the oldest of them, whose block the peer gets next.
    pub next_piece: Option<PieceIndex>,
    /// Blocks handed to the link and not yet reported as sent.
    pub unflushed_blocks: u32,
    /// Pieces the peer has.
    pub have_count: u32,
    /// Pieces the peer has told us of with `have` since the connection was made.
    pub have_messages: u32,
    /// Pieces the peer has and we lack.
    pub wanted_count: u32,
}

/// State of one torrent when the policy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// Now.
    pub now: Instant,
    /// We have every piece.
    pub am_seed: bool,
    /// Our upload rate limit or link capacity in bytes/s, where known.
    pub upload_capacity: Option<u64>,
    /// Our present upload rate over all peers in bytes/s.
    pub upload_rate: u64,
    /// Pieces of the torrent.
    pub piece_count: u32,
    /// Bytes of a piece.
    pub piece_bytes: u32,
    /// Connections in ascending key order: all of them, or only the one that a trigger of
    /// [`Scope::Peer`] concerns.
    pub peers: &'a [PeerView],
}

impl Snapshot<'_> {
    /// The view of `peer`, if it is in the snapshot.
    #[must_use]
    pub fn peer(&self, peer: PeerKey) -> Option<&PeerView> {
        self.peers
            .binary_search_by_key(&peer, |it| it.peer)
            .ok()
            .map(|at| &self.peers[at])
    }
}

/// Why the policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The policy's own tick. Ticks are numbered from 0.
    Tick(u64),
    /// The peer became or ceased to be interested.
    Interest(PeerKey),
    /// A connection was made.
    Connected(PeerKey),
    /// A connection is gone; the snapshot no longer holds it. Forget it.
    Disconnected(PeerKey),
    /// A block was handed to the link for the peer, or came from it.
    Block(PeerKey),
}

/// How much of the torrent a trigger shows to the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The trigger is switched off.
    #[default]
    Never,
    /// Only the peer concerned: constant cost.
    Peer,
    /// Every connection, but only if we do not choke the peer concerned: most peers that change
    /// their mind are choked, and mainline looks at the others only.
    Unchoked,
    /// Every connection: cost grows with their number.
    All,
}

/// When a policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triggers {
    /// Time between ticks; `None` for none. The first comes after the torrent's phase.
    pub tick: Option<Duration>,
    /// On [`Trigger::Interest`].
    pub interest: Scope,
    /// On [`Trigger::Connected`].
    pub connected: Scope,
    /// On [`Trigger::Disconnected`].
    pub disconnected: Scope,
    /// On [`Trigger::Block`].
    pub block: Scope,
}

impl Triggers {
    /// On every tick, and told who is gone, for policies that remember peers. What most clients do.
    #[must_use]
    pub const fn on_tick(tick: Duration) -> Self {
        Self {
            tick: Some(tick),
            interest: Scope::Never,
            connected: Scope::Never,
            disconnected: Scope::Peer,
            block: Scope::Never,
        }
    }
}

/// Which unchoked peer's request the next block answers.
///
/// A scheduler that hands out blocks must decide late: sixteen blocks on an uplink of 128 kbit/s are
/// 16 s of sending to whomever was chosen before. So `in_flight` is 0 for what the uplink carries in
/// a second, but [`Self::FEWEST`] at least, or one slow receiver would hold up the others, and
/// [`Self::MOST`] at most and where the capacity is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadOrder {
    /// Each connection is served as fast as its link takes blocks: TCP shares the uplink.
    #[default]
    Independent,
    /// At most `in_flight` blocks are at the links at a time, shared by weight (stride scheduling).
    Weighted {
        /// Blocks handed to links and not yet reported as sent, over all connections.
        in_flight: u32,
    },
    /// At most `in_flight` blocks at a time, and [`ChokePolicy::next_peer`] names who gets the next.
    ByPolicy {
        /// Blocks handed to links and not yet reported as sent, over all connections.
        in_flight: u32,
    },
}

impl UploadOrder {
    /// The fewest blocks under way that follow from a capacity.
    pub const FEWEST: u32 = 4;
    /// The most of them.
    pub const MOST: u32 = 16;

    /// Blocks that may be at the links at a time, with an uplink of `capacity` bytes/s; `None` if
    /// each link has its own bound and no other.
    #[must_use]
    pub fn in_flight(self, capacity: Option<u64>) -> Option<u32> {
        let (Self::Weighted { in_flight } | Self::ByPolicy { in_flight }) = self else {
            return None;
        };
        if in_flight > 0 {
            return Some(in_flight);
        }
        let carried = capacity.map(|it| u32::try_from(it / u64::from(BLOCK_BYTES)));
        let carried = carried.and_then(Result::ok).unwrap_or(Self::MOST);
        Some(carried.clamp(Self::FEWEST, Self::MOST))
    }
}

/// What a seed shows of its pieces to those that connect to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disclosure {
    /// All of them. BEP 3.
    #[default]
    All,
    /// One to each peer, and the next when another peer has announced it: super-seeding, BEP 16.
    WhenPassedOn,
    /// One to each peer, and the next when the peer itself has announced it; no piece to a second
    /// peer before every piece has arrived somewhere.
    WhenReceived,
}

/// Who is unchoked from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Slots {
    /// As before.
    #[default]
    Keep,
    /// Exactly these; all others are choked.
    Exactly(Vec<PeerKey>),
    /// As before, but this peer is unchoked.
    Unchoke(PeerKey),
    /// As before, but this peer is choked.
    Choke(PeerKey),
}

/// What a policy wants done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Who is unchoked.
    pub slots: Slots,
    /// Upload cap per peer in bytes/s, `None` to lift it. Peers that are not named keep theirs.
    pub caps: Vec<(PeerKey, Option<u64>)>,
    /// Share of the upload under [`UploadOrder::Weighted`]; 1 until set. Zero counts as 1.
    pub weights: Vec<(PeerKey, u32)>,
    /// Connections to close, so that better ones may be found.
    pub disconnect: Vec<PeerKey>,
}

impl Decision {
    /// Exactly these peers are unchoked.
    #[must_use]
    pub fn exactly(peers: Vec<PeerKey>) -> Self {
        Self {
            slots: Slots::Exactly(peers),
            ..Self::default()
        }
    }
}

/// A choking policy.
pub trait ChokePolicy: fmt::Debug + Send {
    /// When the policy wants to be asked. Asked once, when the torrent starts.
    fn triggers(&self) -> Triggers;

    /// How the rates in the snapshot are measured. Asked once.
    fn estimator(&self) -> Estimator;

    /// How blocks of different peers share the upload. Asked once.
    fn upload_order(&self) -> UploadOrder {
        UploadOrder::Independent
    }

    /// The same of a torrent that starts complete. Asked once.
    fn seed_order(&self) -> UploadOrder {
        self.upload_order()
    }

    /// What a torrent that starts complete shows of its pieces. Asked once.
    fn disclosure(&self) -> Disclosure {
        Disclosure::All
    }

    /// What to do now. Depends on `self`, the arguments and draws from `rng`, on nothing else.
    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision;

    /// Under [`UploadOrder::ByPolicy`]: who gets the next block among the `ready` peers, which are
    /// unchoked, have requests queued and a link that takes a block. `None` sends nothing now.
    fn next_peer(&mut self, ready: &[PeerView]) -> Option<PeerKey> {
        ready.first().map(|it| it.peer)
    }
}

/// A policy on the heap.
pub type BoxedPolicy = Box<dyn ChokePolicy>;
