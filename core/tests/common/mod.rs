//! Torrents in memory, connected to each other, with one clock. Every message takes the same time,
//! and none is lost.

#![allow(dead_code, unreachable_pub, reason = "each test file uses other parts")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::{BlockRef, PeerKey, PieceIndex};
use unchoke_core::message::Message;
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{
    BlockDigest, Config, Input, Output, PeerLink, Reason, Torrent, Verdict,
};

/// Time from sending a message to its arrival.
pub const DELAY: Duration = Duration::from_millis(20);
const CREDITS: usize = 4;

/// The settings of a node.
#[derive(Clone, Debug)]
pub struct Node {
    pub policy: &'static str,
    pub picker: &'static str,
    pub seed: bool,
    pub corrupts: bool,
}

impl Node {
    pub fn leecher(policy: &'static str) -> Self {
        Self {
            policy,
            picker: "rarest_first",
            seed: false,
            corrupts: false,
        }
    }

    pub fn seed(policy: &'static str) -> Self {
        Self {
            seed: true,
            ..Self::leecher(policy)
        }
    }
}

/// An output of a torrent. The log holds all of them in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub at: Instant,
    pub node: usize,
    pub output: Output,
}

pub struct Room {
    pub now: Instant,
    pub torrents: Vec<Torrent>,
    pub log: Vec<Logged>,
    pub closed: Vec<(usize, usize, Reason)>,
    nodes: Vec<Node>,
    geometry: Geometry,
    queue: BTreeMap<(Instant, u64), (usize, Input)>,
    sequence: u64,
    /// The sender of each block that a node stored, to decide whether the piece is good.
    stored: BTreeMap<(usize, BlockRef), usize>,
    links: BTreeMap<(usize, usize), u32>,
}

pub fn geometry(pieces: u32) -> Geometry {
    Geometry::new(u64::from(pieces) * 65_536 - 5000, 65_536).expect("a torrent")
}

