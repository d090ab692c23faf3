//! Summarises the events of a run in steps of equal duration.

use std::collections::{BTreeMap, BTreeSet};

use unchoke_core::time::Instant;
use unchoke_sim::trace::{Happening, Header, Life, Sink, Tie, Watch};

/// Most peers of a replay. More can neither be distinguished on a screen nor packed into a page.
const MAX_PEERS: usize = 2000;

/// Most pieces of a torrent in a replay.
const MAX_PIECES: u32 = 1 << 15;

/// Most steps; when more are needed, steps are merged in pairs.
const MAX_FRAMES: usize = 400;

/// Duration of the first steps: one second divided by a power of two, so that merged steps have
/// round durations.
const FIRST_STEP_NS: u64 = 1_000_000_000 / 128;

/// Most columns of a strip. Pieces in the same column are not distinguished.
const MAX_COLUMNS: u32 = 256;

/// Lines kept for a step: the largest ones, this many per peer.
const FLOWS_A_PEER: usize = 8;

/// Most lines kept for a step.
const MAX_FLOWS: usize = 8000;

/// Unit in which flows are counted: a block.
pub const UNIT_BYTES: u64 = 1 << 14;

/// Why a run has no replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Too many nodes.
    #[error("a replay shows at most {MAX_PEERS} peers, and the run has {0}: make it smaller")]
    Peers(usize),
    /// Too many pieces.
    #[error("a replay shows at most {MAX_PIECES} pieces, and the torrent has {0}: raise `piece`")]
    Pieces(u32),
}

/// Payload that one peer sent to another within a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Sender.
    pub from: u16,
    /// Receiver.
    pub to: u16,
    /// Blocks, rounded to the nearest, at least 1.
    pub units: u32,
}

/// A step of the run: the state at its end, and what moved in it.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// State of each node: 0 absent, 1 leecher, 2 seed, 3 gone.
    pub lives: Vec<u8>,
    /// Pieces that each node has.
    pub pieces: Vec<u32>,
    /// Payload bytes that each node has received since the start.
    pub down: Vec<u64>,
    /// Payload bytes that each node has sent since the start and that have arrived.
    pub up: Vec<u64>,
    /// Copies of the rarest piece of each column among the present nodes.
    pub copies: Vec<u32>,
    /// Columns in which a node now has every piece, as node and column.
    pub gained: Vec<(u16, u16)>,
    /// The largest flows, by sender and receiver.
    pub flows: Vec<Flow>,
    /// Number of flows. A lower bound if the step was merged from steps of which only the largest
    /// flows were kept.
    pub flow_count: u32,
    /// Pairs whose tie changed, with the new state of the first towards the second.
    pub ties: BTreeMap<(u16, u16), Tie>,
}

impl Frame {
    /// Merges this step and the next into one.
    fn merge(&mut self, next: Self, limit: usize) {
        let mut bytes = BTreeMap::new();
        for it in self.flows.iter().chain(&next.flows) {
            *bytes.entry((it.from, it.to)).or_default() += it.units;
        }
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.flow_count = self.flow_count.max(next.flow_count).max(count);
        let flows = bytes.into_iter();
        let flow = |((from, to), units)| Flow { from, to, units };
        self.flows = largest(flows.map(flow), limit);
        self.gained.extend(next.gained);
        self.gained.sort_unstable();
        self.ties.extend(next.ties);
        self.lives = next.lives;
        self.pieces = next.pieces;
        self.down = next.down;
        self.up = next.up;
        self.copies = next.copies;
    }
}

/// The `limit` largest flows, in their original order.
fn largest(flows: impl Iterator<Item = Flow>, limit: usize) -> Vec<Flow> {
    let mut flows: Vec<Flow> = flows.collect();
    if flows.len() > limit {
        let key = |it: &Flow| (std::cmp::Reverse(it.units), it.from, it.to);
        flows.sort_unstable_by_key(key);
        flows.truncate(limit);
        flows.sort_unstable_by_key(|it| (it.from, it.to));
    }
    flows
}

