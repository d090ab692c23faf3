//! Inputs and outputs of a client. They are plain data, so a log of inputs can be replayed.

use alloc::vec::Vec;

use super::admission::Refusal;
use super::announcer::Wishes;
use super::bans::Offence;
use super::doors::Door;
use super::explain::Unmet;
use super::places::Places;
use super::redial::Ended;
use super::source::Source;
use crate::ids::{BlockRef, PeerKey, PieceIndex};
use crate::message::Message;
use crate::torrent::{self, Reason, Unsent};
use crate::tracker::Event;

/// What a tracker answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard<P: Places> {
    /// When the tracker wants the next announce.
    pub wishes: Wishes,
    /// Addresses of peers.
    pub peers: Vec<P::Address>,
}

/// Limits on connections, as in [`super::Config`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Most connections.
    pub connections: u16,
    /// Number of connections above which we do not dial.
    pub initiate: u16,
    /// Number of connections below which we ask the trackers early.
    pub enough: u16,
}

/// Everything that can happen to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<P: Places> {
    /// The deadline has come; an early one is harmless.
    Timeout,
    /// The session ends: close down and tell the trackers.
    Stop,
    /// New addresses of peers.
    Found {
        /// Their source.
        source: Source,
        /// The addresses.
        addresses: Vec<P::Address>,
    },
    /// A connection came in. If the next output is not [`Output::Answer`], drop the connection.
    Knock {
        /// Its remote address.
        address: P::Address,
    },
    /// A connection was closed or could not be made before its handshake was done. Not needed as an
    /// answer to [`Output::Drop`], but harmless after it.
    Failed {
        /// The connection.
        door: Door,
        /// Why; shown to the user, with no other effect.
        how: Unmet,
    },
    /// The handshakes are complete in both directions. Answered by [`Output::Joined`] or
    /// [`Output::Drop`].
    Met {
        /// The connection.
        door: Door,
        /// The peer id.
        name: P::Name,
        /// Both sides set the fast-extension bit. BEP 6.
        fast: bool,
        /// Both sides set the extension-protocol bit. BEP 10.
        extended: bool,
    },
    /// A connection is closed, by either side. Also the answer to [`Output::Close`].
    Closed {
        /// The connection.
        peer: PeerKey,
        /// How it ended, if we did not ask for it.
        how: Ended,
        /// Blocks that were handed to the connection and not sent.
        unsent: Unsent,
    },
    /// Outcome of [`Output::Announce`].
    Announced {
        /// The tracker.
        tracker: usize,
        /// Its answer; `None` if no useful answer came in time.
        outcome: Option<Heard<P>>,
    },
    /// Changes the limits on connections. Surplus connections are closed, the least useful first.
    Connections(Room),
    /// An input for the torrent: a message, room on a link, a result from the disk. Never a
    /// timeout, a connection or its end: the client reports those to the torrent.
    Torrent(torrent::Input),
}

/// Everything a client can ask its driver to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<P: Places> {
    /// Connect and do the handshake, then hand in [`Input::Met`] or [`Input::Failed`].
    Dial {
        /// The number of the attempt.
        door: Door,
        /// The address to connect to.
        address: P::Address,
    },
    /// Do the handshake on the connection just announced by [`Input::Knock`], then hand in
    /// [`Input::Met`] or [`Input::Failed`].
    Answer {
        /// The number of the connection.
        door: Door,
    },
    /// Close a connection that has no key, or stop the attempt to make it.
    Drop {
        /// The connection.
        door: Door,
        /// Why.
        why: Refusal,
    },
    /// The connection with this number belongs to `peer` from now on. Give it credit
    /// ([`torrent::Input::Writable`]).
    Joined {
        /// The number of the connection.
        door: Door,
        /// Its key.
        peer: PeerKey,
    },
    /// Close the connection, then hand in [`Input::Closed`]. Further messages of the peer are
    /// ignored.
    Close {
        /// The connection.
        peer: PeerKey,
        /// Why.
        why: Why,
    },
    /// A host is banned. The driver need not act: separate outputs close its connections.
    Banned {
        /// The address of the offending peer.
        address: P::Address,
        /// The offence.
        offence: Offence,
    },
    /// `peer` is web seed number `seed` from now on (BEP 19): answer requests sent to it with the
    /// blocks. Hand in [`Input::Closed`] if it fails ([`Ended::ByPeer`]), asks for a pause
    /// ([`Ended::Busy`]) or its answer does not fit the request ([`Ended::Garbage`]). Hand in
    /// [`torrent::Input::Lacks`] if it lacks a file. [`Output::Close`] ends it like a peer.
    UseWebSeed {
        /// Its index among the web seeds of the torrent.
        seed: u16,
        /// Its key.
        peer: PeerKey,
    },
    /// A web seed is never used again. The driver need not act.
    LeftWebSeed {
        /// Its index among the web seeds of the torrent.
        seed: u16,
        /// Why; `None` if its answers repeatedly did not fit the request.
        offence: Option<Offence>,
    },
    /// Announce to a tracker, then hand in [`Input::Announced`].
    Announce {
        /// Index among all trackers of the torrent, tier after tier.
        tracker: usize,
        /// What to report.
        event: Option<Event>,
    },
    /// See [`torrent::Output::Send`].
    Send {
        /// To whom.
        peer: PeerKey,
        /// The message.
        message: Message,
    },
    /// See [`torrent::Output::Broadcast`].
    Broadcast {
        /// The piece we now have.
        have: PieceIndex,
    },
    /// See [`torrent::Output::StoreBlock`].
    StoreBlock {
        /// Who sent it.
        peer: PeerKey,
        /// Where it belongs.
        block: BlockRef,
    },
    /// See [`torrent::Output::VerifyPiece`].
    VerifyPiece {
        /// The piece.
        piece: PieceIndex,
        /// The digests of the blocks are needed even if the piece is good.
        want_blocks: bool,
    },
    /// See [`torrent::Output::Completed`].
    Completed,
}

/// What a driver of many clients gets from [`super::Client::poll_next`].
#[derive(Debug)]
pub enum Next<P: Places> {
    /// An output of the client.
    Own(Output<P>),
    /// An output of the torrent: `Send`, `Broadcast`, `StoreBlock` or `VerifyPiece`.
    Torrent(torrent::Output),
}

/// Why we close a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The torrent asks for it.
    #[error("{0}")]
    Torrent(Reason),
    /// The regular turnover closes it to make room.
    #[error("exchanged for another")]
    Turnover,
    /// It is closed for a new connection, or after its trial.
    #[error("made room for another")]
    Useless,
    /// Another connection to the same peer stays.
    #[error("connected twice")]
    Twice,
}

impl Why {
    /// The same without details that only a reader needs.
    #[must_use]
    pub fn ended(&self) -> Ended {
        match self {
            Self::Torrent(reason) => reason.into(),
            Self::Turnover => Ended::Turnover,
            Self::Useless => Ended::Useless,
            Self::Twice => Ended::Twice,
        }
    }
}
