//! The addresses we know, with the results of earlier attempts. Decides which address to dial next.
//!
//! Every source has its own quota ([`Source::places`]), so strangers cannot displace addresses from
//! a tracker or the user. Within the quota of peer exchange, each peer has a limit of its own.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::explain::{Candidates, Unmet};
use super::redial::{Fate, after_failure};
use super::source::Source;
use crate::ids::PeerKey;
use crate::time::Instant;

/// State of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Trying,
    Connected,
}

/// Result of the last attempt or connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Untried,
    Failed(Unmet),
    Connected,
}

/// One address. 20 bytes in the simulator, which has millions of them.
#[derive(Clone, Copy, Debug)]
struct Record<A> {
    address: A,
    not_before: Tick,
    /// Order among addresses of one source: lower numbers were added, or put back, earlier.
    turn: u32,
    teller: Teller,
    source: Source,
    state: State,
    failures: u8,
    /// The peer was a seed when it was last connected.
    seed: bool,
    /// Last result apart from that.
    last: Last,
}

/// A time in steps of 17 ms, which is fine enough for waits of seconds. 32 bits are enough for two
/// years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(u32);

impl Tick {
    const SHIFT: u32 = 24;

    /// The last step that is not later.
    fn at(moment: Instant) -> Self {
        Self(u32::try_from(moment.as_nanos() >> Self::SHIFT).unwrap_or(u32::MAX))
    }

    fn moment(self) -> Instant {
        match self.0 {
            u32::MAX => Instant::NEVER,
            ticks => Instant::from_nanos(u64::from(ticks) << Self::SHIFT),
        }
    }
}

/// The peer that named an address, if a peer did. 16 bits are enough for connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Teller(u16);

impl Teller {
    const NONE: Self = Self(u16::MAX);

    fn of(peer: Option<PeerKey>) -> Self {
        peer.map_or(Self::NONE, |it| {
            Self(u16::try_from(it.0).unwrap_or(u16::MAX))
        })
    }

    fn index(self) -> Option<usize> {
        (self != Self::NONE).then_some(usize::from(self.0))
    }
}

/// Which waiting addresses may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Addresses of this source and of more trusted sources.
    pub up_to: Source,
    /// We are a seed: leave out addresses of known seeds.
    pub am_seed: bool,
}

impl Wanted {
    fn admits<A>(self, it: &Record<A>) -> bool {
        let waits = it.state == State::Waiting && it.source <= self.up_to;
        waits && !(self.am_seed && it.seed)
    }
}

/// Least number of further addresses to allocate memory for at a time.
const MORE_RECORDS: usize = 32;

/// The addresses that a client knows.
#[derive(Clone, Debug)]
pub struct Book<A> {
    /// Sorted by address.
    records: Vec<Record<A>>,
    /// Number of addresses that each peer named. Kept up to date instead of recounted, because
    /// peers can name many.
    told: Vec<u32>,
    /// Number of addresses of each source.
    counts: [u16; Source::COUNT],
    /// Number of waiting addresses of each source: all others, and those of known seeds.
    waiting: [[u16; Source::COUNT]; 2],
    turn: u32,
    private: bool,
    /// Number of addresses of each source that were dropped after many failures.
    forgotten: [u16; Source::COUNT],
}

impl<A: Copy + Ord> Book<A> {
    /// An empty book. For a private torrent it accepts only the sources that [`Source::is_allowed`]
    /// names.
    #[must_use]
    pub fn new(private: bool) -> Self {
        Self {
            records: Vec::new(),
            told: Vec::new(),
            counts: [0; Source::COUNT],
            waiting: [[0; Source::COUNT]; 2],
            turn: 0,
            private,
            forgotten: [0; Source::COUNT],
        }
    }

    fn place(&self, address: A) -> Result<usize, usize> {
        self.records.binary_search_by_key(&address, |it| it.address)
    }

    fn get(&self, address: A) -> Option<&Record<A>> {
        let place = self.place(address).ok()?;
        Some(&self.records[place])
    }

    /// Changes a known address, and whether it counts as waiting.
    fn change(&mut self, address: A, change: impl FnOnce(&mut Record<A>)) {
        if let Ok(place) = self.place(address) {
            self.change_at(place, change);
        }
    }

    fn change_at(&mut self, place: usize, change: impl FnOnce(&mut Record<A>)) {
        self.count(place, -1);
        change(&mut self.records[place]);
        self.count(place, 1);
    }

    /// Adds `change` to the number of addresses that wait, if the one at `place` does.
    fn count(&mut self, place: usize, change: i16) {
        let it = &self.records[place];
        if it.state == State::Waiting {
            let count = &mut self.waiting[usize::from(it.seed)][it.source as usize];
            *count = count.checked_add_signed(change).expect("those in the book");
        }
    }