/// A whole run as steps.
#[derive(Clone, Debug)]
pub struct Film {
    /// Header of the run.
    pub header: Header,
    /// Duration of a step.
    pub step_ns: u64,
    /// When the run ended.
    pub end: Instant,
    /// Pieces of the torrent.
    pub piece_count: u32,
    /// Pieces in a column of the strips; the last may have fewer.
    pub pieces_a_column: u32,
    /// Most lines kept for a step.
    pub flow_limit: usize,
    /// The steps.
    pub frames: Vec<Frame>,
}

impl Film {
    /// Merges steps in pairs.
    pub(crate) fn halve(&mut self) {
        self.step_ns *= 2;
        let mut merged: Vec<Frame> = Vec::with_capacity(self.frames.len().div_ceil(2));
        for (at, frame) in std::mem::take(&mut self.frames).into_iter().enumerate() {
            match merged.last_mut() {
                Some(first) if at % 2 == 1 => first.merge(frame, self.flow_limit),
                _ => merged.push(frame),
            }
        }
        self.frames = merged;
    }

    /// Describes the run in one line.
    #[must_use]
    pub fn title(&self) -> String {
        let (it, nodes) = (&self.header, &self.header.nodes);
        let peers = nodes.iter().filter(|it| !it.origin);
        let clients: BTreeSet<u16> = peers.map(|it| it.client).collect();
        let name = |client: &u16| it.clients[usize::from(*client)].name.as_str();
        let names: Vec<&str> = clients.iter().map(name).collect();
        let (names, count) = (names.join(" and "), nodes.len());
        format!(
            "{} v{}, seed {}: {count} nodes, {names}",
            it.scenario, it.version, it.seed
        )
    }

    /// Columns of the strips.
    #[must_use]
    pub const fn columns(&self) -> u32 {
        self.piece_count.div_ceil(self.pieces_a_column)
    }
}

/// Receives the events of a run and makes a [`Film`].
#[derive(Debug)]
pub struct Recorder {
    film: Film,
    watch: Watch,
    /// Number of copies of each piece among the present nodes.
    copies: Vec<u32>,
    /// By node: whether it has each piece.
    has: Vec<Vec<bool>>,
    /// Number of pieces that a node lacks in each column, row by row.
    lacks: Vec<u32>,
    down: Vec<u64>,
    up: Vec<u64>,
    /// For the current step: bytes by sender and receiver, and pairs whose tie may have changed.
    bytes: BTreeMap<(u16, u16), u64>,
    touched: BTreeSet<(u16, u16)>,
    gained: Vec<(u16, u16)>,
}

fn short(node: u32) -> u16 {
    u16::try_from(node).expect("at most MAX_PEERS nodes")
}

impl Recorder {
    /// Starts before the first event of the run with this header.
    pub fn new(header: &Header) -> Result<Self, TooLarge> {
        let count = header.nodes.len();
        if count > MAX_PEERS {
            return Err(TooLarge::Peers(count));
        }
        let piece_count = header.geometry().map_or(0, |it| it.piece_count());
        if piece_count > MAX_PIECES {
            return Err(TooLarge::Pieces(piece_count));
        }
        let film = Film {
            header: header.clone(),
            step_ns: FIRST_STEP_NS,
            end: Instant::START,
            piece_count,
            pieces_a_column: piece_count.div_ceil(MAX_COLUMNS).max(1),
            flow_limit: (FLOWS_A_PEER * count).clamp(200, MAX_FLOWS),
            frames: Vec::new(),
        };
        let columns = film.columns();
        let rest = |column: u32| {
            film.pieces_a_column
                .min(piece_count - column * film.pieces_a_column)
        };
        let row: Vec<u32> = (0..columns).map(rest).collect();
        Ok(Self {
            watch: Watch::new(header),
            copies: vec![0; piece_count as usize],
            has: vec![vec![false; piece_count as usize]; count],
            lacks: row.repeat(count),
            down: vec![0; count],
            up: vec![0; count],
            bytes: BTreeMap::new(),
            touched: BTreeSet::new(),
            gained: Vec::new(),
            film,
        })
    }

    /// Closes all steps before the one that contains `at`.
    fn advance(&mut self, at: Instant) {
        loop {
            let index = usize::try_from(at.as_nanos() / self.film.step_ns).unwrap_or(usize::MAX);
            if index < MAX_FRAMES {
                while self.film.frames.len() < index {
                    self.close();
                }
                return;
            }
            // The current step is the next one to close. Closing it early keeps pairs complete.
            while self.film.frames.len() < MAX_FRAMES {
                self.close();
            }
            self.film.halve();
        }
    }

