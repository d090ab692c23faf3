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

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use crate::choke::PeerView;
use crate::ids::PeerKey;
use crate::time::Instant;

/// Share of the connections that is exchanged, in percent; at least one.
const SHARE: usize = 4;

/// Only who has at least this share of the connections it may have, in percent.
const CUTOFF: usize = 90;

/// Without interest on either side for so long a full client lets a connection go.
const INACTIVE: Duration = Duration::from_mins(10);

/// Whether neither side wants anything of the other.
#[must_use]
pub fn is_useless(view: &PeerView) -> bool {
    !view.am_interested && !view.peer_interested
}

/// The `count` least useful connections: those of a host that has too many (as `crowded` says),
/// then without interest on either side, then those we want nothing of, then those that moved the
/// fewest bytes in our direction since they were made, the youngest first.
pub fn least_useful(
    views: &mut [PeerView],
    am_seed: bool,
    count: usize,
    crowded: impl Fn(PeerKey) -> bool,
) -> Vec<PeerKey> {
    views.sort_by_cached_key(|it| {
        let (useful, bytes) = if am_seed {
            (it.peer_interested, it.up_bytes)
        } else {
            (it.am_interested, it.down_bytes)
        };
        let age = Reverse(it.connected_at);
        (
            !crowded(it.peer),
            !is_useless(it),
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
