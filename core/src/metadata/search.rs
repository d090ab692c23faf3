//! Decides which peers to connect to for the info dictionary: which to dial and when, which
//! incoming connections to accept, and which to close.
//!
//! The rules are those of a client with a torrent ([`crate::client`]) as far as they apply. The
//! difference: peers are useful only if they have the dictionary. The others are closed when
//! addresses wait.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;
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

/// The same for a connection that says that it has the dictionary: whatever it says, and however
/// slowly it sends, nobody holds a place for ever. Most dictionaries arrive in seconds.
const SLOW_AFTER: Duration = Duration::from_mins(3);

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
    /// The peer says that it has the dictionary, and does not leave requests unanswered.
    has: bool,
}

impl<P: Places> Line<P> {
    /// Whether the connection had its time and makes way for others.
    fn is_over(&self, now: Instant) -> bool {
        let lasts = if self.has { SLOW_AFTER } else { USELESS_AFTER };
        now - self.since >= lasts
    }
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
    /// Dialled addresses that sent a part of the dictionary, with their source.
    useful: BTreeMap<P::Address, Source>,
    /// Connections that the driver must close.
    evicted: Vec<PeerKey>,
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
            useful: BTreeMap::new(),
            evicted: Vec::new(),
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

    /// Addresses that sent a part of the dictionary, and who named them: those peers are likely to
    /// have the payload, too. In a private torrent only some sources may be used
    /// ([`Source::is_allowed`]).
    pub fn useful(&self) -> impl Iterator<Item = (Source, P::Address)> {
        self.useful
            .iter()
            .map(|(address, source)| (*source, *address))
    }

    /// The next action. Call until `None`, after each input and once a second.
    pub fn poll(&mut self, now: Instant) -> Option<Act<P::Address>> {
        if let Some(peer) = self.evicted.pop() {
            return Some(Act::Close { peer });
        }
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
        let (bans, lines, config) = (&self.bans, &self.lines, &self.config);
        let may = |address, source| {
            let host = P::host(address);
            let dialled = lines.values().filter(|it| it.dialled.is_some());
            let of_host = dialled.filter(|it| P::host(it.address) == host).count();
            let full = of_host >= config.per_host(P::is_shared(host));
            !bans.is_banned(now, host) && (source == Source::User || !full)
        };
        let (address, source) = self.book.poll_dial(now, wanted, may)?;
        let peer = self.begin(now, address, Some(source));
        Some(Act::Dial { peer, address })
    }

    /// The connection that is closed for a waiting address: first those without the dictionary.
    fn who_makes_way(&self, now: Instant) -> Option<PeerKey> {
        let over = self.lines.iter().filter(|it| it.1.is_over(now));
        over.min_by_key(|it| (it.1.has, it.1.since)).map(|it| *it.0)
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
    /// the place of dialled ones, and those of one host must not keep other hosts out.
    pub fn come(&mut self, now: Instant, address: P::Address) -> Option<PeerKey> {
        let host = P::host(address);
        let of_host = self.guests(host).count();
        let most = self.config.per_host(P::is_shared(host));
        if of_host >= most || self.bans.is_banned(now, host) {
            return None;
        }
        let guests = self.lines.values().filter(|it| it.dialled.is_none());
        if guests.count() >= usize::from(self.config.connections.div_ceil(2)) {
            let evicted = self.which_guest_yields(now, of_host)?;
            self.part(now, evicted, Ended::Useless);
            self.evicted.push(evicted);
        }
        Some(self.begin(now, address, None))
    }

    /// The incoming connections of a host.
    fn guests(&self, host: P::Host) -> impl Iterator<Item = (PeerKey, &Line<P>)> {
        let lines = self.lines.iter().map(|(peer, line)| (*peer, line));
        lines.filter(move |(_, it)| it.dialled.is_none() && P::host(it.address) == host)
    }

    /// The incoming connection that makes room for one of a host with `of_host` such connections:
    /// the oldest of the host with the most, if those are more, or else one whose time is over.
    fn which_guest_yields(&self, now: Instant, of_host: usize) -> Option<PeerKey> {
        let guests = self.lines.iter().filter(|it| it.1.dialled.is_none());
        let crowds = guests.map(|(peer, it)| (self.guests(P::host(it.address)).count(), it, *peer));
        let yields = crowds
            .filter(|(crowd, it, _)| *crowd > of_host + 1 || *crowd > of_host && it.is_over(now));
        let oldest = yields.max_by_key(|it| (it.0, !it.1.has, Reverse(it.1.since), Reverse(it.2)));
        oldest.map(|it| it.2)
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

    /// Whether the peer has the dictionary, as far as it says so and answers our requests.
    pub fn note_having(&mut self, peer: PeerKey, has: bool) {
        if let Some(line) = self.lines.get_mut(&peer) {
            line.has = has;
        }
    }

    /// The peer sent a part of the dictionary.
    pub fn note_useful(&mut self, peer: PeerKey) {
        if let Some(line) = self.lines.get(&peer)
            && let Some(source) = line.dialled
        {
            self.useful.insert(line.address, source);
        }
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
