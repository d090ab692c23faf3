//! Inputs and outputs of a torrent. They are plain data, so a log of inputs can be replayed.

use crate::text::counted;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::ops::Range;
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
    /// The peer id.
    pub peer_id: PeerId,
    /// Both sides set the fast-extension bit. BEP 6.
    pub fast: bool,
    /// Both sides set the extension-protocol bit. BEP 10.
    pub extended: bool,
    /// We opened the connection.
    pub outgoing: bool,
    /// The last connection with this key was to the same host. If a block from that connection
    /// turns out to be corrupt, this connection is blamed.
    pub returning: bool,
    /// Address of the peer; on an incoming connection its port is not the listening port. Peers
    /// without a known address are left out of peer exchange.
    pub address: Option<SocketAddr>,
    /// The peer is a web seed (BEP 19): it has all pieces, never chokes and understands only
    /// requests. Policies do not see it. A request to it counts like one to a peer.
    pub web: bool,
}

/// Truncated digest of one block of a piece that failed verification, or passed it later. Equal
/// blocks have equal digests. Any collision-resistant hash cut to 64 bits will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDigest(pub u64);

/// Result of the verification of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The SHA-1 is right and the piece is stored. `blocks` may be empty unless the request wanted
    /// them.
    Good {
        /// Digest of each block of the piece, in order.
        blocks: Vec<BlockDigest>,
    },
    /// The SHA-1 is wrong; the piece will be downloaded again.
    Bad {
        /// Digest of each block of the piece, in order. They show later which peer sent the wrong
        /// block.
        blocks: Vec<BlockDigest>,
    },
    /// The SHA-1 is wrong, and part of the piece is padding (BEP 47). A web seed has no file with
    /// the padding, so the driver filled it with zeros. The creator of the torrent may have hashed
    /// other bytes.
    Padded {
        /// As in `Bad`.
        blocks: Vec<BlockDigest>,
    },
    /// The driver could not store the piece, for example because the disk is full. It will be
    /// downloaded again, and no peer is blamed.
    Lost,
}

/// Everything that can happen to a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The deadline has come; an early one is harmless.
    Timeout,
    /// The handshakes are complete in both directions.
    PeerConnected {
        /// The new connection.
        peer: PeerKey,
        /// What the handshake told.
        link: PeerLink,
    },
    /// The connection is closed, by either side. Also the answer to [`Output::Disconnect`].
    PeerDisconnected {
        /// The connection.
        peer: PeerKey,
    },
    /// A message came. Messages of unknown connections are ignored.
    Message {
        /// The sender.
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
        /// The result.
        verdict: Verdict,
    },
    /// A piece we have is gone or damaged on disk. The piece is wanted again, requests for it are
    /// rejected (BEP 6) or dropped, and a complete torrent is no longer complete. There is no
    /// message to take back the `have`s we sent; new peers are told the truth. Without effect if
    /// the torrent does not have the piece, so the driver may report the same loss twice.
    PieceLost {
        /// The piece.
        piece: PieceIndex,
    },
    /// A piece that we lack is on disk and good, for example because the user put a lost file back.
    /// Without effect if the torrent has the piece, or if one of its blocks is requested: then the
    /// download goes on, and the driver may report the piece again later.
    PieceFound {
        /// The piece.
        piece: PieceIndex,
    },
    /// Changes the caps of the payload, bytes/s; `None` is no cap.
    Limit {
        /// Upload.
        upload: Option<u64>,
        /// Download.
        download: Option<u64>,
    },
    /// Changes the choking policy. Without effect unless [`super::Torrent::can_switch_to`] says
    /// yes.
    Policy(Box<Chosen>),
    /// A web seed cannot serve these pieces on this connection, for example because it lacks one of
    /// the files. Requests for them count as rejected; the driver has dropped them. Without effect
    /// for other peers and closed connections.
    Lacks {
        /// The web seed.
        peer: PeerKey,
        /// The pieces.
        pieces: Range<u32>,
    },
    /// The block of an [`Output::Send`] could not be read, and none of it was sent. It no longer
    /// counts as sent, its request is rejected (BEP 6), and the link may take another block: no
    /// [`Self::Writable`] follows for this one.
    BlockUnread {
        /// The connection.
        peer: PeerKey,
        /// The block.
        block: BlockRef,
    },
}

