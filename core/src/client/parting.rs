//! The end of a connection: who closed it and why, bans, and what happens to the address.

use super::bans::Offence;
use super::explain::Unmet;
use super::redial::{self, Ended};
use super::seats::Seat;
use super::source::Source;
use super::turnover::was_of_use;
use super::{Client, Output, Places, Why, doors};
use crate::ids::PeerKey;
use crate::time::Instant;
use crate::torrent::{self, Unsent};

impl<P: Places> Client<P> {
    /// Applies the consequences of the reason for which the torrent drops a peer.
    pub(super) fn judge(&mut self, peer: PeerKey, reason: &torrent::Reason) {
        match reason {
            torrent::Reason::Corrupt { piece } => {
                self.condemn(peer, Offence::Corrupt { piece: *piece });
            }
            torrent::Reason::Violation(_) => self.note_violation(peer),
            _ => {}
        }
    }

    fn note_violation(&mut self, peer: PeerKey) {
        let Some(address) = self.seats.address(peer) else {
            return;
        };
        if let Some(count) = self.bans.violation(self.now, P::host(address)) {
            let offence = Offence::Violations(count);
            self.put(Output::Banned { address, offence });
        }
    }

    /// Bans the host of a key, or the last host that had it.
    pub(super) fn condemn(&mut self, peer: PeerKey, offence: Offence) {
        let Some(address) = self.seats.address(peer) else {
            return self.leave_web_seed(peer, offence);
        };
        let host = P::host(address);
        if self.bans.corrupt(self.now, host) {
            self.put(Output::Banned { address, offence });
        }
        let listens = self.seats.get(peer).and_then(|it| it.listens);
        for place in [Some(address), listens].into_iter().flatten() {
            self.book.postpone(place, self.bans.until(host));
        }
    }

    /// The torrent has dropped a connection, for its own reason or because the client asked it to.
    pub(super) fn closing(&mut self, peer: PeerKey, reason: torrent::Reason) -> Output<P> {
        let ours = self.seats.get(peer).and_then(|it| it.closing);
        let why = match (reason, ours) {
            (torrent::Reason::ByClient, Some(Ended::Turnover)) => Why::Turnover,
            (torrent::Reason::ByClient, Some(Ended::Twice)) => Why::Twice,
            (torrent::Reason::ByClient, _) => Why::Useless,
            (reason, _) => Why::Torrent(reason),
        };
        self.seats.closing(peer, why.ended());
        self.closing_web_seed(peer, &why);
        Output::Close { peer, why }
    }

    /// Closes a connection. The request goes through the torrent, so that its earlier messages to
    /// the peer come first in the outputs.
    pub(super) fn close(&mut self, peer: PeerKey, why: Ended) {
        self.seats.closing(peer, why);
        self.torrent.close(peer);
    }

    pub(super) fn on_closed(&mut self, now: Instant, peer: PeerKey, how: Ended, unsent: Unsent) {
        let Some(seat) = self.seats.get(peer).copied() else {
            return self.web_seed_ended(now, peer, how);
        };
        if seat.closing.is_none() && how == Ended::Garbage {
            self.note_violation(peer);
        }
        let everything = self.torrent.has_everything(peer);
        self.torrent.take_back(peer, unsent);
        self.note_visit(now, peer, &seat);
        self.torrent
            .handle_input(now, torrent::Input::PeerDisconnected { peer });
        let answers = self.torrent.has_evidence(peer);
        self.seats.leave(peer, answers);
        if let Some(address) = seat.listens {
            let source = self.book.source(address).unwrap_or(Source::Incoming);
            let fate = redial::after(seat.closing.unwrap_or(how), source);
            self.book.parted(now, address, fate);
            if everything {
                // Of two seeds either may have closed the connection first.
                self.book.note_seed(address);
            }
        }
    }

    /// If all connections are taken, or we closed this one: records whether the connection was
    /// useful.
    fn note_visit(&mut self, now: Instant, peer: PeerKey, seat: &Seat<P>) {
        let ours = seat.closing.is_some();
        if !ours && self.seats.count() < usize::from(self.config.connections) {
            return;
        }
        let host = P::host(seat.address);
        match self.torrent.peer_view(now, peer) {
            Some(view) if was_of_use(&view, seat.chances) => self.visits.forget(host),
            _ => self.visits.left(now, host),
        }
    }

    /// An attempt failed, or an incoming connection did not complete its handshake.
    pub(super) fn gone(&mut self, now: Instant, half_open: &doors::HalfOpen<P>, how: Unmet) {
        if half_open.dialled.is_some() {
            self.book.failed(now, half_open.address, how);
        }
    }

    pub(super) fn part(&mut self, now: Instant, half_open: &doors::HalfOpen<P>, ended: Ended) {
        if let Some(source) = half_open.dialled {
            let fate = redial::after(ended, source);
            self.book.parted(now, half_open.address, fate);
        }
    }
}
