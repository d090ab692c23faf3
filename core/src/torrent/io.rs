//! What goes into a torrent and what comes out of it. Plain data: a log of inputs replays.

use crate::text::counted;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::allowed_fast::AllowedFast;
use crate::bitfield::Bitfield;
use crate::choke::Chosen;
use crate::geometry::Geometry;
use crate::ids::{BlockRef, PeerId, PeerKey, PieceIndex};
use crate::message::Message;
use crate::wanted::Wanted;

/// What the handshake of a new connection told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerLink {
    /// The peer's name.
    pub peer_id: PeerId,
    /// Both sides set the fast-extension bit. BEP 6.
    pub fast: bool,
    /// Both sides set the extension-protocol bit. BEP 10.
    pub extended: bool,
    /// We opened the connection.
    pub outgoing: bool,
    /// The last connection with this key was of the same host: what came over that one counts as sent
    /// by this one, should it turn out to be corrupt.
    pub returning: bool,
    /// Where the peer is; if we did not open the connection, its port means nothing. Peer exchange
    /// leaves out a peer of which this is not known.
    pub address: Option<SocketAddr>,
    /// It is a web seed (BEP 19): it has everything, never chokes and takes nothing but requests. No
    /// policy is told of it. A request to it counts as one to a peer.
    pub web: bool,
}

/// Truncated digest of one block of a piece that failed, or later passed, verification. Two equal
/// blocks have equal digests; any collision-resistant hash cut to 64 bits will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDigest(pub u64);

/// How the verification of a piece ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The SHA-1 is right and the piece is kept. `blocks` are wanted only when the request said so,
    /// and may be empty otherwise.
    Good {
        /// Digest of each block of the piece, in order.
        blocks: Vec<BlockDigest>,
    },
    /// The SHA-1 is wrong; the piece will be fetched again.
    Bad {
        /// Digest of each block of the piece, in order: tells later who sent the wrong one.
        blocks: Vec<BlockDigest>,
    },
    /// The SHA-1 is wrong, and part of the piece is padding (BEP 47). A web seed has no file of that: the
    /// driver made it up as zeros, and the creator may have hashed something else.
    Padded {
        /// As of a bad one.
        blocks: Vec<BlockDigest>,
    },
    /// The driver could not keep the piece (full disk, say). It will be fetched again, nobody is
    /// to blame.
    Lost,
}

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The deadline has come; an early one is harmless.
    Timeout,
    /// Handshakes are done in both directions.
    PeerConnected {
        /// The new connection.
        peer: PeerKey,
        /// What the handshake told.
        link: PeerLink,
    },
    /// The connection is gone, whoever closed it. Also the answer to [`Output::Disconnect`].
    PeerDisconnected {
        /// The connection.
        peer: PeerKey,
    },
    /// A message came. Messages of unknown connections are ignored.
    Message {
        /// From whom.
        peer: PeerKey,
        /// The message; for `Piece` its payload stays with the driver.
        message: Message,
    },
    /// The link to the peer can take one more block. Credits add up: the driver gives a few when
    /// the connection starts and one for each block that has left.
    Writable {
        /// The connection.
        peer: PeerKey,
    },
    /// The answer to [`Output::VerifyPiece`].
    PieceVerified {
        /// The piece.
        piece: PieceIndex,
        /// How it went.
        verdict: Verdict,
    },
    /// A piece we have is gone or damaged where it was kept. The claim is taken back: the piece is
    /// wanted as any other, requests for it are rejected (BEP 6) or dropped, and a complete torrent
    /// is complete no longer. Peers that were told `have` cannot be told otherwise; newcomers are told
    /// the truth. Without effect if the torrent does not have the piece, so it may come twice.
    PieceLost {
        /// The piece.
        piece: PieceIndex,
    },
    /// Other caps of the payload from now on, bytes/s; `None` is no cap.
    Limit {
        /// Upload.
        upload: Option<u64>,
        /// Download.
        download: Option<u64>,
    },
    /// Another choking policy from now on; see [`super::Torrent::can_switch_to`], without which this is
    /// without effect.
    Policy(Box<Chosen>),
    /// The block of an [`Output::Send`] could not be read, and nothing of it was sent. It is no
    /// longer counted as sent, its request is rejected (BEP 6), and the link may take another block:
    /// no [`Self::Writable`] follows for it.
    BlockUnread {
        /// The connection.
        peer: PeerKey,
        /// The block.
        block: BlockRef,
    },
}