/// Everything a torrent can ask its driver to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this message. For `Piece` the driver adds the payload.
    Send {
        /// The receiver.
        peer: PeerKey,
        /// The message.
        message: Message,
    },
    /// Send `have` to every connected peer. `have` is the most frequent message, so this is one
    /// output instead of one for each peer.
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
        /// The digests of the blocks are needed even if the piece is good, because an earlier copy
        /// was bad.
        want_blocks: bool,
    },
    /// Close the connection, then hand in [`Input::PeerDisconnected`]. Further messages of the peer
    /// are ignored.
    Disconnect {
        /// The connection.
        peer: PeerKey,
        /// Why.
        reason: Reason,
    },
    /// A peer told addresses of other peers (BEP 11). They are unverified.
    PeersFound {
        /// The peer that told them.
        peer: PeerKey,
        /// Their addresses.
        peers: Vec<SocketAddr>,
    },
    /// A block that made a piece fail came from a peer whose connection is closed already; see
    /// [`Reason::Corrupt`].
    Corrupt {
        /// Its key, which was not given to another peer since.
        peer: PeerKey,
        /// The piece.
        piece: PieceIndex,
    },
    /// All wanted pieces are here. Not sent for a torrent that starts complete. Sent again when a
    /// torrent that lost a piece is complete again.
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
    /// Both sides are seeds: neither needs anything from the other.
    #[error("both sides are seeds")]
    BothSeeds,
    /// No message came for [`Limits::idle`].
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
    /// A piece index that the torrent does not have.
    #[error("piece {piece} out of range, the torrent has {pieces}")]
    PieceOutOfRange {
        /// As sent.
        piece: PieceIndex,
        /// Pieces of the torrent.
        pieces: u32,
    },
    /// A bitfield of the wrong length.
    #[error("bitfield of {}, the torrent has {pieces}", counted(u64::from(*got), "piece"))]
    BitfieldLength {
        /// Pieces in the bitfield.
        got: u32,
        /// Pieces of the torrent.
        pieces: u32,
    },
    /// A message of BEP 6 on a connection that did not negotiate it.
    #[error("fast-extension message without the fast extension")]
    FastNotNegotiated,
    /// A message of BEP 10 on a connection that did not negotiate it.
    #[error("extension message without the extension protocol")]
    ExtensionNotNegotiated,
    /// Bitfield, have all or have none again and again. BEP 3 and 6 want one of them, as the first
    /// message; deployed clients sometimes send a second.
    #[error("said again and again what pieces it has")]
    Repeated,
    /// Peer exchange several times in a minute.
    #[error("too frequent messages of peer exchange")]
    TooFrequentPex,
    /// More blocks that we never requested than [`Limits::unrequested_blocks`].
    #[error("{} never asked for", counted(u64::from(*.0), "block"))]
    Unrequested(u32),
    /// More requests that cannot be served than [`Limits::invalid_requests`].
    #[error("{} outside the torrent, too long, or while choked", counted(u64::from(*.0), "request"))]
    InvalidRequests(u32),
}

/// How many requests to keep outstanding at a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Enough requests for this time at the measured rate. libtorrent `request_queue_time`: 3 s.
    pub queue_time: Duration,
    /// Least number of requests. Cohen 2003 §2.2: "typically five".
    pub min: u16,
    /// Largest number of requests. libtorrent `max_out_request_queue`: 500.
    pub max: u16,
    /// Number of requests with which a connection begins. It grows by one with each block until the
    /// rate stops growing; only then `queue_time` counts. 0: `queue_time` counts from the start.
    /// libtorrent: 4.
    pub start: u16,
}

/// Limits against hostile peers. A figure that comes from a deployed client says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one peer that we queue; further ones are rejected. libtorrent: 2000.
    pub queued_requests: u32,
    /// Requests that cannot be served before the peer is dropped. libtorrent: 300.
    pub invalid_requests: u32,
    /// Blocks we never requested before the peer is dropped, fewer than 255.
    pub unrequested_blocks: u32,
    /// Time without a message from the peer after which we close the connection. Mainline: 300 s.
    pub idle: Duration,
    /// Time without a message from us after which we send a keep-alive. BEP 3: "once every two
    /// minutes".
    pub keep_alive: Duration,
}

