//! The blocks of a stream, as a flow over two links.
//!
//! Flow numbers are dense, and a number is used again as soon as its flow stops. Most streams are
//! idle, and the data that the solver reads often should lie close together.

use unchoke_core::geometry::BLOCK_BYTES;

use super::World;
use super::engine::Engine;
use crate::link::{FlowId, HostId};
use crate::stream::EndId;

/// Most debt that one block pays. A block then takes at most about twice its size on the wire.
const PAYMENT_MAX: u32 = BLOCK_BYTES;

/// The stream that a flow belongs to.
#[derive(Clone, Copy, Debug)]
struct Owner {
    end: EndId,
    /// Bytes of control messages that the first block of the stream pays for.
    surcharge: u32,
}

/// The numbers of the active flows.
#[derive(Clone, Debug, Default)]
pub(super) struct Flows {
    /// Index: flow.
    owners: Vec<Owner>,
    free: Vec<FlowId>,
}

impl Flows {
    fn take(&mut self) -> FlowId {
        let unused = u32::try_from(self.owners.len()).expect("no more flows than ends");
        self.free.pop().unwrap_or(FlowId(unused))
    }

    /// Gives a flow to the stream of `end`.
    fn own(&mut self, flow: FlowId, end: EndId) {
        let owner = Owner { end, surcharge: 0 };
        match self.owners.get_mut(flow.0 as usize) {
            Some(it) => *it = owner,
            None => self.owners.push(owner),
        }
    }

    /// Takes back numbers of flows that have stopped.
    pub(super) fn free(&mut self, flows: &mut Vec<FlowId>) {
        self.free.append(flows);
    }

    /// The end of an active flow, and the surcharge on its first block.
    pub(super) fn of(&self, flow: FlowId) -> (EndId, u32) {
        let owner = self.owners[flow.0 as usize];
        (owner.end, owner.surcharge)
    }
}

impl<E: Engine> World<'_, E> {
    /// Starts the flow of a stream that has a block waiting.
    pub(super) fn start_flow(&mut self, end: EndId) {
        let (src, dst) = (self.streams[end].node, self.streams[end.other()].node);
        self.access[self.engine.at(src)].up_flows += 1;
        E::begin_inflow(self, end);
        let flow = self.engine.resumed(end);
        let flow = flow.unwrap_or_else(|| self.flows.take());
        self.flows.own(flow, end);
        self.streams[end].set_flow(Some(flow));
        let bytes = self.begin_block(end, flow);
        let ends = (HostId(src), HostId(dst));
        let ceiling = self.begin_ramp(end);
        self.engine.start_flow(self.now, flow, ends, bytes, ceiling);
        self.weigh(end, flow);
    }

    /// Begins the first block of the stream. Returns its bytes on the wire, including the debt it
    /// pays.
    fn begin_block(&mut self, end: EndId, flow: FlowId) -> u64 {
        let (src, dst) = (self.streams[end].node, self.streams[end.other()].node);
        let front = self.streams.front(end).expect("a block waits");
        let bytes = self.transport.on_wire(front.bytes());
        let up_debt = self.access[self.engine.at(src)].up_debt;
        let down_debt = self.engine.down_debt(&mut self.access, dst, flow);
        let payment = up_debt.max(*down_debt).min(PAYMENT_MAX);
        *down_debt -= payment.min(*down_debt);
        self.access[self.engine.at(src)].up_debt -= payment.min(up_debt);
        self.flows.owners[flow.0 as usize].surcharge = payment;
        bytes + u64::from(payment)
    }

    /// Continues a flow with the next block of its stream.
    pub(super) fn next_block(&mut self, end: EndId, flow: FlowId) {
        let bytes = self.begin_block(end, flow);
        self.engine.extend_flow(self.now, flow, bytes);
        self.weigh_anew(end, flow);
    }

    /// Stops the flow of a stream.
    pub(super) fn stop_flow(&mut self, end: EndId, flow: FlowId) {
        let src = self.streams[end].node;
        if self.engine.stop_flow(self.now, end, flow) {
            self.flows.free.push(flow);
        }
        self.streams[end].set_flow(None);
        self.end_ramp(end);
        let up = &mut self.access[self.engine.at(src)];
        up.up_flows -= 1;
        // An idle link transmits the control messages it still owes for, so the debt ends.
        up.up_debt *= u32::from(up.up_flows > 0);
        E::end_inflow(self, end);
    }
}
