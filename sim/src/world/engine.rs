//! What differs between the two ways to run a swarm. All else is one code.
//!
//! [`Exact`] has the whole swarm in one world, with one queue: what a node does reaches another one in
//! the order of time. [`Shard`] is a world of some nodes only. It gives all that concerns other nodes
//! to a coordinator, which passes it on when the window is over.
//!
//! [`Exact`]: super::exact::Exact
//! [`Shard`]: super::windows::Shard

use std::fmt::Debug;

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::time::Instant;

use super::{Event, World};
use crate::access::Access;
use crate::link::{FlowId, HostId};
use crate::node::{Contact, Peer};
use crate::queue::LineId;
use crate::stream::{End, EndId};
use crate::trace::Happening;

/// Consecutive targets of a broadcast with the same delay line, and their number.
pub(super) type Batch = Option<(LineId, u32)>;

/// A dialler's handshake, before it arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knock {
    /// The dialler's end.
    pub(super) from: EndId,
    /// The dialler.
    pub(super) node: u32,
}

/// One of the two ways to run a swarm.
pub(super) trait Engine: Debug + Sized {
    /// Events that only this engine has.
    type Notice: Clone + Debug;

    /// Whether each side of a connection has a record of its own, and sees of the other side only what
    /// has arrived.
    const IS_SPLIT: bool;

    /// The place of a node in the lists of its world.
    fn at(&self, node: u32) -> usize;

    /// The node at this place.
    fn node(&self, at: usize) -> u32;

    /// Carries out an event that only this engine has.
    fn on_notice(world: &mut World<'_, Self>, notice: Self::Notice);

    /// Schedules an event of `node` itself.
    fn plan(&mut self, at: Instant, node: u32, event: Event<Self::Notice>);

    /// Likewise, after a wait that many events have in common.
    fn plan_after(&mut self, now: Instant, wait_ns: u64, node: u32, event: Event<Self::Notice>);

    /// The delay line for this delay.
    fn line(&mut self, delay_ns: u64) -> LineId;

    /// The name of the other end of the connection of `end`, where the other node is.
    fn there(&self, end: EndId) -> EndId;

    /// Sends a dialler's handshake to a node. It arrives after `wait_ns`.
    fn knock(&mut self, now: Instant, wait_ns: u64, knock: Knock, to: u32);

    /// Schedules an event at `theirs`, behind everything that `mine`, the end at the other side, sent.
    fn post(&mut self, now: Instant, mine: &End, theirs: &End, event: Event<Self::Notice>);

    /// What was posted last, if the next event from `mine` to `theirs` would come right after it.
    fn last_posted(
        &mut self,
        now: Instant,
        mine: &End,
        theirs: &End,
    ) -> Option<&mut Event<Self::Notice>>;

    /// Posts a `have` over a connection of `node` over which nothing waits. Returns whether it left
    /// with others, so that its bytes have still to be counted.
    fn post_have(
        world: &mut World<'_, Self>,
        node: u32,
        contact: &Contact,
        piece: PieceIndex,
        batch: &mut Batch,
    ) -> bool;

    /// The broadcast is over.
    fn flush_haves(&mut self, now: Instant, batch: Batch, piece: PieceIndex);

    /// The other side of the connection may know by now under which key this one has it.
    fn tell_key(world: &mut World<'_, Self>, end: EndId, key: PeerKey);

    /// Sends the answer to the handshake of the dialler at the other side of `end`.
    fn post_opened(world: &mut World<'_, Self>, end: EndId);

    /// The downlink at the other side of `end` has one flow more.
    fn begin_inflow(world: &mut World<'_, Self>, end: EndId);

    /// The downlink at the other side of `end` has one flow less.
    fn end_inflow(world: &mut World<'_, Self>, end: EndId);

    /// The debt of the downlink of `dst` that `flow` pays off.
    fn down_debt<'it>(
        &'it mut self,
        access: &'it mut [Access],
        dst: u32,
        flow: FlowId,
    ) -> &'it mut u32;

    /// A block has arrived at `end`.
    fn on_block_came(world: &mut World<'_, Self>, end: EndId);

    /// The flow of the stream of `end`, if it stopped a moment ago and can go on.
    fn resumed(&self, end: EndId) -> Option<FlowId>;

    /// Starts a flow, as [`crate::link::Links::start`] does.
    fn start_flow(
        &mut self,
        now: Instant,
        flow: FlowId,
        ends: (HostId, HostId),
        bytes: u64,
        ceiling: Option<u64>,
    );

    /// Gives more bytes to a flow that has sent all it had.
    fn extend_flow(&mut self, now: Instant, flow: FlowId, bytes: u64);

    /// Stops the flow of the stream of `end`. Returns whether its number can be used again at once.
    fn stop_flow(&mut self, now: Instant, end: EndId, flow: FlowId) -> bool;

    /// Bytes that a flow has yet to send.
    fn left(&self, now: Instant, flow: FlowId) -> u64;

    /// Rate of a flow in bytes/s; `None` if it is not known yet.
    fn rate(&self, flow: FlowId) -> Option<u64>;

    /// Sets the weight of a flow.
    fn set_weight(&mut self, flow: FlowId, weight: u32);

    /// Sets the ceiling of a flow in bytes/s; `None` removes it.
    fn set_ceiling(&mut self, flow: FlowId, ceiling: Option<u64>);

    /// The tracker has to know a node.
    fn register(&mut self, node: u32);

    /// A node leaves the tracker.
    fn unregister(&mut self, node: u32);

    /// The client of `node`, which is `peer`, asks the tracker of this number, which `answers` or does
    /// not.
    fn ask(world: &mut World<'_, Self>, node: u32, peer: &mut Peer, tracker: usize, answers: bool);

    /// A node has left. Another one may join in its place.
    fn vacate(&mut self, now: Instant, node: u32);

    /// Something significant has happened.
    fn note(&mut self, now: Instant, happening: Happening);
}
