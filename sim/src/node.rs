//! One peer of the simulated swarm.

use unchoke_core::client::Client;
use unchoke_core::client::doors::Door;
use unchoke_core::ids::PeerKey;
use unchoke_core::ledger::Ledger;
use unchoke_core::rng::Rng;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Torrent;

use crate::places::Nodes;
use crate::stream::EndId;

/// A peer that is present: its client and its ends of connections. The fields that every input
/// needs share a cache line with the head of the client, before the lines of its torrent.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Peer {
    /// This peer's end of each connection. Index: `PeerKey`.
    pub(crate) ends: Box<[Option<EndId>]>,
    /// When its timer rings. Copied here because it is compared after each input.
    pub(crate) armed: Instant,
    /// Whether it leaves after the current input.
    pub(crate) leaving: bool,

    pub(crate) client: Client<Nodes>,

    /// Connections whose handshake is not finished.
    half_open: Vec<(Door, EndId)>,
    /// Random stream for the tracker's answers to this peer.
    pub(crate) tracker_rng: Rng,
}

impl Peer {
    pub(crate) fn new(client: Client<Nodes>, tracker_rng: Rng) -> Self {
        Self {
            ends: Box::default(),
            armed: Instant::NEVER,
            leaving: false,
            client,
            half_open: Vec::new(),
            tracker_rng,
        }
    }

    /// The torrent of its client.
    pub(crate) fn torrent(&self) -> &Torrent {
        self.client.torrent()
    }

    /// This peer's end of an open connection.
    pub(crate) fn end(&self, key: PeerKey) -> EndId {
        self.ends[key.0 as usize].expect("the client knows who is connected")
    }

    /// Records that the connection of `end` is open.
    pub(crate) fn join(&mut self, key: PeerKey, end: EndId) {
        let place = key.0 as usize;
        if self.ends.len() <= place {
            let mut ends = std::mem::take(&mut self.ends).into_vec();
            let room = (place + 1).next_multiple_of(ENDS_AT_A_TIME);
            ends.reserve_exact(room - ends.len());
            ends.resize(room, None);
            self.ends = ends.into_boxed_slice();
        }
        self.ends[place] = Some(end);
    }

    /// Forgets a connection that has closed.
    pub(crate) fn part(&mut self, key: PeerKey) {
        self.ends[key.0 as usize] = None;
    }

    /// Records a connection whose handshake begins.
    pub(crate) fn open(&mut self, door: Door, end: EndId) {
        self.half_open.push((door, end));
    }

    /// Removes and returns the end of a connection in its handshake.
    pub(crate) fn take_end(&mut self, door: Door) -> Option<EndId> {
        let place = self.half_open.iter().position(|it| it.0 == door)?;
        let end = self.half_open.swap_remove(place).1;
        if self.half_open.is_empty() {
            // Most of the time no handshake is under way, so free the memory.
            self.half_open = Vec::new();
        }
        Some(end)
    }

    /// The door that this end was opened under, while its handshake lasts.
    pub(crate) fn door(&self, end: EndId) -> Option<Door> {
        let found = self.half_open.iter().find(|it| it.1 == end);
        found.map(|it| it.0)
    }
}

/// Memory for ends is allocated in steps of this many connections: a cache line.
const ENDS_AT_A_TIME: usize = 16;

/// What is kept about a node of the spec until the run ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) arrived_at: Option<Instant>,
    pub(crate) first_piece_at: Option<Instant>,
    pub(crate) completed_at: Option<Instant>,
    pub(crate) left_at: Option<Instant>,
    /// The ledger of a node that has left.
    pub(crate) final_ledger: Ledger,
    /// The piece count of a node that has left.
    pub(crate) final_pieces: u32,
}

/// The state of a node's access link that streams use. Kept apart from [`Node`], because every
/// message reads it. As large as a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(crate) struct Access {
    pub(crate) delay_ns: u64,
    /// Bytes that the uplink has sent with whole blocks.
    pub(crate) up_bytes: u64,
    /// Bytes that the downlink has received with whole blocks.
    pub(crate) down_bytes: u64,
    /// Bytes of control messages sent while blocks occupied the uplink; the next block pays for
    /// them.
    pub(crate) up_debt: u32,
    /// The same for the downlink.
    pub(crate) down_debt: u32,
    /// Number of active flows on the uplink.
    pub(crate) up_flows: u32,
    /// Number of active flows on the downlink.
    pub(crate) down_flows: u32,
    /// Connections whose `have`s may wait, as the core last said. One bit a connection.
    pub(crate) indifferent: u128,
    /// Number of `have`s that wait.
    pub(crate) waiting: u8,
}

/// What a node is, from the spec. Copied because every block needs it of both its nodes: sixteen lie
/// in a cache line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
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
    /// Adds bytes of control messages to the debt that the next block on the uplink pays, if blocks
    /// use the uplink.
    pub(crate) fn owe_up(&mut self, bytes: u32) {
        self.up_debt += bytes * u32::from(self.up_flows > 0);
    }

    /// Likewise for the downlink.
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
        // The client begins with 32 bytes of its own.
        assert_eq!(offset_of!(Peer, client), 32);
    }

    #[test]
    fn an_access_fits_in_a_cache_line() {
        assert_eq!(size_of::<Access>(), 64);
    }
}