/// Blocks handed to the driver that were not sent because their connection is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    /// Blocks of which no byte was sent.
    pub blocks: u32,
    /// Payload of these blocks, plus the unsent part of a block that was cut short, bytes.
    pub payload: u64,
}

/// What a client tells others that it has. All but the truth model lying clients, for experiments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claims {
    /// The pieces it has.
    #[default]
    Truth,
    /// All pieces but one, whatever it has: others request pieces that it cannot send.
    AllButOne,
    /// No pieces, whatever it has: others request nothing and take it for a new peer.
    Nothing,
}

/// How many peers are asked for the last blocks once every block is requested. Requests for blocks
/// that have arrived are cancelled. BEP 3, *endgame*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endgame {
    /// One peer per block.
    Off,
    /// One more peer, if that peer has few requests outstanding: at most two copies of a block are
    /// requested.
    #[default]
    Capped,
    /// Every peer without outstanding requests, one block at a time, as soon as no piece is left to
    /// begin. The block is any block that other peers were asked for, however many. libtorrent
    /// `strict_end_game_mode`, `request_blocks.cpp`.
    Strict,
}

/// Settings of a torrent. Shared by all torrents of a swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Size of the torrent, its pieces and its blocks.
    pub geometry: Geometry,
    /// Number of outstanding requests.
    pub pipeline: Pipeline,
    /// Number of requests that a peer is assumed to queue if it does not say (`reqq`, BEP 10).
    pub request_queue: u16,
    /// A peer that owes a block and sends none for this long is snubbed; its blocks may be
    /// requested from others. Cohen 2003 §2.5: "over a minute".
    pub snub_after: Duration,
    /// How the last blocks are requested.
    pub endgame: Endgame,
    /// Rechoke at whole multiples of the period since the start of the run, at the same moments as
    /// all other peers with this setting, instead of at a phase of our own. Simple simulators do
    /// so; the setting lets us measure the effect.
    pub aligned_ticks: bool,
    /// Cap of the payload upload in bytes/s.
    pub upload_cap: Option<u64>,
    /// Cap of the payload download in bytes/s. It limits how fast blocks are requested.
    pub download_cap: Option<u64>,
    /// Upload capacity that policies see if there is no cap, bytes/s.
    pub upload_capacity: Option<u64>,
    /// Our extension handshake; `None` sends none. BEP 10. `upload_only` (BEP 21) is removed while
    /// the torrent lacks pieces or hides them. If the handshake offers `ut_pex` under
    /// [`crate::wire::PEX_ID`], peers are exchanged; private torrents must not offer it (BEP 27).
    pub hello: Option<crate::message::ExtendedHandshake>,
    /// Connections to allocate memory for when the first is made; more may come. Growing by
    /// doubling would waste a third of the memory that a large swarm needs.
    pub connections: u16,
    /// Keep a ledger for each connection in addition to that of the torrent (200 bytes each).
    pub peer_ledgers: bool,
    /// A torrent that starts complete hides its pieces and reveals them one by one. BEP 16.
    pub super_seed: bool,
    /// What the torrent tells others that it has. A torrent that hides its pieces always uses
    /// `Truth`.
    pub claims: Claims,
    /// Which pieces may be requested under a choke, in both directions. BEP 6.
    pub allowed_fast: AllowedFast,
    /// Close connections between two seeds.
    pub drop_seeds: bool,
    /// The wanted pieces; `None`: all, with equal priority.
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
                start: 0,
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

    /// Upload capacity in bytes/s, if known.
    pub(super) fn capacity(&self) -> Option<u64> {
        self.upload_cap.or(self.upload_capacity)
    }

    /// The set of a torrent without data.
    #[must_use]
    pub fn nothing(&self) -> Bitfield {
        Bitfield::empty(self.geometry.piece_count())
    }

    /// The set of a seed.
    #[must_use]
    pub fn everything(&self) -> Bitfield {
        Bitfield::full(self.geometry.piece_count())
    }
}