impl Room {
    pub fn new(config: &Config, nodes: Vec<Node>, seed: u64) -> Self {
        let config = Arc::new(config.clone());
        let make = |(entity, node): (u32, &Node)| {
            let have = if node.seed {
                config.everything()
            } else {
                config.nothing()
            };
            let policy = choke::build(node.policy, &Parameters::new()).expect("a policy");
            let picker = pick::build(node.picker).expect("a picker");
            let streams = Streams::new(seed);
            Torrent::new(
                config.clone(),
                have,
                policy,
                picker,
                streams,
                entity,
                Instant::START,
            )
        };
        Self {
            now: Instant::START,
            torrents: (0..).zip(&nodes).map(make).collect(),
            log: Vec::new(),
            closed: Vec::new(),
            nodes,
            geometry: config.geometry.clone(),
            queue: BTreeMap::new(),
            sequence: 0,
            stored: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }

    fn schedule(&mut self, at: Instant, node: usize, input: Input) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), (node, input));
    }

    pub fn key(node: usize) -> PeerKey {
        PeerKey(u32::try_from(node).expect("few nodes"))
    }

    pub fn connect(&mut self, a: usize, b: usize, fast: bool) {
        *self.links.entry((a.min(b), a.max(b))).or_default() += 1;
        for (node, other) in [(a, b), (b, a)] {
            let link = PeerLink {
                fast,
                outgoing: node == a,
                ..PeerLink::default()
            };
            self.input(
                node,
                Input::PeerConnected {
                    peer: Self::key(other),
                    link,
                },
            );
            for _ in 0..CREDITS {
                self.input(
                    node,
                    Input::Writable {
                        peer: Self::key(other),
                    },
                );
            }
        }
    }

    pub fn connect_all(&mut self, fast: bool) {
        for a in 0..self.torrents.len() {
            for b in 0..a {
                self.connect(a, b, fast);
            }
        }
    }

    /// Closes the connection and drops the messages on their way.
    pub fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))).is_none() {
            return;
        }
        let stale = |node: usize, input: &Input| match input {
            Input::Message { peer, .. } | Input::Writable { peer } => {
                (node == a && *peer == Self::key(b)) || (node == b && *peer == Self::key(a))
            }
            _ => false,
        };
        self.queue.retain(|_, (node, input)| !stale(*node, input));
        self.input(a, Input::PeerDisconnected { peer: Self::key(b) });
        self.input(b, Input::PeerDisconnected { peer: Self::key(a) });
    }

    pub fn input(&mut self, node: usize, input: Input) {
        self.torrents[node].handle_input(self.now, input);
        while let Some(output) = self.torrents[node].poll_output() {
            self.log.push(Logged {
                at: self.now,
                node,
                output: output.clone(),
            });
            self.apply(node, output);
        }
    }

    fn apply(&mut self, node: usize, output: Output) {
        let arrival = self.now.after(DELAY);
        match output {
            Output::Send { peer, message } => {
                let to = peer.0 as usize;
                if let Message::Piece(block) = message {
                    assert!(
                        self.torrents[node].have().has(block.piece),
                        "a node served a piece that it lacks"
                    );
                    self.schedule(arrival, node, Input::Writable { peer });
                }
                self.schedule(
                    arrival,
                    to,
                    Input::Message {
                        peer: Self::key(node),
                        message,
                    },
                );
            }
            Output::Broadcast { have } => {
                let ends = self.links.keys().filter(|(a, b)| *a == node || *b == node);
                let others: Vec<usize> = ends.map(|(a, b)| a + b - node).collect();
                for other in others {
                    let message = Message::Have(have);
                    self.schedule(
                        arrival,
                        other,
                        Input::Message {
                            peer: Self::key(node),
                            message,
                        },
                    );
                }
            }
            Output::StoreBlock { peer, block } => {
                self.stored.insert((node, block), peer.0 as usize);
            }
            Output::VerifyPiece { piece, .. } => {
                let verdict = self.verdict(node, piece);
                self.schedule(arrival, node, Input::PieceVerified { piece, verdict });
            }
            Output::Disconnect { peer, reason } => {
                self.closed.push((node, peer.0 as usize, reason));
                self.disconnect(node, peer.0 as usize);
            }
            Output::PeersFound { .. } | Output::Corrupt { .. } | Output::Completed => {}
        }
    }

    fn verdict(&self, node: usize, piece: PieceIndex) -> Verdict {
        let blocks = (0..self.geometry.blocks_in(piece)).map(|it| self.geometry.block(piece, it));
        let senders = blocks.map(|block| self.stored[&(node, block)]);
        let digests: Vec<BlockDigest> = senders
            .map(|it| BlockDigest(u64::from(self.nodes[it].corrupts)))
            .collect();
        if digests.iter().any(|it| it.0 == 1) {
            Verdict::Bad { blocks: digests }
        } else {
            Verdict::Good { blocks: digests }
        }
    }

    /// Runs until `end`, or until all torrents are complete and only timers remain.
    pub fn run(&mut self, end: Instant) {
        while self.now < end && !self.torrents.iter().all(Torrent::is_complete) {
            self.step(end);
        }
    }

    pub fn step(&mut self, end: Instant) {
        let timers = self.torrents.iter().enumerate();
        let timer = timers
            .filter_map(|(node, it)| Some((it.poll_timeout()?, node)))
            .min();
        let next = self.queue.keys().next().copied();
        match (next, timer) {
            (Some(key), timer) if timer.is_none_or(|(at, _)| key.0 <= at) => {
                self.now = key.0;
                let (node, input) = self.queue.remove(&key).expect("just seen");
                self.input(node, input);
            }
            (_, Some((at, node))) if at <= end => {
                assert!(at >= self.now, "a deadline is in the past");
                self.now = at;
                self.input(node, Input::Timeout);
            }
            _ => self.now = end,
        }
    }

    pub fn have(&self, node: usize) -> &Bitfield {
        self.torrents[node].have()
    }
}
