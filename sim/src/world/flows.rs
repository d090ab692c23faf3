//! The blocks of a stream as a flow over two links.
//!
//! Flows are numbered densely, and a number is used again as soon as its flow has stopped: most
//! streams are idle, and what the solver looks at all the time should lie close together.

use unchoke_core::geometry::BLOCK_BYTES;

use super::World;
use crate::link::{FlowId, HostId};
use crate::stream::{EndId, bytes_of};

/// Debt that one block pays at most, so that no block becomes much longer than a block.
const PAYMENT_MAX: u32 = BLOCK_BYTES;

/// Whose flow it is.
#[derive(Clone, Copy, Debug)]
struct Owner {
    end: EndId,
    /// Bytes of control messages that the block in front carries along.
    surcharge: u32,
}

/// The numbers of the flows that run.
#[derive(Clone, Debug, Default)]
pub(super) struct Flows {
    /// Index: flow.
    owners: Vec<Owner>,
    free: Vec<FlowId>,
}

impl Flows {
    fn take(&mut self, end: EndId) -> FlowId {
        let owner = Owner { end, surcharge: 0 };
        if let Some(flow) = self.free.pop() {
            self.owners[flow.0 as usize] = owner;
            return flow;
        }
        self.owners.push(owner);
        FlowId(u32::try_from(self.owners.len() - 1).expect("no more flows than ends"))
    }

    /// The end of a flow that runs, and the bytes beyond the block in front that it carries.
    pub(super) fn of(&self, flow: FlowId) -> (EndId, u32) {
        let owner = self.owners[flow.0 as usize];
        (owner.end, owner.surcharge)
    }
}

impl World<'_> {
    /// Starts the flow of a stream in which a block waits.
    pub(super) fn start_flow(&mut self, end: EndId) {
        let (src, dst) = (self.streams[end].node, self.streams[end.other()].node);
        self.access[src as usize].up_flows += 1;
        self.access[dst as usize].down_flows += 1;
        let flow = self.flows.take(end);
        self.streams[end].set_flow(Some(flow));
        let bytes = self.begin_block(end, flow);
        let ends = (HostId(src), HostId(dst));
        let ceiling = self.begin_ramp(end);
        self.links.start(self.now, flow, ends, bytes, ceiling);
        self.weigh(end, flow);
    }

    /// The block in front of the stream is next: its bytes on the wire, debts included.
    fn begin_block(&mut self, end: EndId, flow: FlowId) -> u64 {
        let (src, dst) = (self.streams[end].node, self.streams[end.other()].node);
        let front = self.streams.front(end).expect("a block waits");
        let bytes = self.transport.on_wire(bytes_of(front));
        let up_debt = self.access[src as usize].up_debt;
        let down_debt = self.access[dst as usize].down_debt;
        let payment = up_debt.max(down_debt).min(PAYMENT_MAX);
        self.access[src as usize].up_debt -= payment.min(up_debt);
        self.access[dst as usize].down_debt -= payment.min(down_debt);
        self.flows.owners[flow.0 as usize].surcharge = payment;
        bytes + u64::from(payment)
    }

    /// The flow of a stream goes on with the block that is in front now.
    pub(super) fn next_block(&mut self, end: EndId, flow: FlowId) {
        let bytes = self.begin_block(end, flow);
        self.links.extend(self.now, flow, bytes);
    }

    /// Stops the flow of a stream.
    pub(super) fn stop_flow(&mut self, end: EndId, flow: FlowId) {
        self.links.stop(flow);
        self.streams[end].set_flow(None);
        self.flows.free.push(flow);
        self.end_ramp(end);
        let (src, dst) = (self.streams[end].node, self.streams[end.other()].node);
        let up = &mut self.access[src as usize];
        up.up_flows -= 1;
        // What is owed for control messages passes in the gap.
        up.up_debt *= u32::from(up.up_flows > 0);
        let down = &mut self.access[dst as usize];
        down.down_flows -= 1;
        down.down_debt *= u32::from(down.down_flows > 0);
    }
}
