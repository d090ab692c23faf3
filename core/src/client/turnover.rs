//! Room for others: whose connection is of least use.
//!
//! A client that is full still hears newcomers ([`super::Config::on_trial`]): who turns out to be of
//! use stays, and somebody of none makes room. Beside that, a full client exchanges a few connections
//! now and then. Without it swarms of full peers can lock: every leecher is full of leechers that lack
//! the same last pieces, and the origin that has them finds nobody with a free seat. When and how many
//! is as in libtorrent 2.0: `peer_turnover_interval` 300 s, `peer_turnover` 4 %,
//! `peer_turnover_cutoff` 90 %, no more than there are candidates, and the least useful first; and
//! `inactivity_timeout` 600 s. Which are the least useful is our own, shorter rule (its
//! `torrent::disconnect_peers` weighs rates over the life of a connection, and spares seeds).
//!
//! Interest costs nothing, so it is no evidence of use. What is: what a peer gave; whether it takes
//! blocks when we let it ([`Chances`]); and whether its host was here before for nothing. A slow link is
//! no fault: who has a request waiting, or a block on its way, takes its chance.

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use crate::choke::PeerView;
use crate::geometry::BLOCK_BYTES;
use crate::ids::PeerKey;
use crate::time::Instant;

/// Share of the connections that is exchanged, in percent; at least one.
const SHARE: usize = 4;

/// Only who has at least this share of the connections it may have, in percent.
const CUTOFF: usize = 90;

/// Without interest on either side for so long a full client lets a connection go.
const INACTIVE: Duration = Duration::from_mins(10);

/// Time that an unchoked peer has for its first request.
const ANSWER: Duration = Duration::from_secs(2);

/// Looks at an unchoked peer at which it wanted nothing, and how many times as often as it did want
/// something, for it to have missed its chance. There is a look a second.
const MISSED: u8 = 5;
const MORE_OFTEN: u8 = 4;

/// Who has taken this much was of use: sixteen blocks.
const OF_USE: u64 = 16 * BLOCK_BYTES as u64;

/// What a peer that wants blocks did while we let it have some, as far as somebody looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chances {
    missed: u8,
    taken: u8,
}

impl Chances {
    /// A look at the connection, to be taken about once a second.
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

    /// Whether the peer let its chances pass.
    #[must_use]
    pub fn are_missed(self) -> bool {
        self.missed >= MISSED.max(self.taken.saturating_mul(MORE_OFTEN))
    }
}

/// What there is to say against a connection beside its traffic; the first counts most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Against {
    /// Its host has too many.
    pub crowded: bool,
    /// It was let have blocks and took hardly any, and it gives us nothing.
    pub missed: bool,
    /// It was of no use yet, and its host was here for nothing so often.
    pub in_vain: u8,
}

/// Whether a connection has been of use to somebody.
#[must_use]
pub fn was_of_use(view: &PeerView, chances: Chances) -> bool {
    view.down_bytes > 0 || view.up_bytes >= OF_USE && !chances.are_missed()
}

/// Whether neither side wants anything of the other.
#[must_use]
pub fn is_useless(view: &PeerView) -> bool {
    !view.am_interested && !view.peer_interested
}

/// The `count` least useful connections: those of a host that has too many, then without interest on
/// either side, then the others `against` which there is something to say, then those we want nothing
/// of, then those that moved the fewest bytes in our direction since they were made, the youngest
/// first.
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

/// How many of these connections, of which there may be `most`, are to be exchanged if so many `due`
/// candidates wait.
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
