//! Chooses which connection to close when others need room.
//!
//! A full client still accepts new connections on trial ([`super::Config::on_trial`]): afterwards
//! the least useful connections are closed. A full client also closes a few connections regularly,
//! so that others get a turn. Without that, swarms of full clients can lock up: every leecher is
//! connected only to leechers that lack the same last pieces, and the origin that has the pieces
//! finds no peer with room. When and how many is as in libtorrent 2.0: `peer_turnover_interval` 300
//! s, `peer_turnover` 4 %, `peer_turnover_cutoff` 90 %, at most as many as there are candidates,
//! the least useful first; and `inactivity_timeout` 600 s. The order of usefulness is our own,
//! shorter rule (libtorrent's `torrent::disconnect_peers` weighs rates over the life of a
//! connection, and spares seeds).
//!
//! A peer can claim interest at no cost, so interest is no evidence of use. Evidence is: what the
//! peer sent us; whether it downloads when we unchoke it ([`Chances`]); and whether earlier visits
//! of its host were useless. A slow link does not count against a peer: a waiting request or a
//! block on its way shows that it uses its chance.

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use crate::choke::PeerView;
use crate::geometry::BLOCK_BYTES;
use crate::ids::PeerKey;
use crate::time::Instant;

/// Percentage of the connections that one turnover closes; at least one connection.
const SHARE: usize = 4;

/// Only clients with at least this percentage of their allowed connections do turnovers.
const CUTOFF: usize = 90;

/// A full client may close a connection after this time without interest on either side.
const INACTIVE: Duration = Duration::from_mins(10);

/// Time that an unchoked peer has for its first request.
const ANSWER: Duration = Duration::from_secs(2);

/// A peer has missed its chances if at least `MISSED` checks of it, unchoked, found no request, and
/// these are at least `MORE_OFTEN` times as many as the checks that found one. There is one check
/// per second.
const MISSED: u8 = 5;
const MORE_OFTEN: u8 = 4;

/// A peer that downloaded this much was useful: sixteen blocks.
const OF_USE: u64 = 16 * BLOCK_BYTES as u64;

/// Checks of whether an interested peer downloaded while we unchoked it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chances {
    missed: u8,
    taken: u8,
}

impl Chances {
    /// Checks the connection. Call about once a second.
    pub fn look(&mut self, now: Instant, view: &PeerView) {
        if view.am_choking || !view.peer_interested {
            return;
        }
        if view.queued_requests > 0 || view.unflushed_blocks > 0 {
            self.taken += 1;
        } else if view.unchoked_at.is_some_and(|it| now - it >= ANSWER) {
            self.missed += 1;
        }
        if self.missed.max(self.taken) == u8::MAX {
            (self.missed, self.taken) = (self.missed / 2, self.taken / 2);
        }
    }

    /// Whether the peer did not use its chances to download.
    #[must_use]
    pub fn are_missed(self) -> bool {
        self.missed >= MISSED.max(self.taken.saturating_mul(MORE_OFTEN))
    }
}

/// What counts for or against a connection apart from its traffic; the first counts most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Against {
    /// It alone has a piece that we need, so it is closed last. See [`spared`].
    pub spared: bool,
    /// Its host has too many connections.
    pub crowded: bool,
    /// We unchoked it, it downloaded hardly anything, and it sends us nothing.
    pub missed: bool,
    /// Number of useless visits of its host, if the connection has not been useful yet.
    pub in_vain: u8,
}

/// Whether a connection has been useful to either side.
#[must_use]
pub fn was_of_use(view: &PeerView, chances: Chances) -> bool {
    view.down_bytes > 0 || view.up_bytes >= OF_USE && !chances.are_missed()
}

/// Whether neither side is interested in the other.
#[must_use]
pub fn is_useless(view: &PeerView) -> bool {
    !view.am_interested && !view.peer_interested
}

/// Of `lone`, peers that alone have a piece we need, those to spare: the ones that sent us the most,
/// at most half of the `most` connections that are allowed. A claim costs nothing: if all of `lone`
/// were spared, peers that each claim another missing piece could hold all connections for ever.
#[must_use]
pub fn spared(views: &[PeerView], lone: &[PeerKey], most: usize) -> Vec<PeerKey> {
    let mut views: Vec<&PeerView> = views.iter().filter(|it| lone.contains(&it.peer)).collect();
    views.sort_by_key(|it| (Reverse(it.down_bytes), it.peer));
    let first = views.iter().take(most.div_ceil(2));
    first.map(|it| it.peer).collect()
}

/// The `count` least useful connections, sorted by these criteria: those not spared first; then
/// hosts with too many connections; then no interest on either side; then missed chances and
/// useless visits (see `against`); then no interest on the side that downloads; then the fewest
/// bytes in that direction; then the youngest.
pub fn least_useful(
    views: &mut [PeerView],
    am_seed: bool,
    count: usize,
    against: impl Fn(&PeerView) -> Against,
) -> Vec<PeerKey> {
    views.sort_by_cached_key(|it| {
        let (useful, bytes) = if am_seed {
            (it.peer_interested, it.up_bytes)
        } else {
            (it.am_interested, it.down_bytes)
        };
        let age = Reverse(it.connected_at);
        let against = against(it);
        (
            against.spared,
            !against.crowded,
            !is_useless(it),
            !against.missed,
            Reverse(against.in_vain),
            useful,
            bytes,
            age,
            it.peer,
        )
    });
    views.iter().take(count).map(|it| it.peer).collect()
}

/// How many of these connections to close in a turnover. At most `most` connections are allowed,
/// and `due` addresses wait.
#[must_use]
pub fn exchanged(now: Instant, views: &[PeerView], most: usize, due: usize) -> usize {
    if views.is_empty() || views.len() * 100 < most * CUTOFF {
        return 0;
    }
    let inactive = |it: &&PeerView| {
        let last = it
            .last_block_at
            .unwrap_or(it.connected_at)
            .max(it.connected_at);
        is_useless(it) && now - last >= INACTIVE
    };
    let inactive = views.iter().filter(inactive).count();
    (views.len() * SHARE / 100).max(1).max(inactive).min(due)
}
