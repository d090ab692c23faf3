//! Who is connected: a key for each connection, and the keys of those that left and may still have to
//! answer for what they sent.

use alloc::vec::Vec;

use super::places::Places;
use super::redial::Ended;
use super::turnover::Chances;
use crate::ids::PeerKey;

/// Keys that are kept for peers that left, at most: the oldest goes first.
const LEFT: usize = 32;

/// Memory is taken for at least so many further connections at a time.
const MORE_PLACES: usize = 32;

/// A connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat<P: Places> {
    /// Where it came from, or where we dialled it.
    pub(super) address: P::Address,
    pub(super) name: P::Name,
    /// We opened it.
    pub(super) outgoing: bool,
    /// The user named it: it makes room for nobody.
    pub(super) kept: bool,
    /// Where it can be dialled, once that is known.
    pub(super) listens: Option<P::Address>,
    /// Why we asked the driver to close it.
    pub(super) closing: Option<Ended>,
    /// What it made of its chances.
    pub(super) chances: Chances,
    /// How often its host had come for nothing when it joined.
    pub(super) in_vain: u8,
}

#[derive(Clone, Copy, Debug)]
enum Place<P: Places> {
    Free,
    Taken(Seat<P>),
    /// Of a web seed, for good: it answers for what it sends.
    Kept,
    /// Blocks that it sent are not verified yet; who left before has a lower number.
    Left(P::Address, u32),
}

/// All places; index: [`PeerKey`].
#[derive(Clone, Debug)]
pub(super) struct Seats<P: Places> {
    places: Vec<Place<P>>,
    /// Connections that are not being closed.
    standing: u16,
    /// Those that left and may have to answer for something.
    waiting: u16,
    /// Counts those that ever were such.
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

/// How many connections of each host stand.
#[derive(Debug)]
pub(super) struct Crowds<P: Places> {
    /// In order, as often as they have connections.
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
    /// Seats a newcomer: its key, and whether the last holder of the key was of the same host. That
    /// one's key is used again, so that what a host sent counts against it whatever it calls itself;
    /// otherwise the lowest that is free.
    pub(super) fn join(&mut self, seat: Seat<P>) -> (PeerKey, bool) {
        let host = P::host(seat.address);
        let same =
            |it: &Place<P>| matches!(it, Place::Left(address, _) if P::host(*address) == host);
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

    /// A key that nobody else will ever have.
    pub(super) fn keep(&mut self) -> PeerKey {
        let free = self.places.iter().position(|it| matches!(it, Place::Free));
        let place = free.unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(Place::Free);
        }
        self.places[place] = Place::Kept;
        key(place)
    }

    /// A connection is being closed.
    pub(super) fn closing(&mut self, peer: PeerKey, why: Ended) {
        if let Some(seat) = self.get_mut(peer) {
            let stood = seat.closing.is_none();
            seat.closing = Some(why);
            self.standing -= u16::from(stood);
        }
    }

    /// Frees a seat; its key stays with its host as long as that may have to `answer` for something.
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
        self.places[peer.0 as usize] = Place::Left(seat.address, self.left);
        if usize::from(self.waiting) > LEFT {
            let left = (0..).zip(&self.places).filter_map(|(place, it)| match it {
                Place::Left(_, turn) => Some((*turn, place)),
                Place::Free | Place::Kept | Place::Taken(_) => None,
            });
            let oldest = left.min().expect("there are more than none").1;
            self.places[oldest] = Place::Free;
            self.waiting -= 1;
        }
    }

    /// Frees the keys of those that left and have to answer for nothing any more.
    pub(super) fn forgive(&mut self, answers: impl Fn(PeerKey) -> bool) {
        if self.waiting == 0 {
            return;
        }
        for (place, it) in self.places.iter_mut().enumerate() {
            if matches!(it, Place::Left(..)) && !answers(key(place)) {
                *it = Place::Free;
                self.waiting -= 1;
            }
        }
    }

    pub(super) fn get(&self, peer: PeerKey) -> Option<&Seat<P>> {
        match self.places.get(peer.0 as usize)? {
            Place::Taken(seat) => Some(seat),
            Place::Free | Place::Kept | Place::Left(..) => None,
        }
    }

    pub(super) fn get_mut(&mut self, peer: PeerKey) -> Option<&mut Seat<P>> {
        match self.places.get_mut(peer.0 as usize)? {
            Place::Taken(seat) => Some(seat),
            Place::Free | Place::Kept | Place::Left(..) => None,
        }
    }

    /// Where the present or last holder of a key is.
    pub(super) fn address(&self, peer: PeerKey) -> Option<P::Address> {
        match self.places.get(peer.0 as usize)? {
            Place::Taken(seat) => Some(seat.address),
            Place::Left(address, _) => Some(*address),
            Place::Free | Place::Kept => None,
        }
    }

    /// The connections, in the order of their keys, also those that are being closed.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PeerKey, &Seat<P>)> {
        let places = (0..).map(PeerKey).zip(&self.places);
        places.filter_map(|(peer, it)| match it {
            Place::Taken(seat) => Some((peer, seat)),
            Place::Free | Place::Kept | Place::Left(..) => None,
        })
    }

    /// Connections that are not being closed.
    pub(super) fn standing(&self) -> impl Iterator<Item = (PeerKey, &Seat<P>)> {
        self.iter().filter(|(_, seat)| seat.closing.is_none())
    }

    /// How many stand.
    pub(super) fn count(&self) -> usize {
        usize::from(self.standing)
    }

    /// How many of each host stand.
    pub(super) fn crowds(&self) -> Crowds<P> {
        let hosts = self.standing().map(|(_, seat)| P::host(seat.address));
        let mut hosts: Vec<P::Host> = hosts.collect();
        hosts.sort_unstable();
        Crowds { hosts }
    }

    /// How many of one host stand.
    pub(super) fn of_host(&self, host: P::Host) -> usize {
        let same = |it: &(PeerKey, &Seat<P>)| P::host(it.1.address) == host;
        self.standing().filter(same).count()
    }

    /// How many of them we opened.
    pub(super) fn dialled(&self, host: P::Host) -> usize {
        let same = |it: &(PeerKey, &Seat<P>)| it.1.outgoing && P::host(it.1.address) == host;
        self.standing().filter(same).count()
    }

    /// Whether somebody connected from, or to, this address.
    pub(super) fn is_connected(&self, address: P::Address) -> bool {
        let same = |seat: &Seat<P>| {
            seat.listens == Some(address) || seat.outgoing && seat.address == address
        };
        self.iter().any(|(_, seat)| same(seat))
    }
}