/// Everything the torrent can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this message. For `Piece` the driver adds the payload.
    Send {
        /// To whom.
        peer: PeerKey,
        /// The message.
        message: Message,
    },
    /// Send `have` to every connected peer: the most frequent message, said once.
    Broadcast {
        /// The piece we now have.
        have: PieceIndex,
    },
    /// Keep the payload of the `Piece` message just handed in. Without this the driver drops it.
    StoreBlock {
        /// Who sent it.
        peer: PeerKey,
        /// Where it belongs.
        block: BlockRef,
    },
    /// Hash this piece once its blocks are stored, and answer with [`Input::PieceVerified`].
    VerifyPiece {
        /// The piece.
        piece: PieceIndex,
        /// The digests of the blocks are wanted even if the piece is good: an earlier copy was bad.
        want_blocks: bool,
    },
    /// Close the connection, then hand in [`Input::PeerDisconnected`]. No message of the peer
    /// counts from now on.
    Disconnect {
        /// The connection.
        peer: PeerKey,
        /// Why.
        reason: Reason,
    },
    /// A peer told where others are. They may be anywhere, and anything.
    PeersFound {
        /// Who says so.
        peer: PeerKey,
        /// Their addresses.
        peers: Vec<SocketAddr>,
    },
    /// A peer that is gone had sent a block that made a piece fail; see [`Reason::Corrupt`].
    Corrupt {
        /// Its key, which no other has been given since.
        peer: PeerKey,
        /// The piece.
        piece: PieceIndex,
    },
    /// We have every piece that is wanted. Not said of a torrent that starts like that; said again when
    /// one that lost a piece has it back.
    Completed,
}

/// Why we close a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The peer broke the protocol.
    #[error("{0}")]
    Violation(ProtocolViolation),
    /// The peer sent a block that made a piece fail. Never connect to it again.
    #[error("sent a corrupt block of piece {piece}")]
    Corrupt {
        /// The piece.
        piece: PieceIndex,
    },
    /// The choking policy dropped it.
    #[error("dropped by the choking policy")]
    Policy,
    /// Neither side has anything for the other: both are seeds.
    #[error("both sides are seeds")]
    BothSeeds,
    /// Nothing came for [`Limits::idle`].
    #[error("silent for too long")]
    Idle,
    /// See [`super::Torrent::close`].
    #[error("closed by the client")]
    ByClient,
}

/// What a peer did wrong. A value, never a panic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolViolation {
    /// A piece index beyond the torrent.
    #[error("piece {piece} out of range, the torrent has {pieces}")]
    PieceOutOfRange {
        /// As sent.
        piece: PieceIndex,
        /// Pieces of the torrent.
        pieces: u32,
    },
    /// A bitfield over another number of pieces.
    #[error("bitfield of {}, the torrent has {pieces}", counted(u64::from(*got), "piece"))]
    BitfieldLength {
        /// As sent.
        got: u32,
        /// Pieces of the torrent.
        pieces: u32,
    },
    /// A message of BEP 6 on a connection that did not agree on it.
    #[error("fast-extension message without the fast extension")]
    FastNotNegotiated,
    /// A message of BEP 10 on a connection that did not agree on it.
    #[error("extension message without the extension protocol")]
    ExtensionNotNegotiated,
    /// Bitfield, have all or have none again and again. BEP 3 and 6 want one, as the first message;
    /// deployed clients send a second at times.
    #[error("said again and again what pieces it has")]
    Repeated,
    /// Peer exchange several times in a minute.
    #[error("too frequent messages of peer exchange")]
    TooFrequentPex,
    /// More blocks that we never asked for than [`Limits::unrequested_blocks`].
    #[error("{} never asked for", counted(u64::from(*.0), "block"))]
    Unrequested(u32),
    /// More requests that cannot be served than [`Limits::invalid_requests`].
    #[error("{} outside the torrent, too long, or while choked", counted(u64::from(*.0), "request"))]
    InvalidRequests(u32),
}

/// How many requests to keep outstanding at a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Enough blocks for this long at the measured rate. libtorrent `request_queue_time`: 3 s.
    pub queue_time: Duration,
    /// At least so many. Cohen 2003 §2.2: "typically five".
    pub min: u16,
    /// At most so many. libtorrent `max_out_request_queue`: 500.
    pub max: u16,
}

/// Limits that keep a hostile peer harmless. HAZARDS: where each figure was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one peer that we queue; further ones are rejected. libtorrent: 2000.
    pub queued_requests: u32,
    /// Requests that cannot be served before the peer is dropped. libtorrent: 300.
    pub invalid_requests: u32,
    /// Blocks we never asked for before the peer is dropped, fewer than 255.
    pub unrequested_blocks: u32,
    /// Silence after which a connection is closed. Mainline: 300 s.
    pub idle: Duration,
    /// Silence of ours after which we send a keep-alive. BEP 3: "once every two minutes".
    pub keep_alive: Duration,
}