    /// Ends the current step.
    fn close(&mut self) {
        let units = |bytes: u64| {
            let units = (bytes + UNIT_BYTES / 2) / UNIT_BYTES;
            u32::try_from(units.max(1)).unwrap_or(u32::MAX)
        };
        let bytes = std::mem::take(&mut self.bytes);
        let flow_count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let flows = bytes.into_iter().map(|((from, to), bytes)| Flow {
            from,
            to,
            units: units(bytes),
        });
        let flows = largest(flows, self.film.flow_limit);
        let tie = |pair: (u16, u16)| (pair, self.watch.tie(pair.0.into(), pair.1.into()));
        let ties = std::mem::take(&mut self.touched)
            .into_iter()
            .map(tie)
            .collect();
        let mut gained = std::mem::take(&mut self.gained);
        gained.sort_unstable();
        let nodes = 0..u32::from(short(u32::try_from(self.down.len()).unwrap_or(u32::MAX)));
        let columns = self.copies.chunks(self.film.pieces_a_column as usize);
        let rarest = |it: &[u32]| it.iter().copied().min().unwrap_or(0);
        self.film.frames.push(Frame {
            lives: nodes
                .clone()
                .map(|it| number(self.watch.life(it)))
                .collect(),
            pieces: nodes.map(|it| self.watch.pieces(it)).collect(),
            down: self.down.clone(),
            up: self.up.clone(),
            copies: columns.map(rarest).collect(),
            gained,
            flows,
            flow_count,
            ties,
        });
    }

    /// Ends the recording.
    #[must_use]
    pub fn finish(mut self, at: Instant) -> Film {
        self.advance(at);
        self.watch.pass(at);
        self.close();
        self.film.end = at;
        self.film
    }

    fn gain(&mut self, node: u32, piece: u32) {
        let has = &mut self.has[node as usize][piece as usize];
        if std::mem::replace(has, true) {
            return;
        }
        self.copies[piece as usize] += 1;
        let column = piece / self.film.pieces_a_column;
        let lacks = &mut self.lacks[(node * self.film.columns() + column) as usize];
        *lacks -= 1;
        if *lacks == 0 {
            let column = u16::try_from(column).expect("at most MAX_COLUMNS");
            self.gained.push((short(node), column));
        }
    }

    fn leave(&mut self, node: u32) {
        for (other, _) in self.watch.ties(node) {
            self.touched.insert((short(node), short(other)));
            self.touched.insert((short(other), short(node)));
        }
        // In a trace made by hand, a node may leave twice.
        if self.watch.life(node) != Life::Gone {
            for (copies, has) in self.copies.iter_mut().zip(&self.has[node as usize]) {
                *copies = copies.saturating_sub(u32::from(*has));
            }
        }
    }
}

/// Number that the page uses for a stage of life.
const fn number(life: Life) -> u8 {
    match life {
        Life::Absent => 0,
        Life::Leecher => 1,
        Life::Seed => 2,
        Life::Gone => 3,
    }
}

impl Sink for Recorder {
    fn record(&mut self, at: Instant, happening: &Happening) {
        self.advance(at);
        match *happening {
            Happening::Join { node } if self.film.header.nodes[node as usize].origin => {
                for piece in 0..self.film.piece_count {
                    self.gain(node, piece);
                }
            }
            Happening::Leave { node } => self.leave(node),
            Happening::Connect { node, other }
            | Happening::Disconnect { node, other }
            | Happening::Choke { node, other }
            | Happening::Unchoke { node, other } => {
                self.touched.insert((short(node), short(other)));
                self.touched.insert((short(other), short(node)));
            }
            Happening::Block { node, other, block } => {
                let bytes = u64::from(block.length);
                self.down[node as usize] += bytes;
                self.up[other as usize] += bytes;
                *self.bytes.entry((short(other), short(node))).or_default() += bytes;
            }
            Happening::Piece { node, piece } => self.gain(node, piece.0),
            Happening::Join { .. } | Happening::Corrupt { .. } | Happening::Complete { .. } => {}
        }
        self.watch.record(at, happening);
    }
}
