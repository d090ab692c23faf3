//! Makes the result of a run and checks it.

use unchoke_core::ledger::Kind;
use unchoke_core::torrent::Torrent;
use unchoke_core::wire::wire_len;

use super::{Event, World};
use crate::checker::{check_bound, check_capacity, check_payload, kumar_ross};
use crate::result::{NodeResult, RunResult};
use crate::stream::Item;
use crate::world::haves::HAVE_BYTES;

impl World<'_> {
    /// Closes every connection at the end of the run. Blocks that have not left count as not sent.
    pub(super) fn close_all(&mut self) {
        for node in 0..u32::try_from(self.peers.len()).expect("as many as in the spec") {
            self.cut_all(node);
        }
    }

    /// Closes every connection of `node` at the end of its life. Its client gets no further inputs.
    pub(super) fn cut_all(&mut self, node: u32) {
        let Some(mut peer) = self.peers[node as usize].take() else {
            return;
        };
        for contact in std::mem::take(&mut peer.contacts).into_iter().flatten() {
            let key = self.streams[contact.end].key();
            let unsent = self.cut(contact.end);
            peer.client.take_back(key, unsent);
        }
        self.peers[node as usize] = Some(peer);
    }

    /// Checks that no link has carried more than its capacity allows since its node arrived.
    pub(super) fn check_capacities(&self) {
        for (node, it) in (0..).zip(&self.spec.nodes) {
            let Some(arrived_at) = self.nodes[node as usize].arrived_at else {
                continue;
            };
            let (access, time) = (&self.access[node as usize], self.now - arrived_at);
            check_capacity(node, "uplink", access.up_bytes, it.up, time);
            check_capacity(node, "downlink", access.down_bytes, it.down, time);
        }
    }

    /// Bytes waiting in streams or in flight, counted message by message.
    fn bytes_under_way(&self) -> u64 {
        let on_the_way = self.queue.iter().map(|event| match event {
            Event::Block { block, .. } => Item::Block(*block).bytes(),
            Event::Message { message, .. } => u64::from(wire_len(message)),
            Event::Requests { blocks, .. } => Item::Requests(*blocks).bytes(),
            Event::Haves { count, .. } => u64::from(count * HAVE_BYTES),
            _ => 0,
        });
        on_the_way.sum::<u64>() + self.streams.waiting_bytes()
    }

    fn node_result(&self, node: u32) -> NodeResult {
        let (spec, it) = (&self.spec.nodes[node as usize], &self.nodes[node as usize]);
        let present = self.peers[node as usize].as_ref().map(|it| it.torrent());
        NodeResult {
            node,
            class: spec.class,
            client: spec.client,
            origin: spec.origin,
            arrived_at: it.arrived_at,
            first_piece_at: it.first_piece_at,
            completed_at: it.completed_at,
            left_at: it.left_at,
            piece_count: present.map_or(it.final_pieces, Torrent::have_count),
            ledger: present.map_or(it.final_ledger, |it| *it.ledger()),
            transport_sent: self.transport.sent(node),
        }
    }

    /// Checks that cores and streams have counted the same bytes.
    fn check_ledgers(&self, nodes: &[NodeResult]) {
        let handshakes = Kind::Handshake as usize;
        let (mut sent, mut received, mut useful) = (0, 0, 0);
        for ledger in nodes.iter().map(|it| &it.ledger) {
            sent += ledger.sent() - ledger.protocol[handshakes].sent;
            received += ledger.received() - ledger.protocol[handshakes].received;
            useful += ledger.payload_useful;
        }
        assert_eq!(sent, self.checker.handed, "bytes sent by the cores");
        assert_eq!(received, self.checker.received, "bytes the cores took in");
        for matrix in [&self.class_matrix, &self.client_matrix] {
            assert_eq!(useful, matrix.iter().sum::<u64>(), "useful bytes");
        }
    }

    pub(super) fn end(self) -> RunResult {
        let count = u32::try_from(self.nodes.len()).expect("as many as in the spec");
        let nodes: Vec<NodeResult> = (0..count).map(|node| self.node_result(node)).collect();
        let under_way = self.bytes_under_way();
        self.checker.check_conservation(under_way);
        self.check_capacities();
        self.check_ledgers(&nodes);
        for node in &nodes {
            check_payload(self.spec, node, self.now);
        }
        let bound = kumar_ross(self.spec, &nodes);
        if let Some(bound) = &bound {
            check_bound(bound, &nodes);
        }
        RunResult {
            ended_at: self.now,
            nodes,
            blocks_transferred: self.blocks,
            events: self.inputs,
            digest: self.trace.digest(),
            series: self.series,
            class_count: self.spec.classes.len(),
            class_matrix: self.class_matrix,
            client_count: self.spec.clients.len(),
            client_matrix: self.client_matrix,
            bytes_sent: self.checker.handed,
            bytes_received: self.checker.received,
            bytes_dropped: self.checker.dropped,
            bytes_in_flight: under_way,
            bound,
            solver: self.links.work(),
        }
    }
}
