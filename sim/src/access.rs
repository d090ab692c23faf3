//! The access link of a node as messages see it, and the `have`s that wait at the node.

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::time::Instant;
use unchoke_core::torrent::Mask;

use crate::stream::EndId;

/// Most `have`s that wait at a node.
const ROOM: usize = 7;

/// Bits of the number of a piece.
const PIECE_BITS: u32 = 25;

/// A `have` that has arrived but has not been handed to the core.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    /// When it came, in ns after the first that waits.
    after_ns: u32,
    /// The key of the connection in the upper bits, and the piece.
    what: u32,
}

impl Waiting {
    fn peer(self) -> PeerKey {
        PeerKey(self.what >> PIECE_BITS)
    }

    fn piece(self) -> PieceIndex {
        PieceIndex(self.what & ((1 << PIECE_BITS) - 1))
    }
}

/// Where a `have` arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) end: EndId,
    /// Its node.
    pub(crate) node: u32,
    /// The key under which the node knew the connection when the `have` was sent.
    pub(crate) key: PeerKey,
}

impl Target {
    /// Stands for no target.
    pub(crate) const NOBODY: Self = Self {
        end: EndId::LAST,
        node: u32::MAX,
        key: PeerKey::MAX,
    };
}

/// The state of a node that messages and `have`s use: two cache lines. Every message and each `have`
/// needs the first one; blocks that leave or arrive, and crowds of `have`s, need the second one too.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Access {
    /// Connections whose `have`s may wait, as the core last said.
    pub(crate) indifferent: Mask,
    /// Bytes of control messages sent while blocks occupied the uplink; the next block pays for
    /// them.
    pub(crate) up_debt: u32,
    /// The same for the downlink.
    pub(crate) down_debt: u32,
    /// Number of active flows on the uplink.
    pub(crate) up_flows: u16,
    /// Number of active flows on the downlink.
    pub(crate) down_flows: u16,
    /// Connections that the node has closed while messages to it were on their way. Their keys may
    /// have passed on to other connections.
    pub(crate) lingering: u16,
    /// Number of `have`s that wait.
    count: u16,
    /// When the first of them came.
    first_at: Instant,
    waiting: [Waiting; ROOM],
    /// Connections in whose stream something waits.
    busy: Mask,
    /// Bytes that the uplink has sent with whole blocks.
    pub(crate) up_bytes: u64,
    /// Bytes that the downlink has received with whole blocks.
    pub(crate) down_bytes: u64,
}

impl Access {
    /// Whether a `have` that arrives now for this key may wait. Only if the connection under the key is
    /// sure to be the one over which the `have` came.
    #[inline]
    pub(crate) fn may_wait(&self, peer: PeerKey) -> bool {
        self.lingering == 0 && self.indifferent.has(peer)
    }

    /// Number of `have`s that wait.
    pub(crate) fn waiting_count(&self) -> u32 {
        u32::from(self.count)
    }

    /// Keeps a `have` if there is room. Returns whether it is kept.
    #[inline]
    pub(crate) fn keep(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) -> bool {
        if self.count == 0 {
            self.first_at = now;
        }
        let after_ns = u32::try_from(now.as_nanos() - self.first_at.as_nanos());
        let place = self.waiting.get_mut(usize::from(self.count));
        let (Ok(after_ns), Some(place)) = (after_ns, place) else {
            return false;
        };
        let fits = Mask::covers(peer) && piece.0 >> PIECE_BITS == 0;
        if fits {
            let what = peer.0 << PIECE_BITS | piece.0;
            *place = Waiting { after_ns, what };
            self.count += 1;
        }
        fits
    }

    /// The `have`s that wait, in the order in which they came, each with its time.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (Instant, PeerKey, PieceIndex)> {
        let first_ns = self.first_at.as_nanos();
        let waiting = &self.waiting[..usize::from(self.count)];
        waiting.iter().map(move |it| {
            let at = Instant::from_nanos(first_ns + u64::from(it.after_ns));
            (at, it.peer(), it.piece())
        })
    }

    /// Forgets the `have`s that wait.
    pub(crate) fn hand_over(&mut self) {
        self.count = 0;
    }

    /// Whether something waits in the stream of a connection; `None` if there is no bit for it.
    #[inline]
    pub(crate) fn is_busy(&self, peer: PeerKey) -> Option<bool> {
        Mask::covers(peer).then(|| self.busy.has(peer))
    }

    /// Notes whether something waits in the stream of a connection.
    #[inline]
    pub(crate) fn set_busy(&mut self, peer: PeerKey, busy: bool) {
        self.busy.set(peer, busy);
    }

    /// Adds bytes of control messages to the debt that the next block on the uplink pays, if blocks
    /// use the uplink.
    #[inline]
    pub(crate) fn owe_up(&mut self, bytes: u32) {
        self.up_debt += bytes * u32::from(self.up_flows > 0);
    }

    /// Likewise for the downlink.
    #[inline]
    pub(crate) fn owe_down(&mut self, bytes: u32) {
        self.down_debt += bytes * u32::from(self.down_flows > 0);
    }

    /// The downlink has one flow more.
    #[inline]
    pub(crate) fn begin_inflow(&mut self) {
        self.down_flows += 1;
    }

    /// The downlink has one flow less. An idle link transmits what it still owes, so the debt ends.
    #[inline]
    pub(crate) fn end_inflow(&mut self) {
        self.down_flows -= 1;
        self.down_debt *= u32::from(self.down_flows > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use proptest::prelude::*;

    use super::{Access, Instant, PeerKey, PieceIndex};

    #[test]
    fn what_most_haves_need_is_a_cache_line() {
        let third = offset_of!(Access, waiting) + 3 * size_of::<super::Waiting>();
        assert_eq!((third, size_of::<Access>()), (64, 128));
    }

    proptest! {
        #[test]
        fn what_waits_comes_out_as_it_went_in(
            steps in prop::collection::vec((0..3_000_000_000_u64, 0..140_u32, 0..1_u32 << 26), 0..40),
        ) {
            let (mut access, mut model) = (Access::default(), Vec::new());
            let mut now = Instant::START;
            for (wait, key, piece) in steps {
                now = Instant::from_nanos(now.as_nanos() + wait);
                let (peer, piece) = (PeerKey(key), PieceIndex(piece));
                if access.keep(now, peer, piece) {
                    model.push((now, peer, piece));
                } else {
                    let long = model.first().is_some_and(|it: &(Instant, _, _)| {
                        now.as_nanos() - it.0.as_nanos() > u64::from(u32::MAX)
                    });
                    let fits = key < 128 && piece.0 < 1 << 25;
                    prop_assert!(model.len() == 7 || long || !fits);
                    access.hand_over();
                    model.clear();
                }
                prop_assert_eq!(access.waiting_count() as usize, model.len());
                prop_assert_eq!(access.waiting().collect::<Vec<_>>(), model.clone());
            }
        }

        #[test]
        fn a_mask_has_a_bit_for_each_of_the_first_connections(
            steps in prop::collection::vec((0..140_u32, any::<bool>()), 0..99),
        ) {
            let (mut access, mut model) = (Access::default(), std::collections::BTreeSet::new());
            for (key, busy) in steps {
                access.set_busy(PeerKey(key), busy);
                if busy { model.insert(key) } else { model.remove(&key) };
                for key in 0..140 {
                    let known = (key < 128).then(|| model.contains(&key));
                    prop_assert_eq!(access.is_busy(PeerKey(key)), known);
                }
            }
        }
    }
}
