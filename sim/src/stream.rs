//! Connections as two ordered byte streams.
//!
//! The messages that a node hands over for a peer leave in order. A block is sent at the rate of
//! its flow. A control message leaves at once if no block is ahead of it in the stream; otherwise
//! it leaves with the last byte of the block ahead of it, as in a socket buffer.
//!
//! A connection has two ends: `2 * c` is the dialler's, `2 * c + 1` the other one. The stream of an
//! end carries what its node sends. A closing end sends a `Fin` after everything else. When both
//! `Fin`s have arrived, nothing of the connection is in flight, and its number can be used again.

use std::num::NonZeroU32;

use unchoke_core::geometry::BlockRun;
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::wire::{PIECE_HEADER_BYTES, REQUEST_BYTES, wire_len};

use crate::have_run::HaveRun;
use crate::link::FlowId;
use crate::queue::LineId;

/// One end of a connection. The stored number is never zero, so `Option<EndId>` needs no extra
/// space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EndId(NonZeroU32);

impl EndId {
    /// Connection 0 does not exist.
    const FIRST: usize = 2;

    /// Stands for no end: no run has so many connections.
    pub(crate) const LAST: Self = Self(NonZeroU32::MAX);

    fn new(number: u32) -> Self {
        Self(NonZeroU32::new(number).expect("connections are numbered from 1"))
    }

    /// The number of this end: twice the number of the connection, plus one for the dialled side.
    pub(crate) fn number(self) -> u32 {
        self.0.get()
    }

    /// The other end of the connection.
    pub(crate) fn other(self) -> Self {
        Self::new(self.number() ^ 1)
    }

    /// Whether this end dialled.
    pub(crate) fn dialled(self) -> bool {
        self.number() & 1 == 0
    }

    /// Its index in a list of all ends.
    pub(crate) fn index(self) -> usize {
        self.number() as usize - Self::FIRST
    }
}

/// What waits in a stream.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A block, which is sent as a flow.
    Block(BlockRef),
    /// A request for each of these blocks.
    Requests(BlockRun),
    /// A `have` for each of these pieces.
    Haves(HaveRun),
    /// Any other message.
    Message(Message),
}

/// Bytes of a `have` message. BEP 3: length, id, piece.
pub(crate) const HAVE_BYTES: u32 = 9;

impl Item {
    /// Bytes on the wire, payload included.
    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Block(block) => u64::from(PIECE_HEADER_BYTES + block.length),
            Self::Requests(run) => u64::from(REQUEST_BYTES) * u64::from(run.count),
            Self::Haves(run) => u64::from(HAVE_BYTES) * u64::from(run.count()),
            Self::Message(message) => u64::from(wire_len(message)),
        }
    }

    pub(crate) fn is_block(&self) -> bool {
        matches!(self, Self::Block(_))
    }
}

/// State of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndState {
    /// Waits for the answer of the other side, or for its handshake.
    Opening,
    /// Connected.
    Open,
    /// Closed on this side. Messages that still arrive are dropped.
    Closed,
}

/// Marks the end of a linked list of cells.
const NIL: u32 = u32::MAX;

/// State of one end; 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// Node that owns this end.
    pub(crate) node: u32,
    /// Number of the stream's flow; [`NIL`] while no flow is active.
    flow: u32,
    /// One-way delay, ns.
    pub(crate) delay_ns: u64,
    head: u32,
    tail: u32,
    key: u16,
    pub(crate) line: LineId,
    pub(crate) state: EndState,
    /// Whether the node chokes the other side, by the last message it sent.
    pub(crate) choking: bool,
    /// Whether the `Fin` of the other side has arrived.
    pub(crate) finished: bool,
    /// Whether this side has sent its `Fin`.
    pub(crate) said_fin: bool,
}

impl End {
    /// Value of an end that belongs to no connection.
    const NOBODYS: Self = Self {
        node: u32::MAX,
        flow: NIL,
        delay_ns: 0,
        head: NIL,
        tail: NIL,
        key: u16::MAX,
        line: LineId::HEAP,
        state: EndState::Closed,
        choking: true,
        finished: false,
        said_fin: false,
    };

    /// The key under which its node knows the connection.
    pub(crate) fn key(&self) -> PeerKey {
        PeerKey(u32::from(self.key))
    }

    /// Whether the connection was ever open on this side.
    pub(crate) fn has_key(&self) -> bool {
        self.key != u16::MAX
    }

    /// Sets the key under which its node knows the connection.
    pub(crate) fn set_key(&mut self, key: PeerKey) {
        self.key = u16::try_from(key.0).expect("connections are limited to 16 bits");
    }

    /// The flow of the stream, while it is active.
    pub(crate) fn flow(&self) -> Option<FlowId> {
        (self.flow != NIL).then_some(FlowId(self.flow))
    }

    /// Sets the flow of the stream; `None` when it stops.
    pub(crate) fn set_flow(&mut self, flow: Option<FlowId>) {
        self.flow = flow.map_or(NIL, |it| it.0);
    }
}

/// The two ends of a connection, the dialler's first; as large as a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Pair([End; 2]);

#[derive(Clone, Debug)]
struct Cell {
    item: Item,
    next: u32,
}

