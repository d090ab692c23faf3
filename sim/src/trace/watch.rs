//! The state of a swarm, derived from its events.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use unchoke_core::time::Instant;

use super::{Happening, Header, Sink};

/// Window over which rates are averaged.
pub const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Stage in the life of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has not joined yet.
    Absent,
    /// It lacks pieces.
    Leecher,
    /// It has every piece.
    Seed,
    /// It has left.
    Gone,
}

/// State of one side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tie {
    /// Whether a connection is open.
    pub connected: bool,
    /// Whether this side serves requests of the other.
    pub unchokes: bool,
}

/// Payload bytes that moved recently.
#[derive(Clone, Copy, Debug)]
struct Moved {
    at: Instant,
    from: u32,
    to: u32,
    bytes: u32,
}

/// Follows the events of a run.
#[derive(Clone, Debug)]
pub struct Watch {
    now: Instant,
    piece_count: u32,
    origins: Vec<bool>,
    lives: Vec<Life>,
    pieces: Vec<u32>,
    /// Index: node. Key: the other node.
    ties: Vec<BTreeMap<u32, Tie>>,
    /// Transfers within [`RATE_WINDOW`]. What the links carry in that time bounds the length.
    moved: VecDeque<Moved>,
}

impl Watch {
    /// The state before any event.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let count = header.nodes.len();
        let pieces = header
            .total_bytes
            .div_ceil(header.piece_bytes.max(1).into());
        let piece_count = u32::try_from(pieces).unwrap_or(u32::MAX);
        Self {
            now: Instant::START,
            piece_count,
            origins: header.nodes.iter().map(|it| it.origin).collect(),
            lives: vec![Life::Absent; count],
            pieces: vec![0; count],
            ties: vec![BTreeMap::new(); count],
            moved: VecDeque::new(),
        }
    }

    /// Advances time without an event.
    pub fn pass(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let old = |it: &Moved| self.now.since(it.at) >= RATE_WINDOW;
        let expired = self.moved.iter().take_while(|it| old(it)).count();
        self.moved.drain(..expired);
    }

    /// The current time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The stage in the life of `node`.
    #[must_use]
    pub fn life(&self, node: u32) -> Life {
        self.lives[node as usize]
    }

    /// Pieces that `node` has, or had when it left.
    #[must_use]
    pub fn pieces(&self, node: u32) -> u32 {
        self.pieces[node as usize]
    }

    /// Nodes that `node` is connected to or serves, in ascending order.
    pub fn ties(&self, node: u32) -> impl Iterator<Item = (u32, Tie)> {
        self.ties[node as usize].iter().map(|it| (*it.0, *it.1))
    }

    /// The state of the side of `node` in its connection to `other`.
    #[must_use]
    pub fn tie(&self, node: u32, other: u32) -> Tie {
        let tie = self.ties[node as usize].get(&other);
        tie.copied().unwrap_or_default()
    }

    /// Payload rates in bytes/s, by sender and receiver. Averaged over [`RATE_WINDOW`], or over the
    /// time since the start if that is shorter.
    #[must_use]
    pub fn rates(&self) -> BTreeMap<(u32, u32), u64> {
        let mut rates = BTreeMap::new();
        for it in &self.moved {
            *rates.entry((it.from, it.to)).or_default() += u64::from(it.bytes);
        }
        let window = RATE_WINDOW.min(self.now.since(Instant::START));
        let window_ms = u64::try_from(window.as_millis()).expect("seconds").max(1);
        for rate in rates.values_mut() {
            *rate = *rate * 1000 / window_ms;
        }
        rates
    }

    fn change(&mut self, node: u32, other: u32, change: impl FnOnce(&mut Tie)) {
        let ties = &mut self.ties[node as usize];
        let tie = ties.entry(other).or_default();
        change(tie);
        if *tie == Tie::default() {
            ties.remove(&other);
        }
    }

    /// Closes the connection, though the other side may not know yet.
    fn part(&mut self, node: u32, other: u32) {
        self.ties[node as usize].remove(&other);
        self.ties[other as usize].remove(&node);
    }
}

impl Sink for Watch {
    fn record(&mut self, at: Instant, happening: &Happening) {
        self.pass(at);
        match *happening {
            Happening::Join { node } => {
                let origin = self.origins[node as usize];
                self.lives[node as usize] = if origin { Life::Seed } else { Life::Leecher };
                if origin {
                    self.pieces[node as usize] = self.piece_count;
                }
            }
            Happening::Leave { node } => {
                self.lives[node as usize] = Life::Gone;
                for other in std::mem::take(&mut self.ties[node as usize]).into_keys() {
                    self.ties[other as usize].remove(&node);
                }
            }
            Happening::Connect { node, other } => {
                self.change(node, other, |it| it.connected = true);
                self.change(other, node, |it| it.connected = true);
            }
            Happening::Disconnect { node, other } => self.part(node, other),
            Happening::Choke { node, other } => self.change(node, other, |it| it.unchokes = false),
            Happening::Unchoke { node, other } => self.change(node, other, |it| it.unchokes = true),
            Happening::Block { node, other, block } => self.moved.push_back(Moved {
                at,
                from: other,
                to: node,
                bytes: block.length,
            }),
            Happening::Piece { node, .. } => {
                let pieces = &mut self.pieces[node as usize];
                *pieces = self.piece_count.min(*pieces + 1);
            }
            Happening::Complete { node } => self.lives[node as usize] = Life::Seed,
            Happening::Corrupt { .. } => {}
        }
    }
}
