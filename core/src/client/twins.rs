//! Connections with the same peer id at different places. A peer id is no proof: every peer that we
//! hand ours to can use it elsewhere. So nobody is refused for the id alone while the connection that
//! bears it delivers nothing: otherwise a peer that pretends to be the seed would keep the seed out.

use alloc::vec::Vec;
use core::time::Duration;

use super::admission::Newcomer;
use super::redial::Ended;
use super::seats::Seat;
use super::source::Source;
use super::{Client, Places};
use crate::ids::PeerKey;
use crate::time::Instant;

/// A connection delivers if it sent us a block within this time.
const DELIVERS: Duration = Duration::from_secs(10);

/// Age at which two connections that we opened are compared.
const SETTLED: Duration = Duration::from_mins(1);

/// How much we rely on where an address came from; less is better.
fn rank(source: Option<Source>) -> u8 {
    match source {
        Some(Source::User) => 0,
        Some(it) if it.is_first_hand() => 1,
        _ => 2,
    }
}

impl<P: Places> Client<P> {
    /// Whether a new connection is refused for the peer id: a connection elsewhere has it, delivers,
    /// and comes from a source that is as good. Most likely it is one peer with two addresses.
    pub(super) fn is_claimed(
        &self,
        now: Instant,
        newcomer: &Newcomer<P>,
        dialled: Option<Source>,
    ) -> bool {
        let mut twins = self.seats.standing().filter(|(_, seat)| {
            seat.name == newcomer.name && newcomer.is_elsewhere(seat.address, seat.outgoing)
        });
        twins.any(|(peer, seat)| {
            rank(self.source_of(seat)) <= rank(dialled) && self.delivered(now, peer).is_some()
        })
    }

    fn source_of(&self, seat: &Seat<P>) -> Option<Source> {
        if seat.kept {
            return Some(Source::User);
        }
        seat.listens.and_then(|it| self.book.source(it))
    }

    /// The bytes that a connection sent, if it delivers.
    fn delivered(&self, now: Instant, peer: PeerKey) -> Option<u64> {
        let view = self.torrent.peer_view(now, peer)?;
        let last = view.last_block_at.filter(|it| now - *it <= DELIVERS)?;
        (last >= view.connected_at).then_some(view.down_bytes)
    }

    /// Of two settled connections that we opened to one peer id and that both deliver, closes the
    /// one that delivered less. Connections that the peer opened are left to the peer, otherwise
    /// the two sides might close different ones.
    pub(super) fn part_twins(&mut self, now: Instant) {
        if !self.has_twins {
            return;
        }
        let ours = self.seats.standing().filter(|it| it.1.outgoing);
        let ours: Vec<(PeerKey, Seat<P>)> = ours.map(|(peer, seat)| (peer, *seat)).collect();
        self.has_twins = false;
        for (at, (one, seat)) in ours.iter().enumerate() {
            for (other, twin) in ours[at + 1..].iter().filter(|it| it.1.name == seat.name) {
                self.has_twins = true;
                let worth = |peer: PeerKey, seat: &Seat<P>| {
                    let since = self.torrent.peer_view(now, peer)?.connected_at;
                    let bytes = self
                        .delivered(now, peer)
                        .filter(|_| now - since >= SETTLED)?;
                    Some((core::cmp::Reverse(rank(self.source_of(seat))), bytes))
                };
                if let (Some(first), Some(second)) = (worth(*one, seat), worth(*other, twin)) {
                    let loser = if first < second { *one } else { *other };
                    self.close(loser, Ended::Twice);
                    // The other pairs are compared next time.
                    return;
                }
            }
        }
    }
}
