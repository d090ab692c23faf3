//! The established connections. A *seat* is one of them, and gives the peer its key. The key of a
//! closed connection is kept for a while if blocks the peer sent are not verified yet: so its host
//! can still be blamed.

use alloc::vec::Vec;

use super::places::Places;
use super::redial::Ended;
use super::turnover::Chances;
use crate::ids::PeerKey;

/// Most keys to keep for closed connections; the oldest is freed first.
const LEFT: usize = 32;

/// Least number of further connections to allocate memory for at a time.
const MORE_PLACES: usize = 32;

/// An established connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat<P: Places> {
    /// Where it came from, or where we dialled it.
    pub(super) address: P::Address,
    pub(super) name: P::Name,
    /// We opened it.
    pub(super) outgoing: bool,
    /// The user named it: it is never closed to make room.
    pub(super) kept: bool,
    /// Where the peer can be dialled, once known.
    pub(super) listens: Option<P::Address>,
    /// Why we asked the driver to close it.
    pub(super) closing: Option<Ended>,
    /// How it used its unchokes.
    pub(super) chances: Chances,
    /// How many recent visits of its host had been useless when it joined.
    pub(super) in_vain: u8,
}

#[derive(Clone, Copy, Debug)]
enum Place<P: Places> {
    Free,
    Taken(Seat<P>),
    /// The key of a web seed, which it keeps for ever: it can be blamed for all it sent.
    Kept,
    /// The peer is gone, but blocks that it sent are not verified yet.
    Left {
        address: P::Address,
        /// We had opened its connection.
        outgoing: bool,
        /// Orders such peers: lower numbers left earlier.
        turn: u32,
    },
}

/// All seats. The index is the [`PeerKey`].
#[derive(Clone, Debug)]
pub(super) struct Seats<P: Places> {
    places: Vec<Place<P>>,
    /// Connections that are not being closed.
    standing: u16,
    /// Number of `Left` entries.
    waiting: u16,
    /// Number of the last `Left` entry.
    left: u32,
}

impl<P: Places> Default for Seats<P> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            standing: 0,
            waiting: 0,
            left: 0,
        }
    }
}

/// Number of connections of each host.
#[derive(Debug)]
pub(super) struct Crowds<P: Places> {
    /// Sorted hosts, one entry for each connection.
    hosts: Vec<P::Host>,
}

impl<P: Places> Crowds<P> {
    pub(super) fn of(&self, host: P::Host) -> usize {
        let until = self.hosts.partition_point(|it| *it <= host);
        until - self.hosts.partition_point(|it| *it < host)
    }
}

fn key(place: usize) -> PeerKey {
    PeerKey(u32::try_from(place).expect("connections are counted in 16 bits"))
}

impl<P: Places> Seats<P> {
    /// Adds a connection. Returns its key, and whether the last peer with that key was on the same
    /// host. If a closed connection of the host still has a key, that key is used again: so the
    /// host is blamed for its blocks under any peer id. But of two ports of a host that we dialled,
    /// each answers for itself: behind one address may be many peers. Otherwise the lowest free key
    /// is used.
    pub(super) fn join(&mut self, seat: Seat<P>) -> (PeerKey, bool) {
        let host = P::host(seat.address);
        let same = |it: &Place<P>| match it {
            Place::Left {
                address, outgoing, ..
            } => {
                let elsewhere = seat.outgoing && *outgoing && seat.address != *address;
                P::host(*address) == host && !elsewhere
            }
            Place::Free | Place::Kept | Place::Taken(_) => false,
        };
        let left = if self.waiting > 0 {
            self.places.iter().position(same)
        } else {
            None
        };
        let free = || self.places.iter().position(|it| matches!(it, Place::Free));
        let place = left.or_else(free).unwrap_or(self.places.len());
        if place == self.places.len() {
            if place == self.places.capacity() {
                self.places.reserve_exact(MORE_PLACES.max(place / 4));
            }
            self.places.push(Place::Free);
        }
        self.places[place] = Place::Taken(seat);
        self.waiting -= u16::from(left.is_some());
        self.standing += 1;
        (key(place), left.is_some())
    }

