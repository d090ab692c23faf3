//! Repeats all the accounting of a torrent from its inputs and outputs, slowly and simply.

use std::collections::{BTreeMap, BTreeSet};

use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::ledger::{Kind, Ledger};
use unchoke_core::message::{Extended, Message};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Input, Output, ProtocolViolation, Reason, Verdict};
use unchoke_core::wire::{HANDSHAKE_BYTES, MAX_CONTACTS, PIECE_HEADER_BYTES, wire_len};

use super::owed::{Asked, Grants, Owed};

/// What is wrong, as a sentence.
pub type Fault = String;

/// Returns the sentence as an error unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}
pub(super) use ensure;

/// A connection, with the state that both ends can see.
#[derive(Debug, Default)]
pub struct Seen {
    pub fast: bool,
    pub extended: bool,
    /// We closed the connection. Later messages do not count.
    pub closing: bool,
    pub am_choking: bool,
    pub am_interested: bool,
    pub peer_choking: bool,
    pub peer_interested: bool,
    pub has: BTreeSet<PieceIndex>,
    /// Pieces that we announced to the peer.
    pub told: BTreeSet<PieceIndex>,
    /// Pieces that we may request while the peer chokes us.
    allowed: BTreeSet<PieceIndex>,
    /// Pieces that the peer may request while we choke it.
    granted: Grants,
    /// Requests by us.
    pub asked: Asked,
    /// Requests by the peer.
    pub owed: Owed,
    /// Number of blocks that the link accepts.
    pub(super) credit: u32,
    pub unflushed: u32,
    pub(super) ledger: Ledger,
    /// The peer's pieces and interest before this input. An invalid message must not change them.
    before: (BTreeSet<PieceIndex>, bool),
    /// The block that the peer sent with this input. It may be stored once.
    may_store: Option<BlockRef>,
}

/// The state of the whole torrent.
#[derive(Debug)]
pub struct Reference {
    pub geometry: Geometry,
    pub have: BTreeSet<PieceIndex>,
    pub conns: BTreeMap<PeerKey, Seen>,
    stored: BTreeSet<BlockRef>,
    verifying: BTreeSet<PieceIndex>,
    pub(super) ledger: Ledger,
    /// Payload of all `Piece` messages, wanted or not.
    pub(super) payload_received: u64,
    pub(super) unrequested: u64,
    pub(super) stored_bytes: u64,
    pub(super) failed_bytes: u64,
    completed: bool,
    pub(super) broadcast_due: Option<PieceIndex>,
    /// The torrent started complete, so super-seeding may delay its `have` messages.
    may_hide: bool,
}

impl Reference {
    pub fn new(geometry: Geometry, have: BTreeSet<PieceIndex>) -> Self {
        Self {
            completed: have.len() == geometry.piece_count() as usize,
            may_hide: have.len() == geometry.piece_count() as usize,
            geometry,
            have,
            conns: BTreeMap::new(),
            stored: BTreeSet::new(),
            verifying: BTreeSet::new(),
            ledger: Ledger::default(),
            payload_received: 0,
            unrequested: 0,
            stored_bytes: 0,
            failed_bytes: 0,
            broadcast_due: None,
        }
    }

    pub fn is_complete(&self) -> bool {
        self.have.len() == self.geometry.piece_count() as usize
    }

    fn blocks(&self, piece: PieceIndex) -> impl Iterator<Item = BlockRef> + use<> {
        let geometry = self.geometry.clone();
        (0..geometry.blocks_in(piece)).map(move |it| geometry.block(piece, it))
    }

    /// Counts in the ledgers of the torrent and of the connection.
    fn count(&mut self, peer: PeerKey, change: impl Fn(&mut Ledger)) {
        change(&mut self.ledger);
        if let Some(seen) = self.conns.get_mut(&peer) {
            change(&mut seen.ledger);
        }
    }

