//! The side that wants the info dictionary.

use crate::text::counted;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use super::draft::{Draft, Verdict};
use super::{MAX_METADATA_BYTES, metadata_pieces, piece_bytes};
use crate::ids::{PeerId, PeerKey};
use crate::magnet::Expected;
use crate::message::MetadataMessage;
use crate::time::Instant;

/// Most outstanding requests at a peer. libtorrent has 2, and queues 1024; Transmission queues 64.
const WINDOW: usize = 8;
/// Peer ids of rtorrent begin so. It answers one request. While it sends that answer it leaves the
/// next one unread, and what came with that one it does not look at again until more bytes arrive.
/// Read in `extensions.cc` of libTorrent 0.13.8, and seen.
const ONE_AT_A_TIME: &[u8] = b"-lt";
/// A request without an answer for this time counts as lost.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Time after which a piece may be requested from a second peer. libtorrent: 3 s.
const SECOND_ASKED: Duration = Duration::from_secs(3);
/// Time after which a peer that rejected a request is asked again. BEP 9 leaves it open;
/// libtorrent: 1 min.
const REJECT_PAUSE: Duration = Duration::from_mins(1);
/// Longest pause of a peer that lost requests. Each pause is twice as long as the one before.
const LOST_PAUSE_MAX: Duration = Duration::from_mins(1);
/// Most bytes of pieces to keep in all drafts together: two dictionaries of the largest size.
const MAX_KEPT_BYTES: u64 = 2 * MAX_METADATA_BYTES as u64;

/// Why a connection cannot, or can no longer, be used for the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// An impossible size of an info dictionary.
    #[error("metadata of {}, at most {MAX_METADATA_BYTES} are accepted", counted(u64::from(*.0), "byte"))]
    Size(u32),
    /// Another size than in the handshake.
    #[error("metadata of {size} after a handshake that said {1}", size = counted(u64::from(*.0), "byte"))]
    OtherSize(u32, u32),
    /// Data that we did not request.
    #[error("metadata piece {0} that was not asked for")]
    Unasked(u32),
    /// A piece of the wrong length.
    #[error("metadata piece of {got}, it has {1}", got = counted(*.0 as u64, "byte"))]
    Length(usize, u32),
    /// Its data does not match the hash.
    #[error("wrong metadata")]
    WrongHash,
}

#[derive(Debug)]
struct Peer {
    size: u32,
    /// Most outstanding requests.
    window: usize,
    /// Outstanding requests and when they were sent.
    asked: BTreeMap<u32, Instant>,
    /// Requests that were given up; the answer may still come.
    late: BTreeSet<u32>,
    /// Requests in a row without a result.
    failures: u32,
    pause_until: Instant,
}

/// Fetches the info dictionary with these hashes.
///
/// Peers that agree on its size share the work. If their data together has the wrong hash, one peer
/// at a time is asked for the whole dictionary. So a peer that sends wrong data is identified,
/// reported by [`Self::poll_violation`] and not asked again. Peers that claim different sizes do
/// not disturb each other. So one honest peer that stays connected is enough.
#[derive(Debug)]
pub struct Fetch {
    expected: Expected,
    peers: BTreeMap<PeerKey, Peer>,
    /// Drafts by size.
    drafts: BTreeMap<u32, Draft>,
    violations: VecDeque<(PeerKey, Violation)>,
    done: Option<Vec<u8>>,
    /// Time of the last [`Self::poll_request`].
    polled_at: Instant,
}

impl Fetch {
    /// Starts without peers.
    #[must_use]
    pub fn new(expected: impl Into<Expected>) -> Self {
        Self {
            expected: expected.into(),
            peers: BTreeMap::new(),
            drafts: BTreeMap::new(),
            violations: VecDeque::new(),
            done: None,
            polled_at: Instant::START,
        }
    }

    /// A peer said in its extension handshake that it has the dictionary, and how large it is. A
    /// later handshake may repeat that.
    pub fn join(&mut self, peer: PeerKey, size: u32) -> Result<(), Violation> {
        if !(1..=MAX_METADATA_BYTES).contains(&size) {
            return Err(Violation::Size(size));
        }
        match self.peers.get(&peer) {
            Some(known) if known.size != size => {
                let said = known.size;
                self.leave(peer);
                Err(Violation::OtherSize(size, said))
            }
            Some(_) => Ok(()),
            None => {
                let new = Peer {
                    size,
                    window: WINDOW,
                    asked: BTreeMap::new(),
                    late: BTreeSet::new(),
                    failures: 0,
                    pause_until: Instant::START,
                };
                self.peers.insert(peer, new);
                Ok(())
            }
        }
    }

