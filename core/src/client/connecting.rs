//! Connections from dialling to their end: combines the parts of a client in the order in which a
//! connection passes them.

use alloc::vec::Vec;
use core::time::Duration;

use super::admission::{Newcomer, Refusal, admit, is_crowded, is_host_full};
use super::book::Wanted;
use super::doors::{Door, HalfOpen};
use super::explain::{Explanation, Unmet};
use super::redial::Ended;
use super::seats::{Crowds, Seat};
use super::source::Source;
use super::turnover::{Against, Chances, exchanged, is_useless, least_useful, spared, was_of_use};
use super::{Client, Output, Places};
use crate::choke::PeerView;
use crate::ids::PeerKey;
use crate::time::Instant;
use crate::torrent::{Input, PeerLink};

/// An incoming peer that has been connected for less than this does not yet have to make room for
/// another: its first messages are still on their way.
const ARRIVING: Duration = Duration::from_secs(1);

/// Time for which no peer must have been useful before we dial beyond [`super::Config::initiate`].
/// In a swarm that has just begun no peer has pieces yet, and without the wait every client would
/// fill all its connections by dialling.
const HUNGER: Duration = Duration::from_secs(30);
const BEYOND: Duration = Duration::from_secs(1);

/// Without a useful block for this time we look for other peers, even if connected peers say that
/// they have pieces we need.
const FAMINE: Duration = Duration::from_secs(90);

/// Period in which attempts are counted.
const PACE: Duration = Duration::from_secs(1);

impl<P: Places> Client<P> {
    /// Dials as long as there are free connections and known addresses.
    pub(super) fn dial(&mut self, now: Instant) {
        self.next_dial = Instant::NEVER;
        if self.pace.0 <= now {
            self.pace = (now.after(PACE), 0);
        }
        while let Some(wanted) = self.wanted(now) {
            if self.pace.1 >= self.config.attempts_a_second {
                self.next_dial = self.pace.0;
                return;
            }
            let (bans, seats, doors, config) = (&self.bans, &self.seats, &self.doors, &self.config);
            let may = |address, source: Source| {
                let host = P::host(address);
                let most = config.per_host(P::is_shared(host));
                let full = || seats.dialled(host) + doors.dialled(host) >= most;
                // A ban applies to the whole host. An address from a trusted source may belong to
                // another peer on the same host, so it is dialled all the same.
                let banned = !source.is_first_hand() && bans.is_banned(now, host);
                !banned && !seats.is_connected(address) && (source == Source::User || !full())
            };
            let Some((address, source)) = self.book.poll_dial(now, wanted, may) else {
                let next = self.book.poll_timeout(now, wanted);
                self.next_dial = self.next_dial.min(next);
                return;
            };
            if self.in_use() >= usize::from(self.config.initiate) && source != Source::User {
                self.next_beyond = now.after(BEYOND);
            }
            self.pace.1 += 1;
            let door = self.doors.dial(now, address, source, self.config.dial);
            self.put(Output::Dial { door, address });
        }
    }

    /// Which addresses may be dialled; `None` if there is no room for another attempt.
    fn wanted(&mut self, now: Instant) -> Option<Wanted> {
        let attempts = self.doors.attempts();
        let in_use = self.seats.count() + attempts;
        let most = self.config.most();
        if attempts >= usize::from(self.config.attempts) || in_use >= most {
            return None;
        }
        let up_to = if in_use < usize::from(self.config.initiate) {
            Source::PeerExchange
        } else if self.next_beyond <= now {
            Source::Tracker
        } else {
            self.next_dial = self.next_beyond;
            Source::User
        };
        let am_seed = self.torrent.is_done();
        Some(Wanted { up_to, am_seed })
    }

    /// Updates when an attempt beyond [`super::Config::initiate`] may begin: after such attempts
    /// have been needed for [`HUNGER`].
    pub(super) fn note_hunger(&mut self, now: Instant) {
        let useful = self.torrent.ledger().payload_useful;
        if useful != self.fed.0 || self.torrent.is_done() {
            self.fed = (useful, now);
        }
        if !self.is_starved() && now - self.fed.1 < FAMINE {
            self.next_beyond = Instant::NEVER;
        } else if self.next_beyond == Instant::NEVER {
            self.next_beyond = now.after(HUNGER);
        }
    }