    /// Called before each input.
    pub fn input(&mut self, input: &Input) {
        for seen in self.conns.values_mut() {
            seen.may_store = None;
        }
        match input {
            Input::PeerConnected { peer, link } => {
                let seen = Seen {
                    fast: link.fast,
                    extended: link.extended,
                    am_choking: true,
                    peer_choking: true,
                    ..Seen::default()
                };
                assert!(
                    self.conns.insert(*peer, seen).is_none(),
                    "a peer connects only once"
                );
                self.count(*peer, |ledger| {
                    ledger.protocol[Kind::Handshake as usize].sent += HANDSHAKE_BYTES as u64;
                    ledger.protocol[Kind::Handshake as usize].received += HANDSHAKE_BYTES as u64;
                });
            }
            Input::PeerDisconnected { peer } => {
                self.conns.remove(peer);
            }
            Input::Writable { peer } => {
                if let Some(seen) = self.conns.get_mut(peer) {
                    seen.credit += 1;
                    seen.unflushed = seen.unflushed.saturating_sub(1);
                }
            }
            Input::PieceVerified { piece, verdict } => self.verified(*piece, verdict),
            Input::Message { peer, message } => self.received(*peer, message),
            Input::PieceLost { piece } => self.lost(*piece),
            Input::BlockUnread { peer, block } => self.unread(*peer, *block),
            Input::PieceFound { .. } => unreachable!("the world restores no piece"),
            Input::Timeout | Input::Limit { .. } | Input::Policy(_) | Input::Lacks { .. } => {}
        }
    }

    fn received(&mut self, peer: PeerKey, message: &Message) {
        if self.conns.get(&peer).is_some_and(|it| !it.closing) {
            let (kind, bytes) = (Kind::of(message) as usize, u64::from(wire_len(message)));
            self.count(peer, |it| it.protocol[kind].received += bytes);
            self.message(peer, message);
        }
    }

    /// A stored piece was lost. It is wanted again, and requests for its blocks are rejected.
    fn lost(&mut self, piece: PieceIndex) {
        if !self.have.remove(&piece) {
            return;
        }
        self.completed = false;
        for block in self.blocks(piece) {
            self.stored.remove(&block);
        }
        for seen in self.conns.values_mut().filter(|it| !it.closing) {
            seen.owed.lost(piece, seen.fast);
        }
    }

    /// A block that we announced as sent could not be read. It is rejected instead.
    fn unread(&mut self, peer: PeerKey, block: BlockRef) {
        let seen = self
            .conns
            .get_mut(&peer)
            .expect("the world knows who is connected");
        seen.unflushed -= 1;
        seen.credit += 1;
        if seen.fast && !seen.closing {
            seen.owed.refuse(block);
        }
        self.take_back(peer, 1, u64::from(block.length));
    }

    fn verified(&mut self, piece: PieceIndex, verdict: &Verdict) {
        self.verifying.remove(&piece);
        if let Verdict::Good { .. } = verdict {
            self.have.insert(piece);
            self.broadcast_due = Some(piece).filter(|_| !self.may_hide);
        } else {
            for block in self.blocks(piece) {
                self.stored.remove(&block);
                self.failed_bytes += u64::from(block.length);
            }
        }
    }

    fn message(&mut self, peer: PeerKey, message: &Message) {
        let pieces = self.geometry.piece_count();
        let all = || (0..pieces).map(PieceIndex);
        let servable = |seen: &Seen, block: &BlockRef| {
            self.geometry.may_request(*block)
                && self.have.contains(&block.piece)
                && seen.told.contains(&block.piece)
        };
        let seen = self.conns.get_mut(&peer).expect("just seen");
        seen.before = (seen.has.clone(), seen.peer_interested);
        match message {
            Message::Choke => {
                seen.peer_choking = true;
                if !seen.fast {
                    seen.asked.void();
                }
            }
            Message::Unchoke => {
                if seen.peer_choking && !seen.fast {
                    seen.asked.forget_void();
                }
                seen.peer_choking = false;
            }
            Message::Interested => seen.peer_interested = true,
            Message::NotInterested => seen.peer_interested = false,
            Message::Have(piece) if piece.0 < pieces => {
                seen.has.insert(*piece);
            }
            Message::Bitfield(set) if set.piece_count() == pieces => {
                seen.has = set.iter().collect();
            }
            Message::HaveAll if seen.fast => seen.has = all().collect(),
            Message::HaveNone if seen.fast => seen.has.clear(),
            Message::AllowedFast(piece) if seen.fast => {
                seen.allowed.insert(*piece);
            }
            Message::Request(block) => {
                let mut good = servable(seen, block);
                if good && seen.am_choking {
                    let blocks = self.geometry.blocks_in(block.piece);
                    good = seen.granted.use_up(block.piece, blocks);
                }
                seen.owed.ask(*block, good, seen.fast);
            }
            Message::Cancel(block) => seen.owed.cancel(*block, seen.fast),
            Message::Reject(block) if seen.fast => seen.asked.reject(*block),
            Message::Piece(block) => {
                self.payload_received += u64::from(block.length);
                if seen.asked.answer(*block) {
                    seen.may_store = Some(*block);
                } else {
                    self.unrequested += u64::from(block.length);
                }
            }
            _ => {}
        }
    }