    /// The peer, which has joined, has this id.
    pub fn introduce(&mut self, peer: PeerKey, name: PeerId) {
        if let Some(known) = self.peers.get_mut(&peer)
            && name.0.starts_with(ONE_AT_A_TIME)
        {
            known.window = 1;
        }
    }

    /// The connection is closed.
    pub fn leave(&mut self, peer: PeerKey) {
        if let Some(gone) = self.peers.remove(&peer)
            && let Some(draft) = self.drafts.get_mut(&gone.size)
        {
            draft.forget(peer);
            if draft.is_empty() && !self.peers.values().any(|it| it.size == gone.size) {
                self.drafts.remove(&gone.size);
            }
        }
    }

    /// Whether `peer` says that it has the dictionary.
    #[must_use]
    pub fn has(&self, peer: PeerKey) -> bool {
        self.peers.contains_key(&peer)
    }

    /// Whether `peer` says that it has the dictionary, and did not reject or lose our last request.
    #[must_use]
    pub fn delivers(&self, peer: PeerKey) -> bool {
        self.peers.get(&peer).is_some_and(|it| it.failures == 0)
    }

    /// Number of peers that can be asked.
    #[must_use]
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Number of received pieces, and of all pieces, of the draft that is closest to complete.
    #[must_use]
    pub fn progress(&self) -> Option<(u32, u32)> {
        let each = self.drafts.iter().map(|(size, draft)| {
            let all = metadata_pieces(*size);
            let missing = u32::try_from(draft.missing().count()).expect("no more than all");
            (all - missing, all)
        });
        each.max_by_key(|(here, all)| (u64::from(*here) << 32) / u64::from(*all))
    }

    /// The dictionary, once its hash is right. Returned only once.
    pub fn take_done(&mut self) -> Option<Vec<u8>> {
        self.done.take()
    }

    /// A peer whose connection must be closed, and why.
    pub fn poll_violation(&mut self) -> Option<(PeerKey, Violation)> {
        self.violations.pop_front()
    }

    /// A message from a peer that has joined. Requests are ignored: we have nothing to send yet.
    pub fn on_message(
        &mut self,
        now: Instant,
        peer: PeerKey,
        message: &MetadataMessage,
    ) -> Result<(), Violation> {
        let Some(known) = self.peers.get_mut(&peer) else {
            return Ok(());
        };
        match message {
            MetadataMessage::Request(_) => Ok(()),
            MetadataMessage::Reject(piece) => {
                // A reject without a request is harmless.
                if known.asked.remove(piece).is_some() || known.late.remove(piece) {
                    known.failures = known.failures.saturating_add(1);
                    known.pause_until = now.after(REJECT_PAUSE);
                    self.give_way(peer);
                }
                Ok(())
            }
            MetadataMessage::Data {
                piece,
                total_bytes,
                bytes,
            } => {
                if let Err(violation) = known.take(*piece, *total_bytes, bytes.len()) {
                    self.leave(peer);
                    return Err(violation);
                }
                known.failures = 0;
                known.pause_until = known.pause_until.min(now);
                let size = known.size;
                let draft = self.drafts.get_mut(&size);
                // Otherwise only another peer may contribute, or the piece came too late.
                if let Some(draft) = draft.filter(|it| it.only.is_none_or(|only| only == peer)) {
                    draft.keep(*piece, bytes.clone(), peer);
                    self.judge(size);
                    self.limit_memory(now);
                }
                Ok(())
            }
        }
    }

    fn judge(&mut self, size: u32) {
        let expected = self.expected;
        let draft = self.drafts.get_mut(&size);
        match draft.and_then(|it| it.judge(expected)) {
            None => {}
            Some(Verdict::Good(info)) => {
                self.done = Some(info);
                self.peers.clear();
                self.drafts.clear();
            }
            Some(Verdict::Bad(from)) => {
                if let Some(draft) = self.drafts.get_mut(&size) {
                    draft.mistrust = true;
                    draft.only = None;
                }
                if let (Some(Some(liar)), 1) = (from.first().copied(), from.len()) {
                    self.leave(liar);
                    self.violations.push_back((liar, Violation::WrongHash));
                }
            }
        }
    }

    /// If `peer` is the only one that is asked and does not deliver, the next peer is asked.
    fn give_way(&mut self, peer: PeerKey) {
        let Some(size) = self.peers.get(&peer).map(|it| it.size) else {
            return;
        };
        if let Some(draft) = self.drafts.get_mut(&size)
            && draft.only == Some(peer)
        {
            draft.give_up();
        }
    }