    /// Whether hardly any connected peer has a piece that we need.
    pub(super) fn is_starved(&self) -> bool {
        let few = usize::from(self.config.enough / 4).max(1);
        !self.torrent.is_done() && self.torrent.interesting() < few
    }

    /// Number of peers to ask a tracker for. None while stopping, and none if we are a seed with
    /// enough connections: leechers will connect to us.
    #[must_use]
    pub fn peers_wanted(&self) -> u32 {
        let served = self.torrent.is_done() && self.in_use() >= usize::from(self.config.enough);
        if self.stopping || served {
            0
        } else {
            self.config.wanted
        }
    }

    /// Figures that explain why the torrent makes no progress.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        Explanation {
            candidates: self.book.candidates(),
            connections: self.torrent.connections(),
        }
    }

    /// Whether to ask the sources for more peers.
    #[must_use]
    pub fn wants_peers(&self) -> bool {
        let am_seed = self.torrent.is_done();
        !am_seed && (self.is_starved() || self.are_few(am_seed))
    }

    /// Whether connections, attempts and waiting addresses are few.
    fn are_few(&self, am_seed: bool) -> bool {
        let (in_use, enough) = (self.in_use(), usize::from(self.config.enough));
        let all = Wanted {
            up_to: Source::PeerExchange,
            am_seed,
        };
        in_use < enough && in_use + self.book.waiting(all) < enough
    }

    /// Connections and attempts.
    fn in_use(&self) -> usize {
        self.seats.count() + self.doors.attempts()
    }

    pub(super) fn on_knock(&mut self, now: Instant, address: P::Address) {
        let host = P::host(address);
        if self.stopping || self.bans.is_banned(now, host) || self.comes_too_soon(now, host) {
            return;
        }
        let (most, limit) = (self.config.half_open, self.config.handshake);
        let (door, evicted) = self.doors.knock(now, address, most, limit);
        self.next = self.next.min(self.doors.poll_timeout());
        if evicted != Some(door) {
            self.put(Output::Answer { door });
        }
        if let Some(door) = evicted.filter(|it| *it != door) {
            let why = Refusal::Evicted;
            self.put(Output::Drop { door, why });
        }
    }

    /// Whether to refuse an incoming connection before its handshake is read, because its host used
    /// connections for nothing and comes back at once while others need the room. Without this rule
    /// a crowd that reconnects all the time keeps a processor busy with handshakes. A refusal here
    /// does not renew the host's wait: so an honest peer behind the same address gets its turn when
    /// the wait is over. The cheapest checks come first.
    fn comes_too_soon(&self, now: Instant, host: P::Host) -> bool {
        let of_use = |(peer, seat): (PeerKey, &Seat<P>)| {
            let view = || self.torrent.peer_view(now, peer);
            P::host(seat.address) == host && view().is_some_and(|it| was_of_use(&it, seat.chances))
        };
        self.visits.is_impatient(now, host)
            && is_crowded(&self.config, host, &self.seats)
            && !self.seats.standing().any(of_use)
            && !self.book.is_named(|it| P::host(it) == host)
    }

    pub(super) fn on_failed(&mut self, now: Instant, door: Door, how: Unmet) {
        if let Some(half_open) = self.doors.take(door) {
            self.gone(now, &half_open, how);
        }
    }

    pub(super) fn give_up(&mut self, now: Instant, late: HalfOpen<P>) {
        self.gone(now, &late, Unmet::TimedOut);
        let (door, why) = (late.door, Refusal::TooSlow);
        self.put(Output::Drop { door, why });
    }

    pub(super) fn on_met(
        &mut self,
        now: Instant,
        door: Door,
        name: P::Name,
        [fast, extended]: [bool; 2],
    ) {
        let Some(half_open) = self.doors.take(door) else {
            return;
        };
        let address = half_open.address;
        let newcomer = Newcomer::<P> {
            host: P::host(address),
            name,
            outgoing: half_open.dialled.is_some(),
            kept: half_open.dialled == Some(Source::User),
        };
        let verdict = self.find_seat(now, &newcomer, half_open.dialled);
        let replaced = match verdict {
            Ok(replaced) => replaced,
            Err(why) => {
                self.visits.refused(now, newcomer.host, why);
                self.part(now, &half_open, why.ended());
                if why == Refusal::Ourselves {
                    self.book.postpone(address, Instant::NEVER);
                }
                return self.put(Output::Drop { door, why });
            }
        };
        if let Some((peer, why)) = replaced {
            self.close(peer, why);
        }
        let torrent = &self.torrent;
        self.seats.forgive(|peer| torrent.has_evidence(peer));
        self.has_twins |= self.seats.standing().any(|it| it.1.name == name);
        let listens = if newcomer.outgoing {
            self.book.connected(address);
            Some(address)
        } else {
            P::listening_at(address).filter(|it| self.adopt(*it))
        };
        let (peer, returning) = self.seats.join(Seat {
            address,
            name,
            outgoing: newcomer.outgoing,
            kept: newcomer.kept,
            listens,
            closing: None,
            chances: Chances::default(),
            in_vain: self.visits.in_vain(now, newcomer.host),
        });
        self.put(Output::Joined { door, peer });
        let link = PeerLink {
            peer_id: P::peer_id(name),
            fast,
            extended,
            outgoing: newcomer.outgoing,
            returning,
            address: P::to_socket(address),
            web: false,
        };
        self.greet(now, peer, link);
    }

    /// Tells the torrent, whose first messages follow [`Output::Joined`].
    fn greet(&mut self, now: Instant, peer: PeerKey, link: PeerLink) {
        self.torrent
            .handle_input(now, Input::PeerConnected { peer, link });
    }

    /// Decides whether a new connection may stay, and which connection must be closed for it.
    fn find_seat(
        &self,
        now: Instant,
        newcomer: &Newcomer<P>,
        dialled: Option<Source>,
    ) -> Result<Option<(PeerKey, Ended)>, Refusal> {
        if self.stopping {
            return Err(Refusal::Stopping);
        }
        if !newcomer.outgoing && self.bans.is_banned(now, newcomer.host) {
            return Err(Refusal::Banned);
        }
        if let Some(twin) = admit(self.name, newcomer, &self.seats)? {
            return Ok(Some((twin, Ended::Twice)));
        }
        if self.is_claimed(now, newcomer, dialled) {
            return Err(Refusal::Claimed);
        }
        if is_host_full(&self.config, newcomer, &self.seats) {
            let yields = self.who_yields_of(now, newcomer.host);
            let replaced = yields.map(|it| Some((it, Ended::Useless)));
            return replaced.ok_or(Refusal::TooManyOfHost);
        }
        if self.seats.count() < self.config.most() {
            return Ok(None);
        }
        let vouched = dialled.is_some_and(Source::is_first_hand);
        let yields = self.who_yields(now, newcomer, vouched);
        yields
            .map(|it| Some((it, Ended::Useless)))
            .ok_or(Refusal::Full)
    }

    /// All connections are taken: picks the one that must make room at once, if any.
    fn who_yields(&self, now: Instant, newcomer: &Newcomer<P>, vouched: bool) -> Option<PeerKey> {
        let crowds = self.seats.crowds();
        let crowd = |peer| self.crowd(&crowds, peer);
        let own = crowds.of(newcomer.host) + 1;
        let in_vain = self.visits.in_vain(now, newcomer.host);
        let mut views = self.views(now);
        let spared = self.spared(&views);
        views.retain(|it| {
            let crowd = crowd(it.peer);
            let settled = now - it.connected_at >= ARRIVING;
            let useless = is_useless(it) && (settled || vouched || crowd > own);
            let against = self.against(it, &spared);
            let yields = settled && (against.missed || against.in_vain > in_vain);
            let yields = yields && !against.spared;
            useless || yields || crowd > own.max(self.config.fair_share())
        });
        // Connections of the host with the most connections go first.
        let largest = views.iter().map(|it| crowd(it.peer)).max()?;
        let against = |it: &PeerView| Against {
            crowded: crowd(it.peer) == largest,
            ..self.against(it, &spared)
        };
        least_useful(&mut views, self.torrent.is_done(), 1, against).pop()
    }

    /// The host has all connections that one host may have: picks one of them to make room for a
    /// new one from the same host. As in a full client, missed chances do not count against a peer
    /// that alone has a piece we need.
    fn who_yields_of(&self, now: Instant, host: P::Host) -> Option<PeerKey> {
        let mut views = self.views(now);
        let spared = self.spared(&views);
        let against = |it: &PeerView| self.against(it, &spared);
        views.retain(|it| {
            let same = self.seats.address(it.peer).map(P::host) == Some(host);
            let against = against(it);
            let yields = is_useless(it) || against.missed && !against.spared;
            same && yields && now - it.connected_at >= ARRIVING
        });
        least_useful(&mut views, self.torrent.is_done(), 1, against).pop()
    }

    /// The connections to close last, because they alone have a piece that we need.
    fn spared(&self, views: &[PeerView]) -> Vec<PeerKey> {
        let most = usize::from(self.config.connections);
        spared(views, &self.torrent.lone_sources(), most)
    }

    /// What counts for or against a connection. `crowded` is left to the caller.
    fn against(&self, view: &PeerView, spared: &[PeerKey]) -> Against {
        let Some(seat) = self.seats.get(view.peer) else {
            return Against::default();
        };
        let of_use = was_of_use(view, seat.chances);
        Against {
            spared: spared.contains(&view.peer),
            crowded: false,
            missed: !of_use && seat.chances.are_missed(),
            in_vain: if of_use { 0 } else { seat.in_vain },
        }
    }

    /// Number of connections with the host of `peer`.
    fn crowd(&self, crowds: &Crowds<P>, peer: PeerKey) -> usize {
        let address = self.seats.address(peer);
        address.map_or(0, |it| crowds.of(P::host(it)))
    }

    /// The connections that may be closed to make room.
    fn views(&self, now: Instant) -> Vec<PeerView> {
        let mut views = self.torrent.peer_views(now);
        let may_go = |it: &PeerView| {
            let seat = self.seats.get(it.peer);
            seat.is_some_and(|it| it.closing.is_none() && !it.kept)
        };
        views.retain(may_go);
        views
    }

    /// Closes the least useful connections while there are more than allowed, but only those whose
    /// trial is over.
    pub(super) fn trim(&mut self, now: Instant) {
        let standing = self.seats.count();
        let excess = standing.saturating_sub(usize::from(self.config.connections));
        if excess > 0 {
            let trial = self.config.trial;
            let views = self.views(now);
            for view in &views {
                if let Some(seat) = self.seats.get_mut(view.peer) {
                    seat.chances.look(now, view);
                }
            }
            self.shed(views, excess, Ended::Useless, |it| {
                now - it.connected_at >= trial
            });
        }
    }

    /// Closes a few connections if there are many and other addresses wait.
    pub(super) fn turn_over(&mut self, now: Instant) {
        let all = Wanted {
            up_to: Source::PeerExchange,
            am_seed: self.torrent.is_done(),
        };
        let due = self.book.due(now, all);
        let most = usize::from(self.config.connections);
        let views = self.views(now);
        let count = exchanged(now, &views, most, due);
        self.shed(views, count, Ended::Turnover, |_| true);
    }

    /// Closes those of the `count` least useful connections that `may` be closed. Each is looked for
    /// anew: of two peers that have a piece, the second is alone with it once the first is closed.
    fn shed(
        &mut self,
        mut views: Vec<PeerView>,
        count: usize,
        why: Ended,
        may: impl Fn(&PeerView) -> bool,
    ) {
        for _ in 0..count.min(views.len()) {
            let spared = self.spared(&views);
            let (fair, crowds) = (self.config.fair_share(), self.seats.crowds());
            let against = |it: &PeerView| Against {
                crowded: self.crowd(&crowds, it.peer) > fair,
                ..self.against(it, &spared)
            };
            least_useful(&mut views, self.torrent.is_done(), 1, against);
            let least = views.remove(0);
            if may(&least) {
                self.close(least.peer, why);
            }
        }
    }

    /// A connected peer says that it listens at `address`. Behind a shared host any peer could
    /// claim the address of a neighbour, so there the claim is not always believed. Elsewhere we
    /// believe it; otherwise we would dial nearly every connected peer a second time.
    fn adopt(&mut self, address: P::Address) -> bool {
        let may_lie = P::is_shared(P::host(address));
        self.book.adopt(address, may_lie)
    }

    /// A peer that connected to us says on which port it listens.
    pub(super) fn on_listens(&mut self, peer: PeerKey, port: u16) {
        let Some(seat) = self.seats.get(peer) else {
            return;
        };
        if seat.outgoing || seat.listens.is_some() || seat.closing.is_some() {
            return;
        }
        let address = P::usable(P::listening(seat.address, port));
        let believed = address.filter(|it| self.adopt(*it));
        if let Some(seat) = self.seats.get_mut(peer) {
            seat.listens = believed;
        }
    }
}
