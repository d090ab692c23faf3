//! One peer of the simulated swarm.

use unchoke_core::connector::Connector;
use unchoke_core::ids::PeerKey;
use unchoke_core::ledger::Ledger;
use unchoke_core::rng::Rng;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Torrent;

use crate::stream::EndId;

/// The number of no node.
const NOBODY: u32 = u32::MAX;

/// A present peer: its timers, who it is connected to, and the core. What each input needs of it
/// beside the core comes first, in a cache line.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Peer {
    /// Index: `PeerKey`. The end of that connection.
    pub(crate) ends: Vec<Option<EndId>>,
    /// When its timer rings; kept here too, because it is compared after each input.
    pub(crate) armed: Instant,
    /// When the tracker is asked again in any case.
    pub(crate) must_announce: Instant,
    /// When the connector has somebody to dial.
    pub(crate) next_dial: Instant,
    /// When connections may be exchanged for others.
    pub(crate) next_turnover: Instant,
    /// It leaves as soon as the present input is dealt with.
    pub(crate) leaving: bool,

    pub(crate) torrent: Torrent,

    pub(crate) connector: Connector<u32>,
    pub(crate) tracker_rng: Rng,
    /// Index: `PeerKey`. The node at the other end; [`NOBODY`] without a connection.
    others: Vec<u32>,
    free_keys: Vec<PeerKey>,
    /// Nodes dialled that have not answered.
    pub(crate) dialling: Vec<u32>,
    /// With fewer connections than this the tracker is asked early.
    pub(crate) enough: u16,
    /// With so many connections and attempts no further one is begun.
    pub(crate) initiate: u16,
    /// When the tracker may be asked again if connections are few.
    pub(crate) may_announce: Instant,
}

impl Peer {
    /// Memory is taken for so many connections as are `foreseen`; more may come.
    pub(crate) fn new(
        torrent: Torrent,
        connector: Connector<u32>,
        tracker_rng: Rng,
        foreseen: u16,
    ) -> Self {
        Self {
            torrent,
            connector,
            tracker_rng,
            ends: Vec::with_capacity(usize::from(foreseen)),
            others: Vec::with_capacity(usize::from(foreseen)),
            free_keys: Vec::new(),
            dialling: Vec::new(),
            enough: 0,
            initiate: 0,
            may_announce: Instant::START,
            must_announce: Instant::START,
            next_dial: Instant::NEVER,
            next_turnover: Instant::NEVER,
            armed: Instant::NEVER,
            leaving: false,
        }
    }

    /// Whether a connection to `other` stands.
    pub(crate) fn is_connected(&self, other: u32) -> bool {
        self.others.contains(&other)
    }

    /// A key for a new connection to `other`.
    pub(crate) fn assign(&mut self, end: EndId, other: u32) -> PeerKey {
        if let Some(key) = self.free_keys.pop() {
            self.ends[key.0 as usize] = Some(end);
            self.others[key.0 as usize] = other;
            return key;
        }
        self.ends.push(Some(end));
        self.others.push(other);
        PeerKey(u32::try_from(self.ends.len() - 1).expect("few connections"))
    }

    /// Takes back the key of a connection that the core was told is gone.
    pub(crate) fn unassign(&mut self, key: PeerKey) {
        self.ends[key.0 as usize] = None;
        self.others[key.0 as usize] = NOBODY;
        self.free_keys.push(key);
    }

    /// An attempt is over; false if it no longer counts, because the target was banned meanwhile.
    pub(crate) fn dialled(&mut self, target: u32) -> bool {
        let place = self.dialling.iter().position(|it| *it == target);
        place.map(|it| self.dialling.swap_remove(it)).is_some()
    }

    /// Neither dials nor accepts `other` from now on.
    pub(crate) fn ban(&mut self, other: u32) {
        self.dialled(other);
        self.connector.ban(other);
    }

    /// The earliest moment at which the peer wants to act by itself.
    pub(crate) fn deadline(&self) -> Instant {
        let core = self.torrent.poll_timeout().unwrap_or(Instant::NEVER);
        let driver = self.must_announce.min(self.next_dial);
        core.min(driver).min(self.next_turnover)
    }
}

/// What is known of a node of the spec to the end of the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) arrived_at: Option<Instant>,
    pub(crate) first_piece_at: Option<Instant>,
    pub(crate) completed_at: Option<Instant>,
    pub(crate) left_at: Option<Instant>,
    /// Of a node that left.
    pub(crate) final_ledger: Ledger,
    /// Of a node that left.
    pub(crate) final_pieces: u32,
}

/// The access of a node as the streams see it; apart from [`Node`], because it is touched for each
/// message. A cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(crate) struct Access {
    pub(crate) delay_ns: u64,
    /// Bytes that left the uplink with whole blocks.
    pub(crate) up_bytes: u64,
    /// Bytes that came in whole blocks.
    pub(crate) down_bytes: u64,
    /// Bytes of control messages sent while blocks occupied the uplink, not yet paid for.
    pub(crate) up_debt: u32,
    /// The same for the downlink.
    pub(crate) down_debt: u32,
    /// Flows that run on the uplink.
    pub(crate) up_flows: u32,
    /// Flows that run on the downlink.
    pub(crate) down_flows: u32,
    /// The connections on which a `have` may wait, as the core said last.
    pub(crate) indifferent: u128,
    /// `have`s that wait.
    pub(crate) waiting: u8,
    /// Of the spec, at hand because each block asks for them.
    pub(crate) class: u16,
    pub(crate) client: u16,
}

impl Access {
    /// Whether a `have` of this connection may wait.
    pub(crate) fn may_wait(&self, peer: PeerKey) -> bool {
        let shifted = self.indifferent.checked_shr(peer.0);
        shifted.is_some_and(|it| it & 1 == 1)
    }
}

impl Access {
    /// Bytes beside the blocks leave: the next block pays for them, if there is one.
    pub(crate) fn owe_up(&mut self, bytes: u32) {
        self.up_debt += bytes * u32::from(self.up_flows > 0);
    }

    /// The same for the downlink.
    pub(crate) fn owe_down(&mut self, bytes: u32) {
        self.down_debt += bytes * u32::from(self.down_flows > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::{Access, Peer};

    #[test]
    fn what_each_input_needs_of_a_peer_is_a_cache_line() {
        assert_eq!(offset_of!(Peer, torrent), 64);
    }

    #[test]
    fn an_access_fits_in_a_cache_line() {
        assert_eq!(size_of::<Access>(), 64);
    }
}