    /// If the drafts are too large together, drops the draft that the fewest peers claim; of
    /// several, the largest.
    fn limit_memory(&mut self, now: Instant) {
        while self.drafts.values().map(Draft::bytes).sum::<u64>() > MAX_KEPT_BYTES {
            let claims = |size: u32| self.peers.values().filter(|it| it.size == size).count();
            let filled = self.drafts.iter().filter(|it| !it.1.is_empty());
            let sizes = filled.map(|it| *it.0);
            let Some(least) = sizes.min_by_key(|size| (claims(*size), Reverse(*size))) else {
                return;
            };
            self.drafts.remove(&least);
            for peer in self.peers.values_mut().filter(|it| it.size == least) {
                peer.late.extend(peer.asked.keys());
                peer.asked.clear();
                peer.pause_until = now.after(REJECT_PAUSE);
            }
        }
    }

    /// Gives up requests that were not answered in time.
    fn expire(&mut self, now: Instant) {
        let mut slow = Vec::new();
        for (key, peer) in &mut self.peers {
            let lost = |at: &Instant| at.after(REQUEST_TIMEOUT) <= now;
            if !peer.asked.values().any(lost) {
                continue;
            }
            // Give up all requests of the peer: those behind a lost request would only time out
            // later.
            peer.late.extend(peer.asked.keys());
            peer.asked.clear();
            peer.failures = peer.failures.saturating_add(1);
            let pause = REQUEST_TIMEOUT.saturating_mul(1 << peer.failures.min(6));
            peer.pause_until = now.after(pause.min(LOST_PAUSE_MAX));
            slow.push(*key);
        }
        for peer in slow {
            self.give_way(peer);
        }
    }

    /// A request to send now: the peer and the piece.
    pub fn poll_request(&mut self, now: Instant) -> Option<(PeerKey, u32)> {
        self.polled_at = now;
        self.expire(now);
        for peer in self.peers.values().filter(|it| it.pause_until <= now) {
            self.drafts
                .entry(peer.size)
                .or_insert_with(|| Draft::new(peer.size));
        }
        let found = self.drafts.iter().find_map(|(size, draft)| {
            let (peer, piece) = self.choose(now, *size, draft)?;
            Some((*size, peer, piece))
        });
        let (size, peer, piece) = found?;
        if let Some(draft) = self.drafts.get_mut(&size)
            && draft.mistrust
        {
            draft.only = Some(peer);
        }
        let known = self.peers.get_mut(&peer)?;
        known.late.remove(&piece);
        known.asked.insert(piece, now);
        Some((peer, piece))
    }

    fn choose(&self, now: Instant, size: u32, draft: &Draft) -> Option<(PeerKey, u32)> {
        let peers = self.peers.iter().filter(|it| it.1.size == size);
        let able = peers.clone().filter(|(key, peer)| {
            peer.pause_until <= now
                && peer.asked.len() < peer.window
                && draft.only.is_none_or(|only| only == **key)
        });
        let mut able: Vec<_> = able.collect();
        able.sort_by_key(|(key, peer)| (peer.failures, peer.asked.len(), **key));
        let first = able.first()?.0;
        let mut asked_at = BTreeMap::new();
        for (piece, at) in peers.flat_map(|it| &it.1.asked) {
            let latest: &mut Instant = asked_at.entry(*piece).or_default();
            *latest = (*latest).max(*at);
        }
        // In the order of pieces: the first one that is not requested, else one whose request takes
        // long.
        let mut second = None;
        for piece in draft.missing() {
            match asked_at.get(&piece) {
                None => return Some((*first, piece)),
                Some(at) if second.is_none() && at.after(SECOND_ASKED) <= now => {
                    let other = able.iter().find(|it| !it.1.asked.contains_key(&piece));
                    second = other.map(|it| (*it.0, piece));
                }
                Some(_) => {}
            }
        }
        second
    }

    /// When [`Self::poll_request`] may have a new request.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let paused = self.peers.values().map(|it| it.pause_until);
        let asked = self.peers.values().flat_map(|it| it.asked.values());
        let asked = asked.flat_map(|at| [at.after(SECOND_ASKED), at.after(REQUEST_TIMEOUT)]);
        paused.chain(asked).filter(|at| *at > self.polled_at).min()
    }
}

impl Peer {
    /// Checks that the data was requested. It then no longer counts as requested.
    fn take(&mut self, piece: u32, total_bytes: u32, length: usize) -> Result<(), Violation> {
        if self.asked.remove(&piece).is_none() && !self.late.remove(&piece) {
            return Err(Violation::Unasked(piece));
        }
        if total_bytes != self.size {
            return Err(Violation::OtherSize(total_bytes, self.size));
        }
        let expected = piece_bytes(self.size, piece);
        if length as u64 != u64::from(expected) {
            return Err(Violation::Length(length, expected));
        }
        Ok(())
    }
}