    /// Checks an output.
    pub fn output(&mut self, now: Instant, output: &Output) -> Result<(), Fault> {
        match output {
            Output::Send { peer, message } => {
                let (kind, bytes) = (Kind::of(message) as usize, u64::from(wire_len(message)));
                let open = self.conns.get(peer).is_some_and(|it| !it.closing);
                ensure!(open, "sends {message:?} to {peer}, which is closed");
                self.count(*peer, |it| it.protocol[kind].sent += bytes);
                self.sent(now, *peer, message)
            }
            Output::Broadcast { have } => {
                let due = self.broadcast_due.take();
                ensure!(
                    due == Some(*have) || self.may_hide,
                    "announces {have}, due is {due:?}"
                );
                let bytes = u64::from(wire_len(&Message::Have(*have)));
                for seen in self.conns.values_mut().filter(|it| !it.closing) {
                    seen.told.insert(*have);
                    seen.ledger.protocol[Kind::Have as usize].sent += bytes;
                    self.ledger.protocol[Kind::Have as usize].sent += bytes;
                }
                Ok(())
            }
            Output::StoreBlock { peer, block } => self.store(*peer, *block),
            Output::VerifyPiece { piece, .. } => {
                let missing = self.blocks(*piece).find(|it| !self.stored.contains(it));
                ensure!(missing.is_none(), "verifies {piece} without {missing:?}");
                ensure!(self.verifying.insert(*piece), "verifies {piece} twice");
                Ok(())
            }
            Output::Disconnect { peer, reason } => {
                let seen = self.conns.get_mut(peer).filter(|it| !it.closing);
                let Some(seen) = seen else {
                    return Err(format!("closes {peer}, which is closed"));
                };
                seen.closing = true;
                match reason {
                    // The repeated message itself still counts.
                    Reason::Violation(ProtocolViolation::Repeated) => {}
                    Reason::Violation(_) => {
                        (seen.has, seen.peer_interested) = std::mem::take(&mut seen.before);
                    }
                    _ => {}
                }
                Ok(())
            }
            Output::Corrupt { peer, .. } => {
                let open = self.conns.get(peer).is_some_and(|it| !it.closing);
                ensure!(!open, "reports {peer}, still open, as gone");
                Ok(())
            }
            Output::PeersFound { peers, .. } => {
                ensure!(
                    peers.len() <= MAX_CONTACTS,
                    "{} addresses from one message",
                    peers.len()
                );
                Ok(())
            }
            Output::Completed => {
                let first = !std::mem::replace(&mut self.completed, true);
                ensure!(first && self.is_complete(), "says that it is complete");
                Ok(())
            }
        }
    }

    fn store(&mut self, peer: PeerKey, block: BlockRef) -> Result<(), Fault> {
        let seen = self.conns.get_mut(&peer);
        let may = seen.and_then(|it| it.may_store.take());
        ensure!(
            may == Some(block),
            "stores {block:?}, but {peer} sent {may:?}"
        );
        let piece = block.piece;
        ensure!(
            !self.have.contains(&piece),
            "stores a block of {piece}, which it has"
        );
        ensure!(
            !self.verifying.contains(&piece),
            "changes {piece} while it is verified"
        );
        ensure!(self.stored.insert(block), "stores {block:?} twice");
        self.stored_bytes += u64::from(block.length);
        Ok(())
    }

