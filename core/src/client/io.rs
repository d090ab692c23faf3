//! What goes into a client and what comes out of it. Plain data: a log of inputs replays.

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
    /// When it wants to hear of us again.
    pub wishes: Wishes,
    /// Where peers are.
    pub peers: Vec<P::Address>,
}

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<P: Places> {
    /// The deadline has come; an early one is harmless.
    Timeout,
    /// The session ends: no more connections, and the trackers are told.
    Stop,
    /// Somebody may be there.
    Found {
        /// Who says so.
        source: Source,
        /// Where.
        addresses: Vec<P::Address>,
    },
    /// Somebody connected. If the next output is not [`Output::Answer`], drop the connection.
    Knock {
        /// From where.
        address: P::Address,
    },
    /// A connection whose handshake was not done is gone, or could not be made. Not the answer to
    /// [`Output::Drop`], but harmless after it.
    Failed {
        /// Which.
        door: Door,
        /// Why; told to the user, and nothing depends on it.
        how: Unmet,
    },
    /// Handshakes are done in both directions. Answered by [`Output::Joined`] or [`Output::Drop`].
    Met {
        /// Which connection.
        door: Door,
        /// The peer's name.
        name: P::Name,
        /// Both sides set the fast-extension bit. BEP 6.
        fast: bool,
        /// Both sides set the extension-protocol bit. BEP 10.
        extended: bool,
    },
    /// A connection is gone, whoever closed it. Also the answer to [`Output::Close`].
    Closed {
        /// The connection.
        peer: PeerKey,
        /// How it ended, if we did not ask for it.
        how: Ended,
        /// Blocks that it was given to send and that have not left.
        unsent: Unsent,
    },
    /// What came of [`Output::Announce`].
    Announced {
        /// Which tracker.
        tracker: usize,
        /// What it said; `None` if it said nothing of use in time.
        outcome: Option<Heard<P>>,
    },
    /// Something for the torrent: a message, room on a link, what the disk has to say. Never a
    /// timeout, a connection or its end, which are the client's to tell.
    Torrent(torrent::Input),
}

/// Everything the client can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<P: Places> {
    /// Connect and do the handshake, then hand in [`Input::Met`] or [`Input::Failed`].
    Dial {
        /// The number of the attempt.
        door: Door,
        /// Where to.
        address: P::Address,
    },
    /// Do the handshake with who just knocked, then hand in [`Input::Met`] or [`Input::Failed`].
    Answer {
        /// The number of the connection.
        door: Door,
    },
    /// Close a connection that has no key, or stop the attempt to make it.
    Drop {
        /// Which.
        door: Door,
        /// Why.
        why: Refusal,
    },
    /// The connection behind this door is that of `peer` from now on. Give it credit
    /// ([`torrent::Input::Writable`]).
    Joined {
        /// Which connection.
        door: Door,
        /// Its key.
        peer: PeerKey,
    },
    /// Close the connection, then hand in [`Input::Closed`]. No message of the peer counts from now
    /// on.
    Close {
        /// The connection.
        peer: PeerKey,
        /// Why.
        why: Why,
    },
    /// A host is banned. Nothing to be done; its connections are closed beside that.
    Banned {
        /// Where the offence came from.
        address: P::Address,
        /// What it was.
        offence: Offence,
    },
    /// `peer` is web seed number `seed` from now on (BEP 19): answer requests sent to it with the
    /// blocks, and hand in [`Input::Closed`] if it fails ([`Ended::ByPeer`]) or sends something else
    /// than it was asked for ([`Ended::Garbage`]). It is [`Output::Close`]d as a peer is.
    UseWebSeed {
        /// Its position among the web seeds of the torrent.
        seed: u16,
        /// Its key.
        peer: PeerKey,
    },
    /// A web seed is not used any more. Nothing to be done.
    LeftWebSeed {
        /// Its position among the web seeds of the torrent.
        seed: u16,
        /// Why; `None` if it sent something else than it was asked for again and again.
        offence: Option<Offence>,
    },
    /// Announce to a tracker, then hand in [`Input::Announced`].
    Announce {
        /// Position among all trackers of the torrent, tier after tier.
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
        /// The digests of the blocks are wanted even if the piece is good.
        want_blocks: bool,
    },
    /// See [`torrent::Output::Completed`].
    Completed,
}

/// What a driver of many clients gets from [`super::Client::poll_next`].
#[derive(Debug)]
pub enum Next<P: Places> {
    /// Of the client.
    Own(Output<P>),
    /// Of the torrent: `Send`, `Broadcast`, `StoreBlock` or `VerifyPiece`.
    Torrent(torrent::Output),
}

/// Why we close a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The torrent asks for it.
    #[error("{0}")]
    Torrent(Reason),
    /// It is exchanged for another in the regular turnover.
    #[error("exchanged for another")]
    Turnover,
    /// It makes room for a newcomer.
    #[error("made room for another")]
    Useless,
    /// Another connection to the same peer stays.
    #[error("connected twice")]
    Twice,
}

impl Why {
    /// The same without what only a reader wants to know.
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