    fn next_turn(&mut self) -> u32 {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    /// Adds an address that `source` named. A known address may become more trusted; for a new one
    /// there may be no room. Returns whether anything changed.
    pub fn add(&mut self, source: Source, teller: Option<PeerKey>, address: A) -> bool {
        if !source.is_allowed(self.private) {
            return false;
        }
        if let Some(known) = self.get(address) {
            let (before, less_trusted) = (known.teller, known.source);
            let better = source < less_trusted;
            if better {
                let teller = Teller::of(teller);
                self.change(address, |it| (it.teller, it.source) = (teller, source));
                self.counts[less_trusted as usize] -= 1;
                self.counts[source as usize] += 1;
                self.credit(before, -1);
                self.credit(teller, 1);
            }
            return better;
        }
        let teller = Teller::of(teller);
        if !self.make_room(source, teller) {
            return false;
        }
        let turn = self.next_turn();
        let place = self.place(address).expect_err("it is not known");
        let record = Record {
            address,
            not_before: Tick::at(Instant::START),
            turn,
            source,
            state: State::Waiting,
            failures: 0,
            seed: false,
            last: Last::Untried,
            teller,
        };
        if self.records.len() == self.records.capacity() {
            self.records
                .reserve_exact(MORE_RECORDS.max(self.records.len() / 4));
        }
        self.records.insert(place, record);
        self.count(place, 1);
        self.counts[source as usize] += 1;
        self.credit(teller, 1);
        true
    }

    /// Adds `change` to the number of addresses that `teller` named.
    fn credit(&mut self, teller: Teller, change: i32) {
        let Some(teller) = teller.index() else {
            return;
        };
        if self.told.len() <= teller {
            self.told.resize(teller + 1, 0);
        }
        self.told[teller] = self.told[teller].saturating_add_signed(change);
    }

    /// Number of addresses that `teller` named.
    fn told(&self, teller: Teller) -> usize {
        let told = teller.index().and_then(|it| self.told.get(it));
        told.map_or(0, |it| *it as usize)
    }

    fn remove(&mut self, place: usize) {
        self.count(place, -1);
        let gone = self.records.remove(place);
        self.counts[gone.source as usize] -= 1;
        self.credit(gone.teller, -1);
    }

    /// Makes room for one more address of `source`, if necessary by dropping a waiting one. False
    /// if there is no room.
    fn make_room(&mut self, source: Source, teller: Teller) -> bool {
        let of = |it: &&Record<A>| it.source == source;
        let own = self.told(teller);
        if own >= Source::PLACES_OF_A_TELLER {
            return false;
        }
        if usize::from(self.counts[source as usize]) < source.places() {
            return true;
        }
        let waiting = (0..)
            .zip(&self.records)
            .filter(|(_, it)| of(it) && it.state == State::Waiting);
        // Drop an address of the peer that named the most: first the one that failed most often,
        // then the one that has been here longest.
        let worst = waiting.max_by_key(|(_, it): &(usize, _)| {
            (self.told(it.teller), it.failures, Reverse(it.turn))
        });
        let Some((place, worst)) = worst else {
            return false;
        };
        // A peer may displace an address of another peer only if it has failed, or if that peer has named
        // at least two more. So two peers cannot displace each other's addresses for ever.
        let fair =
            worst.teller == Teller::NONE || self.told(worst.teller) > own + 1 || worst.failures > 0;
        if fair {
            self.remove(place);
        }
        fair
    }

    /// Number of waiting addresses that may be dialled now.
    #[must_use]
    pub fn due(&self, now: Instant, wanted: Wanted) -> usize {
        let now = Tick::at(now);
        let due = |it: &&Record<A>| wanted.admits(it) && it.not_before <= now;
        self.records.iter().filter(due).count()
    }

    /// Number of waiting addresses, due or not.
    #[must_use]
    pub fn waiting(&self, wanted: Wanted) -> usize {
        let kinds = if wanted.am_seed { 1 } else { 2 };
        let kinds = self.waiting[..kinds].iter();
        let counts = kinds.flat_map(|it| &it[..=wanted.up_to as usize]);
        counts.map(|it| usize::from(*it)).sum()
    }

    /// State of the addresses, by source.
    #[must_use]
    pub fn candidates(&self) -> Vec<Candidates> {
        let mut all = Source::ALL.map(Candidates::of);
        for (candidates, forgotten) in all.iter_mut().zip(self.forgotten) {
            candidates.forgotten = u32::from(forgotten);
        }
        for it in &self.records {
            let of = &mut all[it.source as usize];
            of.known += 1;
            let kind = match (it.state, it.last) {
                (State::Trying, _) => &mut of.trying,
                (State::Connected, _) => &mut of.connected,
                (State::Waiting, Last::Untried) => &mut of.untried,
                (State::Waiting, Last::Connected) => &mut of.parted,
                (State::Waiting, Last::Failed(how)) => &mut of.failed[how as usize],
            };
            *kind += 1;
        }
        let ever = all.into_iter().filter(|it| it.known + it.forgotten > 0);
        ever.collect()
    }

    /// Number of known addresses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no address is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The source of an address.
    #[must_use]
    pub fn source(&self, address: A) -> Option<Source> {
        self.get(address).map(|it| it.source)
    }

    /// Whether the user named an address for which `is_it` holds.
    #[must_use]
    pub fn is_named(&self, is_it: impl Fn(A) -> bool) -> bool {
        let count = usize::from(self.counts[Source::User as usize]);
        let named = self.records.iter().filter(|it| it.source == Source::User);
        // Usually the user named none or few: stop after the last one.
        named.take(count).any(|it| is_it(it.address))
    }

    /// When the next of the wanted addresses becomes due after `now`.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant, wanted: Wanted) -> Instant {
        if self.waiting(wanted) == 0 {
            return Instant::NEVER;
        }
        let now = Tick::at(now);
        let wanted = self.records.iter().filter(|it| wanted.admits(it));
        let later = wanted.map(|it| it.not_before).filter(|it| *it > now);
        later.min().map_or(Instant::NEVER, Tick::moment)
    }