    fn sent(&mut self, now: Instant, peer: PeerKey, message: &Message) -> Result<(), Fault> {
        let seen = self.conns.get_mut(&peer).expect("just seen");
        match message {
            Message::Choke => {
                ensure!(!seen.am_choking, "chokes {peer} twice");
                seen.am_choking = true;
                seen.owed.choked(seen.fast, |it| seen.granted.has(it));
            }
            Message::Unchoke => {
                ensure!(seen.am_choking, "unchokes {peer} twice");
                seen.am_choking = false;
            }
            Message::Interested | Message::NotInterested => {
                let interested = *message == Message::Interested;
                ensure!(
                    seen.am_interested != interested,
                    "says {message:?} to {peer} twice"
                );
                seen.am_interested = interested;
            }
            Message::Have(_) | Message::Bitfield(_) | Message::HaveAll => {
                self.told(peer, message)?;
            }
            Message::Extended(extended) => {
                ensure!(seen.extended, "extended message to {peer} without BEP 10");
                if let Extended::Pex { changes, .. } = &**extended {
                    ensure!(changes.added.len() <= MAX_CONTACTS, "too many addresses");
                }
            }
            Message::AllowedFast(piece) => {
                ensure!(seen.fast, "allows {peer} {piece} without BEP 6");
                let new = !seen.has.contains(piece) && seen.granted.add(*piece);
                ensure!(new, "allows {peer} {piece} again, or although it has it");
            }
            _ => self.sent_about_a_block(now, peer, message)?,
        }
        Ok(())
    }

    /// Checks a message in which we announce our pieces.
    fn told(&mut self, peer: PeerKey, message: &Message) -> Result<(), Fault> {
        let all = || (0..self.geometry.piece_count()).map(PieceIndex);
        let seen = self.conns.get_mut(&peer).expect("just seen");
        match message {
            Message::Have(piece) => {
                ensure!(
                    self.have.contains(piece),
                    "tells {peer} of {piece}, which it lacks"
                );
                seen.told.insert(*piece);
            }
            Message::Bitfield(set) => {
                seen.told.extend(set.iter());
                let lacks = seen.told.difference(&self.have).next();
                ensure!(lacks.is_none(), "tells {peer} of {lacks:?}, which it lacks");
            }
            Message::HaveAll => {
                ensure!(
                    self.have.len() == all().count(),
                    "tells {peer} that it is a seed, and is not"
                );
                seen.told = all().collect();
            }
            _ => {}
        }
        Ok(())
    }

    fn sent_about_a_block(
        &mut self,
        now: Instant,
        peer: PeerKey,
        message: &Message,
    ) -> Result<(), Fault> {
        let seen = self.conns.get_mut(&peer).expect("just seen");
        match message {
            Message::Request(block) => {
                let index = self.geometry.block_index(*block);
                let piece = block.piece;
                ensure!(
                    index.is_some(),
                    "asks {peer} for {block:?}, which is no block"
                );
                let may = !seen.peer_choking || seen.fast && seen.allowed.contains(&piece);
                ensure!(may, "asks {peer} for {block:?} while it chokes");
                ensure!(
                    seen.has.contains(&piece),
                    "asks {peer} for {piece}, which it lacks"
                );
                ensure!(
                    !self.have.contains(&piece),
                    "asks {peer} for {piece}, which is there"
                );
                ensure!(
                    !self.stored.contains(block),
                    "asks {peer} for {block:?}, which is stored"
                );
                seen.asked
                    .ask(now, *block)
                    .map_err(|it| format!("{peer}: {it}"))?;
            }
            Message::Cancel(block) => {
                ensure!(
                    seen.asked.cancel(*block),
                    "cancels {block:?} at {peer}, never asked"
                );
            }
            Message::Piece(block) => {
                ensure!(
                    self.have.contains(&block.piece),
                    "serves {block:?}, which it lacks"
                );
                ensure!(seen.credit > 0, "sends {peer} more than its link takes");
                ensure!(
                    seen.owed.serve(*block),
                    "serves {peer} {block:?}, not asked for"
                );
                seen.credit -= 1;
                seen.unflushed += 1;
                let bytes = u64::from(block.length);
                self.count(peer, |it| it.payload_sent += bytes);
            }
            Message::Reject(block) => {
                ensure!(seen.fast, "rejects without BEP 6 at {peer}");
                ensure!(
                    seen.owed.reject(*block),
                    "rejects {block:?} of {peer}, not requested"
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Subtracts blocks that had not left when the connection closed.
    pub fn take_back(&mut self, peer: PeerKey, blocks: u32, payload: u64) {
        let headers = u64::from(blocks * PIECE_HEADER_BYTES);
        self.count(peer, |ledger| {
            ledger.payload_sent -= payload;
            ledger.protocol[Kind::PieceHeader as usize].sent -= headers;
        });
    }

    /// Whether the reason blames the peer. A blameless peer must not be closed for such a reason.
    pub fn is_blame(reason: &Reason) -> bool {
        matches!(reason, Reason::Violation(_) | Reason::Corrupt { .. })
    }
}