/// All connections of a world, and the messages waiting in their streams.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// Index: connection number. Number 0 is not used.
    connections: Vec<Pair>,
    /// Connections with nothing in flight, whose numbers can be used again; named by the dialler's
    /// end.
    free: Vec<EndId>,
    /// Waiting messages of all streams: linked lists in one pool, so that an idle stream takes no
    /// memory.
    cells: Vec<Cell>,
    free_cell: u32,
}

impl Streams {
    pub(crate) fn new() -> Self {
        Self {
            connections: vec![Pair([End::NOBODYS; 2])],
            free: Vec::new(),
            cells: Vec::new(),
            free_cell: NIL,
        }
    }

    /// Adds a connection from `dialler` to `target` and returns the dialler's end.
    pub(crate) fn open(&mut self, dialler: u32, target: u32, delay_ns: u64, line: LineId) -> EndId {
        let end = |node| End {
            node,
            delay_ns,
            line,
            state: EndState::Opening,
            ..End::NOBODYS
        };
        if let Some(first) = self.free.pop() {
            self[first] = end(dialler);
            self[first.other()] = end(target);
            return first;
        }
        let first = u32::try_from(2 * self.connections.len());
        self.connections.push(Pair([end(dialler), end(target)]));
        EndId::new(first.expect("fewer than 2^31 connections"))
    }

    /// Frees the number of a connection with nothing in flight.
    pub(crate) fn release(&mut self, end: EndId) {
        let first = if end.dialled() { end } else { end.other() };
        for end in [first, first.other()] {
            assert!(
                self.is_empty(end) && self[end].flow().is_none(),
                "still in use"
            );
        }
        self.free.push(first);
    }

    /// Whether no message waits in the stream of `end`.
    pub(crate) fn is_empty(&self, end: EndId) -> bool {
        self[end].head == NIL
    }

    /// What leaves next.
    pub(crate) fn front(&self, end: EndId) -> Option<&Item> {
        let head = self[end].head;
        (head != NIL).then(|| &self.cells[head as usize].item)
    }

    /// Reads the next message to leave, so that the processor loads it into its cache.
    pub(crate) fn look_at_first(&self, end: EndId) -> u32 {
        let first = self.cells.get(self[end].head as usize);
        first.map_or(NIL, |it| it.next)
    }

    /// Likewise for the message after it.
    pub(crate) fn look_at_second(&self, end: EndId) -> u32 {
        let second = self.cells.get(self.look_at_first(end) as usize);
        second.map_or(NIL, |it| it.next)
    }

    /// Appends `item` to what waits.
    pub(crate) fn push(&mut self, end: EndId, item: Item) {
        let cell = Cell { item, next: NIL };
        let at = self.free_cell;
        let at = if at == NIL {
            self.cells.push(cell);
            u32::try_from(self.cells.len() - 1).expect("fewer than 2^32 messages wait")
        } else {
            self.free_cell = self.cells[at as usize].next;
            self.cells[at as usize] = cell;
            at
        };
        let tail = std::mem::replace(&mut self[end].tail, at);
        if tail == NIL {
            self[end].head = at;
        } else {
            self.cells[tail as usize].next = at;
        }
    }

    /// Appends a `have` to what waits. In slow swarms hundreds wait behind a block, so several share
    /// a cell.
    pub(crate) fn push_have(&mut self, end: EndId, piece: PieceIndex) {
        let tail = self[end].tail;
        let last = self.cells.get_mut(tail as usize);
        let appended = last.is_some_and(|it| match &mut it.item {
            Item::Haves(run) => run.append(piece),
            _ => false,
        });
        if !appended {
            self.push(end, Item::Haves(HaveRun::of(piece)));
        }
    }

    /// Removes and returns what leaves next.
    pub(crate) fn pop(&mut self, end: EndId) -> Option<Item> {
        let at = self[end].head;
        if at == NIL {
            return None;
        }
        let cell = &mut self.cells[at as usize];
        let item = std::mem::replace(&mut cell.item, Item::Message(Message::KeepAlive));
        let next = std::mem::replace(&mut cell.next, self.free_cell);
        self.free_cell = at;
        self[end].head = next;
        if next == NIL {
            self[end].tail = NIL;
        }
        Some(item)
    }

    /// Bytes waiting in all streams.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        let mut sum = 0;
        for end in self.connections.iter().flat_map(|it| &it.0) {
            let mut at = end.head;
            while at != NIL {
                sum += self.cells[at as usize].item.bytes();
                at = self.cells[at as usize].next;
            }
        }
        sum
    }
}

impl std::ops::Index<EndId> for Streams {
    type Output = End;

    fn index(&self, end: EndId) -> &End {
        let number = end.number() as usize;
        &self.connections[number / 2].0[number % 2]
    }
}

impl std::ops::IndexMut<EndId> for Streams {
    fn index_mut(&mut self, end: EndId) -> &mut End {
        let number = end.number() as usize;
        &mut self.connections[number / 2].0[number % 2]
    }
}

#[cfg(test)]
mod tests {
    use super::Pair;

    #[test]
    fn both_ends_of_a_connection_are_a_cache_line() {
        assert_eq!((size_of::<Pair>(), align_of::<Pair>()), (64, 64));
    }
}
