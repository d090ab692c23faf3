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

/// A present peer: its client, and the ends of its connections. What each input needs of it beside the
/// client comes first, in a cache line.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Peer {
    /// Index: `PeerKey`. The end of that connection.
    pub(crate) ends: Vec<Option<EndId>>,
    /// When its timer rings; kept here too, because it is compared after each input.
    pub(crate) armed: Instant,
    /// It leaves as soon as the present input is dealt with.
    pub(crate) leaving: bool,

    pub(crate) client: Client<Nodes>,

    /// Connections whose handshake is not done.
    half_open: Vec<(Door, EndId)>,
    /// Of the tracker's answers to it.
    pub(crate) tracker_rng: Rng,
}

impl Peer {
    pub(crate) fn new(client: Client<Nodes>, tracker_rng: Rng) -> Self {
        Self {
            ends: Vec::new(),
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

    /// The end of a connection that stands.
    pub(crate) fn end(&self, key: PeerKey) -> EndId {
        self.ends[key.0 as usize].expect("the client knows who is connected")
    }

    /// The connection of `end` stands.
    pub(crate) fn join(&mut self, key: PeerKey, end: EndId) {
        let place = key.0 as usize;
        if self.ends.len() <= place {
            if self.ends.capacity() <= place {
                self.ends.reserve_exact(ENDS_AT_A_TIME);
            }
            self.ends.resize(place + 1, None);
        }
        self.ends[place] = Some(end);
    }

    /// The connection with this key stands no longer.
    pub(crate) fn part(&mut self, key: PeerKey) {
        self.ends[key.0 as usize] = None;
    }

    /// A connection is begun, or somebody is at the door.
    pub(crate) fn open(&mut self, door: Door, end: EndId) {
        self.half_open.push((door, end));
    }

    /// The end behind a door, which is one no more.
    pub(crate) fn take_end(&mut self, door: Door) -> Option<EndId> {
        let place = self.half_open.iter().position(|it| it.0 == door)?;
        let end = self.half_open.swap_remove(place).1;
        if self.half_open.is_empty() {
            // Most of a life nobody is at a door.
            self.half_open = Vec::new();
        }
        Some(end)
    }

    /// The door of an end.
    pub(crate) fn door(&self, end: EndId) -> Option<Door> {
        let found = self.half_open.iter().find(|it| it.1 == end);
        found.map(|it| it.0)
    }
}

/// Memory is taken for so many connections at a time.
const ENDS_AT_A_TIME: usize = 64;

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
        assert_eq!(offset_of!(Peer, client), 64);
    }

    #[test]
    fn an_access_fits_in_a_cache_line() {
        assert_eq!(size_of::<Access>(), 64);
    }
}