    /// Reserves a key that no other peer will ever get.
    pub(super) fn keep(&mut self) -> PeerKey {
        let free = self.places.iter().position(|it| matches!(it, Place::Free));
        let place = free.unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(Place::Free);
        }
        self.places[place] = Place::Kept;
        key(place)
    }

    /// Marks a connection as being closed.
    pub(super) fn closing(&mut self, peer: PeerKey, why: Ended) {
        if let Some(seat) = self.get_mut(peer) {
            let stood = seat.closing.is_none();
            seat.closing = Some(why);
            self.standing -= u16::from(stood);
        }
    }

    /// Removes a connection. Its key stays with its host as long as blocks it sent may turn out to
    /// be corrupt (`answers`).
    pub(super) fn leave(&mut self, peer: PeerKey, answers: bool) {
        let Some(seat) = self.get(peer).copied() else {
            return;
        };
        self.standing -= u16::from(seat.closing.is_none());
        if !answers {
            self.places[peer.0 as usize] = Place::Free;
            return;
        }
        self.left = self.left.wrapping_add(1);
        self.waiting += 1;
        self.places[peer.0 as usize] = Place::Left {
            address: seat.address,
            outgoing: seat.outgoing,
            turn: self.left,
        };
        if usize::from(self.waiting) > LEFT {
            let left = (0..).zip(&self.places).filter_map(|(place, it)| match it {
                Place::Left { turn, .. } => Some((*turn, place)),
                Place::Free | Place::Kept | Place::Taken(_) => None,
            });
            let oldest = left.min().expect("there are more than none").1;
            self.places[oldest] = Place::Free;
            self.waiting -= 1;
        }
    }

    /// Frees the keys of closed connections whose blocks are all verified.
    pub(super) fn forgive(&mut self, answers: impl Fn(PeerKey) -> bool) {
        if self.waiting == 0 {
            return;
        }
        for (place, it) in self.places.iter_mut().enumerate() {
            if matches!(it, Place::Left { .. }) && !answers(key(place)) {
                *it = Place::Free;
                self.waiting -= 1;
            }
        }
    }

    pub(super) fn get(&self, peer: PeerKey) -> Option<&Seat<P>> {
        match self.places.get(peer.0 as usize)? {
            Place::Taken(seat) => Some(seat),
            Place::Free | Place::Kept | Place::Left { .. } => None,
        }
    }

    pub(super) fn get_mut(&mut self, peer: PeerKey) -> Option<&mut Seat<P>> {
        match self.places.get_mut(peer.0 as usize)? {
            Place::Taken(seat) => Some(seat),
            Place::Free | Place::Kept | Place::Left { .. } => None,
        }
    }

    /// The address of the present or last peer with this key.
    pub(super) fn address(&self, peer: PeerKey) -> Option<P::Address> {
        match self.places.get(peer.0 as usize)? {
            Place::Taken(seat) => Some(seat.address),
            Place::Left { address, .. } => Some(*address),
            Place::Free | Place::Kept => None,
        }
    }

    /// The connections in the order of their keys, including those that are being closed.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PeerKey, &Seat<P>)> {
        let places = (0..).map(PeerKey).zip(&self.places);
        places.filter_map(|(peer, it)| match it {
            Place::Taken(seat) => Some((peer, seat)),
            Place::Free | Place::Kept | Place::Left { .. } => None,
        })
    }

    /// Connections that are not being closed.
    pub(super) fn standing(&self) -> impl Iterator<Item = (PeerKey, &Seat<P>)> {
        self.iter().filter(|(_, seat)| seat.closing.is_none())
    }

    /// Number of connections that are not being closed.
    pub(super) fn count(&self) -> usize {
        usize::from(self.standing)
    }

    /// The same for each host.
    pub(super) fn crowds(&self) -> Crowds<P> {
        let hosts = self.standing().map(|(_, seat)| P::host(seat.address));
        let mut hosts: Vec<P::Host> = hosts.collect();
        hosts.sort_unstable();
        Crowds { hosts }
    }

    /// The same for one host.
    pub(super) fn of_host(&self, host: P::Host) -> usize {
        let same = |it: &(PeerKey, &Seat<P>)| P::host(it.1.address) == host;
        self.standing().filter(same).count()
    }

    /// Number of these that we opened.
    pub(super) fn dialled(&self, host: P::Host) -> usize {
        let same = |it: &(PeerKey, &Seat<P>)| it.1.outgoing && P::host(it.1.address) == host;
        self.standing().filter(same).count()
    }

    /// Whether a peer is connected from, or to, this address.
    pub(super) fn is_connected(&self, address: P::Address) -> bool {
        let same = |seat: &Seat<P>| {
            seat.listens == Some(address) || seat.outgoing && seat.address == address
        };
        self.iter().any(|(_, seat)| same(seat))
    }
}