    /// The next address to dial, among those for which `may` holds: the most trusted source first,
    /// then in turn. Report the result with [`Self::connected`] or [`Self::failed`].
    pub fn poll_dial(
        &mut self,
        now: Instant,
        wanted: Wanted,
        may: impl Fn(A, Source) -> bool,
    ) -> Option<(A, Source)> {
        let may = |it: &Record<A>| may(it.address, it.source);
        let first = self.first(now, wanted, |_| true)?;
        let place = if may(&self.records[first]) {
            first
        } else {
            self.first(now, wanted, may)?
        };
        self.change_at(place, |it| it.state = State::Trying);
        let next = &self.records[place];
        Some((next.address, next.source))
    }

    /// Index of the address to dial first among those for which `may` holds. `may` is called last,
    /// because it is the most expensive check.
    fn first(
        &self,
        now: Instant,
        wanted: Wanted,
        may: impl Fn(&Record<A>) -> bool,
    ) -> Option<usize> {
        if self.waiting(wanted) == 0 {
            return None;
        }
        let now = Tick::at(now);
        let mut first: Option<(Source, u32, usize)> = None;
        for (place, it) in self.records.iter().enumerate() {
            let before = first.is_none_or(|first| (it.source, it.turn) < (first.0, first.1));
            if before && it.not_before <= now && wanted.admits(it) && may(it) {
                first = Some((it.source, it.turn, place));
            }
        }
        first.map(|it| it.2)
    }

    /// The attempt succeeded.
    pub fn connected(&mut self, address: A) {
        self.change(address, |it| {
            (it.state, it.failures, it.last) = (State::Connected, 0, Last::Connected);
        });
    }

    /// A connected peer says that it listens at `address`. Marks the address as connected and
    /// returns true, unless the claim is not believed. It is not believed if others `may_lie` about
    /// the address and a trusted source named it: then the address is dialled all the same.
    pub fn adopt(&mut self, address: A, may_lie: bool) -> bool {
        self.add(Source::Incoming, None, address);
        let believed = |source: Source| !may_lie || !source.is_first_hand();
        let waits = |it: &Record<A>| it.state == State::Waiting && believed(it.source);
        let comes = self.get(address).is_some_and(waits);
        if comes {
            self.change(address, |it| {
                (it.state, it.last) = (State::Connected, Last::Connected);
            });
        }
        comes
    }

    /// The attempt failed.
    pub fn failed(&mut self, now: Instant, address: A, how: Unmet) {
        let Some(known) = self.get(address).filter(|it| it.state == State::Trying) else {
            return;
        };
        let (failures, source) = (known.failures.saturating_add(1), known.source);
        self.change(address, |it| {
            (it.failures, it.last) = (failures, Last::Failed(how));
        });
        let fate = after_failure(failures, source);
        self.put_back(now, address, fate);
    }

    /// The connection is closed, or the attempt was given up for a reason that is no failure.
    pub fn parted(&mut self, now: Instant, address: A, fate: Fate) {
        let gone = |it: &Record<A>| matches!(it.state, State::Connected | State::Trying);
        if self.get(address).is_some_and(gone) {
            self.put_back(now, address, fate);
        }
    }

    fn put_back(&mut self, now: Instant, address: A, fate: Fate) {
        let turn = self.next_turn();
        let Ok(place) = self.place(address) else {
            return;
        };
        self.change_at(place, |it| {
            (it.state, it.turn, it.seed) = (State::Waiting, turn, fate == Fate::Seed);
            if let Fate::Again(wait) = fate {
                it.not_before = it.not_before.max(Tick::at(now.after(wait)));
            }
        });
        if fate == Fate::Forgotten {
            let forgotten = &mut self.forgotten[self.records[place].source as usize];
            *forgotten = forgotten.saturating_add(1);
            self.remove(place);
        }
    }

    /// The peer was a seed when the connection ended. Do not dial it while we are a seed too.
    pub fn note_seed(&mut self, address: A) {
        self.change(address, |it| it.seed = true);
    }

    /// Do not dial the address before `until`, whatever else happens.
    pub fn postpone(&mut self, address: A, until: Instant) {
        let until = Tick::at(until);
        self.change(address, |it| it.not_before = it.not_before.max(until));
    }
}
