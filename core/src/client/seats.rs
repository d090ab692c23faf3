//! Who is connected: a key for each connection, and the keys of those that left and may still have to
//! answer for what they sent.

use alloc::vec::Vec;

use super::places::Places;
use super::redial::Ended;
use crate::ids::PeerKey;
use crate::time::Instant;

/// Keys that are kept for peers that left, at most: the oldest goes first.
const LEFT: usize = 32;

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
}

#[derive(Clone, Copy, Debug)]
enum Place<P: Places> {
    Free,
    Taken(Seat<P>),
    /// Of a web seed, for good: it answers for what it sends.
    Kept,
    /// Blocks that it sent are not verified yet.
    Left(P::Address, Instant),
}

/// All places; index: [`PeerKey`].
#[derive(Clone, Debug)]
pub(super) struct Seats<P: Places> {
    places: Vec<Place<P>>,
}

impl<P: Places> Default for Seats<P> {
    fn default() -> Self {
        Self { places: Vec::new() }
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
        let left = self
            .places
            .iter()
            .position(|it| matches!(it, Place::Left(address, _) if P::host(*address) == host));
        let free = || self.places.iter().position(|it| matches!(it, Place::Free));
        let place = left.or_else(free).unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(Place::Free);
        }
        self.places[place] = Place::Taken(seat);
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

    /// Frees a seat; its key stays with its host as long as that may have to `answer` for something.
    pub(super) fn leave(&mut self, now: Instant, peer: PeerKey, answers: bool) -> Option<Seat<P>> {
        let seat = *self.get(peer)?;
        self.places[peer.0 as usize] = if answers {
            Place::Left(seat.address, now)
        } else {
            Place::Free
        };
        let left = (0..).zip(&self.places).filter_map(|(place, it)| match it {
            Place::Left(_, at) => Some((*at, place)),
            _ => None,
        });
        let (count, oldest) = (left.clone().count(), left.min());
        if let Some((_, oldest)) = oldest.filter(|_| count > LEFT) {
            self.places[oldest] = Place::Free;
        }
        Some(seat)
    }

    /// Frees the keys of those that left and have to answer for nothing any more.
    pub(super) fn forgive(&mut self, answers: impl Fn(PeerKey) -> bool) {
        for (place, it) in self.places.iter_mut().enumerate() {
            if matches!(it, Place::Left(..)) && !answers(key(place)) {
                *it = Place::Free;
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
        let places = self.places.iter().enumerate();
        places.filter_map(|(place, it)| match it {
            Place::Taken(seat) => Some((key(place), seat)),
            Place::Free | Place::Kept | Place::Left(..) => None,
        })
    }

    /// Connections that are not being closed.
    pub(super) fn standing(&self) -> impl Iterator<Item = (PeerKey, &Seat<P>)> {
        self.iter().filter(|(_, seat)| seat.closing.is_none())
    }

    /// How many stand.
    pub(super) fn count(&self) -> usize {
        self.standing().count()
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
