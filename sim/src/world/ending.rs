//! Makes the result of a run and checks it.

use unchoke_core::ledger::Kind;
use unchoke_core::time::Instant;
use unchoke_core::torrent::Torrent;
use unchoke_core::wire::wire_len;

use super::engine::Engine;
use super::{Event, World};
use crate::checker::{Checker, check_bound, check_capacity, check_payload, kumar_ross};
use crate::link::SolverWork;
use crate::result::{NodeResult, RunResult, Sample};
use crate::spec::SwarmSpec;
use crate::stream::Item;

/// Bytes of messages that arrive with an event.
pub(super) fn bytes_on_the_way<N>(event: &Event<N>) -> u64 {
    match event {
        Event::Block { block, .. } => Item::Block(*block).bytes(),
        Event::Message { message, .. } => u64::from(wire_len(message)),
        Event::Requests { blocks, .. } => Item::Requests(*blocks).bytes(),
        Event::Haves { run, .. } => Item::Haves(*run).bytes(),
        _ => 0,
    }
}

impl<E: Engine> World<'_, E> {
    /// Closes every connection at the end of the run. Blocks that have not left count as not sent.
    pub(super) fn close_all(&mut self) {
        for at in 0..self.peers.len() {
            self.cut_all(self.engine.node(at));
        }
    }

    /// Closes every connection of `node` at the end of its life. Its client gets no further inputs.
    pub(super) fn cut_all(&mut self, node: u32) {
        let Some(mut peer) = self.peers[self.engine.at(node)].take() else {
            return;
        };
        for contact in std::mem::take(&mut peer.contacts).into_iter().flatten() {
            let key = self.streams[contact.end].key();
            let unsent = self.cut(contact.end);
            peer.client.take_back(key, unsent);
        }
        self.peers[self.engine.at(node)] = Some(peer);
    }

    /// Checks that no link has carried more than its capacity allows since its node arrived.
    pub(super) fn check_capacities(&self) {
        for (at, access) in self.access.iter().enumerate() {
            let Some(arrived_at) = self.nodes[at].arrived_at else {
                continue;
            };
            let (node, time) = (self.engine.node(at), self.now - arrived_at);
            let it = &self.spec.nodes[node as usize];
            check_capacity(node, "uplink", access.up_bytes, it.up, time);
            check_capacity(node, "downlink", access.down_bytes, it.down, time);
        }
    }

    fn node_result(&self, node: u32) -> NodeResult {
        let (spec, it) = (
            &self.spec.nodes[node as usize],
            &self.nodes[self.engine.at(node)],
        );
        let present = self.peers[self.engine.at(node)]
            .as_ref()
            .map(|it| it.torrent());
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
            transport_sent: self.transport.sent(self.engine.at(node)),
        }
    }
}

/// What all worlds of a run have counted.
#[derive(Debug)]
pub(super) struct Totals {
    nodes: Vec<NodeResult>,
    checker: Checker,
    under_way: u64,
    blocks: u64,
    inputs: u64,
    class_matrix: Vec<u64>,
    client_matrix: Vec<u64>,
}

impl Totals {
    pub(super) fn new(spec: &SwarmSpec) -> Self {
        Self {
            nodes: Vec::with_capacity(spec.nodes.len()),
            checker: Checker::default(),
            under_way: 0,
            blocks: 0,
            inputs: 0,
            class_matrix: vec![0; spec.classes.len().pow(2)],
            client_matrix: vec![0; spec.clients.len().pow(2)],
        }
    }

    /// Adds a world that has ended, whose nodes follow those of the worlds before; `on_the_way` bytes
    /// are in flight to it. Checks its links.
    pub(super) fn add<E: Engine>(&mut self, world: &World<'_, E>, on_the_way: u64) {
        world.check_capacities();
        let places = 0..world.peers.len();
        let nodes = places.map(|at| world.node_result(world.engine.node(at)));
        self.nodes.extend(nodes);
        self.checker.add(&world.checker);
        self.under_way += on_the_way + world.streams.waiting_bytes();
        self.blocks += world.blocks;
        self.inputs += world.inputs;
        for (sums, matrix) in [
            (&mut self.class_matrix, &world.class_matrix),
            (&mut self.client_matrix, &world.client_matrix),
        ] {
            sums.iter_mut().zip(matrix).for_each(|(sum, it)| *sum += it);
        }
    }

    /// Checks that cores and streams have counted the same bytes.
    fn check_ledgers(&self) {
        let handshakes = Kind::Handshake as usize;
        let (mut sent, mut received, mut useful) = (0, 0, 0);
        for ledger in self.nodes.iter().map(|it| &it.ledger) {
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

    /// Checks the rest, and makes the result of a run that ended at `now`.
    pub(super) fn result(
        self,
        spec: &SwarmSpec,
        now: Instant,
        series: Vec<Sample>,
        digest: u64,
        solver: SolverWork,
    ) -> RunResult {
        self.checker.check_conservation(self.under_way);
        self.check_ledgers();
        for node in &self.nodes {
            check_payload(spec, node, now);
        }
        let bound = kumar_ross(spec, &self.nodes);
        if let Some(bound) = &bound {
            check_bound(bound, &self.nodes);
        }
        RunResult {
            ended_at: now,
            nodes: self.nodes,
            blocks_transferred: self.blocks,
            events: self.inputs,
            digest,
            series,
            class_count: spec.classes.len(),
            class_matrix: self.class_matrix,
            client_count: spec.clients.len(),
            client_matrix: self.client_matrix,
            bytes_sent: self.checker.handed,
            bytes_received: self.checker.received,
            bytes_dropped: self.checker.dropped,
            bytes_in_flight: self.under_way,
            bound,
            solver,
        }
    }
}
