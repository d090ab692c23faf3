//! One peer of the simulated swarm.

use unchoke_core::client::Client;
use unchoke_core::client::doors::Door;
use unchoke_core::ids::PeerKey;
use unchoke_core::ledger::Ledger;
use unchoke_core::rng::Rng;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Torrent;

use crate::places::Nodes;
use crate::queue::LineId;
use crate::stream::EndId;

/// A connection as its node sees it: what is needed to send a `have` over it lies here, side by side
/// for all connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    /// The node's end.
    pub(crate) end: EndId,
    /// The node at the other end.
    pub(crate) node: u32,
    /// The key under which that node knows the connection; all bits are set until it is open there.
    key: u16,
    /// The delay line of messages over it.
    pub(crate) line: LineId,
}

impl Contact {
    /// The connection of `end` to `node`, which may know it already by `key`.
    pub(crate) fn new(end: EndId, node: u32, key: PeerKey, line: LineId) -> Self {
        let key = u16::try_from(key.0).expect("connections are limited to 16 bits");
        Self {
            end,
            node,
            key,
            line,
        }
    }

    /// The key under which the other node knows the connection, or one that nothing has.
    pub(crate) fn key(&self) -> PeerKey {
        PeerKey(u32::from(self.key))
    }
}

/// A peer that is present: its client and its ends of connections. The fields that every input
/// needs share a cache line with the head of the client, before the lines of its torrent.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Peer {
    /// Its open connections. Index: `PeerKey`.
    pub(crate) contacts: Box<[Option<Contact>]>,
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
            contacts: Box::default(),
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
        let contact = self.contacts[key.0 as usize];
        contact.expect("the client knows who is connected").end
    }

    /// Records an open connection.
    pub(crate) fn join(&mut self, key: PeerKey, contact: Contact) {
        let place = key.0 as usize;
        if self.contacts.len() <= place {
            let mut contacts = std::mem::take(&mut self.contacts).into_vec();
            let room = (place + 1).next_multiple_of(ENDS_AT_A_TIME);
            contacts.reserve_exact(room - contacts.len());
            contacts.resize(room, None);
            self.contacts = contacts.into_boxed_slice();
        }
        self.contacts[place] = Some(contact);
    }

    /// The other node has opened the connection too, under the key `theirs`.
    pub(crate) fn met(&mut self, key: PeerKey, end: EndId, theirs: PeerKey) {
        let contact = self.contacts.get_mut(key.0 as usize);
        if let Some(contact) = contact.and_then(Option::as_mut).filter(|it| it.end == end) {
            *contact = Contact::new(end, contact.node, theirs, contact.line);
        }
    }

    /// Forgets a connection that has closed.
    pub(crate) fn part(&mut self, key: PeerKey) {
        self.contacts[key.0 as usize] = None;
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

/// Memory for connections is allocated in steps of this many: three cache lines.
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

/// What a node is, from the spec. Copied because every block needs it of both its nodes: sixteen lie
/// in a cache line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) class: u16,
    pub(crate) client: u16,
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::{Contact, Peer};

    #[test]
    fn what_each_input_needs_of_a_peer_is_a_cache_line() {
        // The client begins with 32 bytes of its own.
        assert_eq!(offset_of!(Peer, client), 32);
    }

    #[test]
    fn a_contact_is_small() {
        assert_eq!(size_of::<Option<Contact>>(), 12);
    }
}
