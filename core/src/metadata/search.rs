//! Decides which peers to connect to for the info dictionary: which to dial and when, which
//! incoming connections to accept, and which to close.
//!
//! The rules are those of a client with a torrent ([`crate::client`]) as far as they apply. The
//! difference: peers are useful only if they have the dictionary. The others are closed when
//! addresses wait.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use crate::client::Config;
use crate::client::bans::Bans;
use crate::client::book::{Book, Wanted};
use crate::client::explain::Unmet;
use crate::client::places::Places;
use crate::client::redial::{self, Ended};
use crate::client::source::Source;
use crate::ids::PeerKey;
use crate::time::Instant;

/// A connection without the dictionary is closed after this time if others need the place.
const USELESS_AFTER: Duration = Duration::from_secs(20);

/// A connection is closed after this time without a message: peers send something every two
/// minutes.
pub const SILENCE: Duration = Duration::from_secs(130);

/// Bytes that we report to trackers as missing while the size is unknown, so that they do not take
/// us for a seed. As libtorrent.
pub const LEFT: u64 = 16_384;

/// Most trackers to ask; a link may name more. All are asked at once, to find a peer soon.
pub const TRACKERS: usize = 50;

/// An action for the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act<A> {
    /// Dial the address; the connection has this key.
    Dial {
        /// The key.
        peer: PeerKey,
        /// The address.
        address: A,
    },
    /// Close the connection to make room. The search has forgotten it already.
    Close {
        /// Its key.
        peer: PeerKey,
    },
}

/// A connection, or an attempt.
#[derive(Clone, Copy, Debug)]
struct Line<P: Places> {
    address: P::Address,
    /// The source of the address, if we dialled it.
    dialled: Option<Source>,
    since: Instant,
    met: bool,
    /// The peer says that it has the dictionary.
    has: bool,
}

/// The connections of a search. Keys are not reused, because delayed events may still refer to old
/// ones.
#[derive(Debug)]
pub struct Search<P: Places> {
    config: Config,
    book: Book<P::Address>,
    bans: Bans<P>,
    lines: BTreeMap<PeerKey, Line<P>>,
    next_key: u32,
    useful: BTreeSet<P::Address>,
}

impl<P: Places> Search<P> {
    /// Starts without peers.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            // It is not known yet whether the torrent is private.
            book: Book::new(false),
            bans: Bans::default(),
            lines: BTreeMap::new(),
            next_key: 0,
            useful: BTreeSet::new(),
            config,
        }
    }

    /// The settings of the search.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// New addresses of peers.
    pub fn found(&mut self, source: Source, addresses: impl IntoIterator<Item = P::Address>) {
        for address in addresses.into_iter().filter_map(P::usable) {
            self.book.add(source, None, address);
        }
    }

    /// Number of known addresses.
    #[must_use]
    pub fn known(&self) -> usize {
        self.book.len()
    }

    /// Number of connections whose handshake is done.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.lines.values().filter(|it| it.met).count()
    }

    /// Addresses that sent a part of the dictionary: those peers are likely to have the payload,
    /// too.
    pub fn useful(&self) -> impl Iterator<Item = P::Address> {
        self.useful.iter().copied()
    }

    /// The next action. Call until `None`, after each input and once a second.
    pub fn poll(&mut self, now: Instant) -> Option<Act<P::Address>> {
        let wanted = Wanted {
            up_to: Source::PeerExchange,
            am_seed: false,
        };
        let attempts = self.lines.values();
        let attempts = attempts.filter(|it| it.dialled.is_some() && !it.met);
        if attempts.count() >= usize::from(self.config.attempts) {
            return None;
        }
        if self.lines.len() >= usize::from(self.config.connections) {
            if self.book.due(now, wanted) == 0 {
                return None;
            }
            let peer = self.who_makes_way(now)?;
            self.part(now, peer, Ended::Useless);
            return Some(Act::Close { peer });
        }
        let bans = &self.bans;
        let may = |address, _| !bans.is_banned(now, P::host(address));
        let (address, source) = self.book.poll_dial(now, wanted, may)?;
        let peer = self.begin(now, address, Some(source));
        Some(Act::Dial { peer, address })
    }

    fn who_makes_way(&self, now: Instant) -> Option<PeerKey> {
        let useless = self.lines.iter();
        let useless = useless.filter(|(_, it)| !it.has && now - it.since >= USELESS_AFTER);
        let oldest = useless.min_by_key(|it| it.1.since);
        oldest.map(|it| *it.0)
    }

    fn begin(&mut self, now: Instant, address: P::Address, dialled: Option<Source>) -> PeerKey {
        let peer = PeerKey(self.next_key);
        self.next_key += 1;
        let line = Line {
            address,
            dialled,
            since: now,
            met: false,
            has: false,
        };
        self.lines.insert(peer, line);
        peer
    }

    /// A connection came in. Returns its key if it is accepted. Incoming connections must not take
    /// the place of dialled ones.
    pub fn come(&mut self, now: Instant, address: P::Address) -> Option<PeerKey> {
        let guests = self.lines.values().filter(|it| it.dialled.is_none());
        let most = usize::from(self.config.connections.div_ceil(2));
        let welcome = guests.count() < most && !self.bans.is_banned(now, P::host(address));
        welcome.then(|| self.begin(now, address, None))
    }

    /// The handshake is done.
    pub fn met(&mut self, peer: PeerKey) {
        if let Some(line) = self.lines.get_mut(&peer) {
            line.met = true;
            if line.dialled.is_some() {
                self.book.connected(line.address);
            }
        }
    }

    /// The peer says that it has the dictionary.
    pub fn note_having(&mut self, peer: PeerKey) {
        if let Some(line) = self.lines.get_mut(&peer) {
            line.has = true;
        }
    }

    /// The peer sent a part of the dictionary.
    pub fn note_useful(&mut self, peer: PeerKey) {
        let line = self.lines.get(&peer).filter(|it| it.dialled.is_some());
        self.useful.extend(line.map(|it| it.address));
    }

    /// The connection is closed, or was never made.
    pub fn closed(&mut self, now: Instant, peer: PeerKey) {
        self.part(now, peer, Ended::ByPeer);
    }

    /// The driver closed the connection because the peer does not read.
    pub fn unread(&mut self, now: Instant, peer: PeerKey) {
        self.part(now, peer, Ended::Unread);
    }

    /// We connected to ourselves: the address is not dialled again.
    pub fn is_us(&mut self, now: Instant, peer: PeerKey) {
        if let Some(address) = self.part(now, peer, Ended::Twice) {
            self.book.postpone(address, Instant::NEVER);
        }
    }

    /// The peer sent false data. The connection is closed, and its host is banned.
    pub fn condemn(&mut self, now: Instant, peer: PeerKey) {
        if let Some(address) = self.part(now, peer, Ended::Corrupt) {
            let host = P::host(address);
            self.bans.corrupt(now, host);
            self.book.postpone(address, self.bans.until(host));
            self.useful.remove(&address);
        }
    }

    /// Removes a connection and decides when its address may be dialled again.
    fn part(&mut self, now: Instant, peer: PeerKey, ended: Ended) -> Option<P::Address> {
        let line = self.lines.remove(&peer)?;
        match line.dialled {
            Some(_) if !line.met => self.book.failed(now, line.address, Unmet::HungUp),
            Some(source) => self
                .book
                .parted(now, line.address, redial::after(ended, source)),
            None => {}
        }
        Some(line.address)
    }
}