/// Blocks handed to the driver that have not left because their connection is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    /// Blocks of which nothing left.
    pub blocks: u32,
    /// Their payload, and what did not leave of a block cut short, bytes.
    pub payload: u64,
}

/// What a peer says that it has. All but the truth are models of lying clients, for experiments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claims {
    /// What it has.
    #[default]
    Truth,
    /// Every piece but one, whatever it has: others ask it for what it cannot give.
    AllButOne,
    /// Nothing, whatever it has: others ask it for nothing, and think that it is new.
    Nothing,
}

/// How often the last blocks are asked for, once each block is under way from somebody. Copies that
/// are not needed any more are cancelled. BEP 3, *endgame*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endgame {
    /// Once.
    Off,
    /// Of one more peer that has few requests outstanding: at most two copies of a block under way.
    #[default]
    Capped,
    /// Of each peer that has run out of work, one block at a time, any that others were asked for,
    /// however many these are, as soon as no piece is left to begin. libtorrent
    /// `strict_end_game_mode`, `request_blocks.cpp`.
    Strict,
}

/// What a torrent is made from. Shared by all torrents of a swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Size and division.
    pub geometry: Geometry,
    /// Outstanding requests.
    pub pipeline: Pipeline,
    /// Requests that a peer is taken to queue if it does not say (`reqq`, BEP 10).
    pub request_queue: u16,
    /// A peer that owes a block and sent none for so long is snubbed; its requests may go to
    /// others. Cohen 2003 §2.5: "over a minute".
    pub snub_after: Duration,
    /// How the last blocks are asked for.
    pub endgame: Endgame,
    /// Rechoke at whole multiples of the period since the start of the run, together with everybody
    /// who does the same, instead of at a phase of our own. An artefact of simple simulators, kept
    /// so that its effect can be measured.
    pub aligned_ticks: bool,
    /// Cap of the payload upload in bytes/s.
    pub upload_cap: Option<u64>,
    /// Cap of the payload download in bytes/s: how fast blocks are requested.
    pub download_cap: Option<u64>,
    /// Upload capacity that policies are told of when there is no cap, bytes/s.
    pub upload_capacity: Option<u64>,
    /// What we say in the extension handshake; `None` sends none. BEP 10. `upload_only` (BEP 21) is left
    /// out by a torrent that lacks something or hides what it has. If it offers `ut_pex` under
    /// [`crate::wire::PEX_ID`], peers are exchanged: not to be done for private torrents (BEP 27).
    pub hello: Option<crate::message::ExtendedHandshake>,
    /// Connections to take memory for at once, when the first is made; more may come. To grow by
    /// doubling would waste a third of what a large swarm takes.
    pub connections: u16,
    /// Keep a ledger per connection beside the one of the torrent (costs 200 bytes each).
    pub peer_ledgers: bool,
    /// A torrent that starts complete hides its pieces and reveals them one by one. BEP 16.
    pub super_seed: bool,
    /// What it says that it has; a torrent that hides its pieces does not lie as well.
    pub claims: Claims,
    /// What peers may ask for while choked, in both directions. BEP 6.
    pub allowed_fast: AllowedFast,
    /// Close connections between two seeds.
    pub drop_seeds: bool,
    /// The pieces that are wanted; `None`: all, and none before others.
    pub wanted: Option<Arc<Wanted>>,
    /// Limits against hostile peers.
    pub limits: Limits,
}

impl Config {
    /// The defaults for a torrent of this geometry.
    #[must_use]
    pub fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            pipeline: Pipeline {
                queue_time: Duration::from_secs(3),
                min: 5,
                max: 500,
            },
            request_queue: 250,
            snub_after: Duration::from_mins(1),
            endgame: Endgame::Capped,
            aligned_ticks: false,
            upload_cap: None,
            download_cap: None,
            upload_capacity: None,
            hello: None,
            connections: 0,
            peer_ledgers: false,
            super_seed: false,
            claims: Claims::Truth,
            allowed_fast: AllowedFast::default(),
            drop_seeds: true,
            wanted: None,
            limits: Limits {
                queued_requests: 2000,
                invalid_requests: 300,
                unrequested_blocks: 100,
                idle: Duration::from_mins(5),
                keep_alive: Duration::from_mins(2),
            },
        }
    }

    /// Upload capacity as far as it is known, bytes/s.
    pub(super) fn capacity(&self) -> Option<u64> {
        self.upload_cap.or(self.upload_capacity)
    }

    /// The set that a torrent without data starts from.
    #[must_use]
    pub fn nothing(&self) -> Bitfield {
        Bitfield::empty(self.geometry.piece_count())
    }

    /// The set that a seed starts from.
    #[must_use]
    pub fn everything(&self) -> Bitfield {
        Bitfield::full(self.geometry.piece_count())
    }
}
