//! A recorded download of the real client, as events of the simulator: so its swarm can be watched and
//! counted like a simulated one.
//!
//! The recording shows the swarm as our client saw it: every connection is one of ours. What peers do
//! among themselves is seen only by the pieces that they announce.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use unchoke_core::bitfield::Bitfield;
use unchoke_core::client::doors::Door;
use unchoke_core::client::{Input, Output};
use unchoke_core::ids::{PeerId, PeerKey, PieceIndex};
use unchoke_core::message::{Extended, Message};
use unchoke_core::text::escaped;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{self, Verdict};
use unchoke_record::{Origin, Replay, ReplayError, Step};
use unchoke_sim::trace::{Client, Happening, Header, NodeInfo, Sink};

/// Access classes of the header, as the capacity of real lines is unknown.
const CLASSES: [&str; 3] = ["our client", "peers", "web seeds"];

/// A member of the swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Us,
    /// A peer, by the id in its handshake: it may connect several times.
    Peer(PeerId),
    /// A web seed, by its number.
    WebSeed(u16),
}

/// What the whole recording tells about a member.
#[derive(Clone, Debug)]
struct Member {
    client: String,
    origin: bool,
    first: Instant,
    /// Connections that begin after the present point of the recording.
    to_come: u32,
}

/// The peers behind the numbers that the recording uses.
#[derive(Debug, Default)]
struct Numbers {
    doors: BTreeMap<Door, (PeerId, bool)>,
    dialled: BTreeMap<Door, bool>,
    peers: BTreeMap<PeerKey, Who>,
}

impl Numbers {
    /// Follows an input.
    fn hear(&mut self, input: &Input<unchoke_core::client::Internet>) {
        if let Input::Met { door, name, .. } = input {
            let dialled = self.dialled.remove(door).unwrap_or(false);
            self.doors.insert(*door, (*name, dialled));
        }
    }

    /// Follows an output. Returns a new member, and whether we dialled it.
    fn see(&mut self, output: &Output<unchoke_core::client::Internet>) -> Option<(Who, bool)> {
        match output {
            Output::Dial { door, .. } => {
                self.dialled.insert(*door, true);
                None
            }
            Output::Joined { door, peer } => {
                let (name, dialled) = self.doors.remove(door)?;
                self.peers.insert(*peer, Who::Peer(name));
                Some((Who::Peer(name), dialled))
            }
            Output::UseWebSeed { seed, peer } => {
                self.peers.insert(*peer, Who::WebSeed(*seed));
                Some((Who::WebSeed(*seed), true))
            }
            _ => None,
        }
    }
}

/// A recording, read as events.
#[derive(Debug)]
pub struct Download {
    header: Header,
    nodes: BTreeMap<Who, u32>,
    members: BTreeMap<Who, Member>,
    /// Pieces of each node, as far as announced.
    have: Vec<Bitfield>,
    replay: Replay,
    numbers: Numbers,
    begun: bool,
}

impl Download {
    /// Reads the recording once, to learn who takes part.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let mut replay = Replay::open(path)?;
        let members = members(&mut replay)?;
        let (header, nodes) = header(path, replay.origin(), &members);
        let pieces = replay.origin().config.geometry.piece_count();
        Ok(Self {
            have: vec![Bitfield::empty(pieces); header.nodes.len()],
            header,
            nodes,
            members,
            replay: Replay::open(path)?,
            numbers: Numbers::default(),
            begun: false,
        })
    }

    /// Who takes part, in the form of a simulated run.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Passes on the events of the next input. Returns its time; `None` at the end.
    pub fn step(&mut self, sink: &mut dyn Sink) -> Result<Option<Instant>, ReplayError> {
        if !self.begun {
            self.begun = true;
            self.begin(sink);
        }
        let Some(step) = self.replay.step()? else {
            return Ok(None);
        };
        self.numbers.hear(&step.input);
        self.input(&step, sink);
        for output in &step.outputs {
            self.output(step.at, output, sink);
        }
        Ok(Some(step.at))
    }

    fn begin(&mut self, sink: &mut dyn Sink) {
        let us = self.nodes[&Who::Us];
        sink.record(Instant::START, &Happening::Join { node: us });
        let have = self.replay.origin().have.clone();
        self.gain_all(Instant::START, us, &have, sink);
    }

    fn input(&mut self, step: &Step, sink: &mut dyn Sink) {
        let at = step.at;
        let us = self.nodes[&Who::Us];
        match &step.input {
            Input::Closed { peer, .. } => {
                let Some(who) = self.numbers.peers.remove(peer) else {
                    return;
                };
                let node = self.nodes[&who];
                sink.record(
                    at,
                    &Happening::Disconnect {
                        node: us,
                        other: node,
                    },
                );
                sink.record(at, &Happening::Disconnect { node, other: us });
                if self.members[&who].to_come == 0 {
                    sink.record(at, &Happening::Leave { node });
                }
            }
            Input::Torrent(torrent::Input::PieceVerified { piece, verdict }) => match verdict {
                Verdict::Good { .. } | Verdict::Padded { .. } => self.gain(at, us, *piece, sink),
                Verdict::Bad { .. } => {
                    let (node, piece) = (us, *piece);
                    sink.record(at, &Happening::Corrupt { node, piece });
                }
                Verdict::Lost => {}
            },
            Input::Torrent(torrent::Input::Message { peer, message }) => {
                if let Some(node) = self.node(*peer) {
                    self.message(at, node, message, sink);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, at: Instant, node: u32, message: &Message, sink: &mut dyn Sink) {
        let other = self.nodes[&Who::Us];
        match message {
            Message::Choke => sink.record(at, &Happening::Choke { node, other }),
            Message::Unchoke => sink.record(at, &Happening::Unchoke { node, other }),
            Message::Have(piece) if piece.0 < self.have[node as usize].piece_count() => {
                self.gain(at, node, *piece, sink);
            }
            Message::Bitfield(set) => self.gain_all(at, node, set, sink),
            Message::HaveAll => {
                let all = Bitfield::full(self.have[node as usize].piece_count());
                self.gain_all(at, node, &all, sink);
            }
            _ => {}
        }
    }

    fn output(
        &mut self,
        at: Instant,
        output: &Output<unchoke_core::client::Internet>,
        sink: &mut dyn Sink,
    ) {
        let us = self.nodes[&Who::Us];
        if let Some((who, dialled)) = self.numbers.see(output) {
            let node = self.nodes[&who];
            if let Some(member) = self.members.get_mut(&who) {
                member.to_come -= 1;
                if member.first == at {
                    sink.record(at, &Happening::Join { node });
                }
            }
            let (node, other) = if dialled { (us, node) } else { (node, us) };
            sink.record(at, &Happening::Connect { node, other });
            return;
        }
        match output {
            Output::Send { peer, message } => {
                let Some(other) = self.node(*peer) else {
                    return;
                };
                let happening = match message {
                    Message::Choke => Happening::Choke { node: us, other },
                    Message::Unchoke => Happening::Unchoke { node: us, other },
                    Message::Piece(block) => Happening::Block {
                        node: other,
                        other: us,
                        block: *block,
                    },
                    _ => return,
                };
                sink.record(at, &happening);
            }
            Output::StoreBlock { peer, block } => {
                if let Some(other) = self.node(*peer) {
                    let (node, block) = (us, *block);
                    sink.record(at, &Happening::Block { node, other, block });
                }
            }
            _ => {}
        }
    }

    fn node(&self, peer: PeerKey) -> Option<u32> {
        let who = self.numbers.peers.get(&peer)?;
        self.nodes.get(who).copied()
    }

    fn gain(&mut self, at: Instant, node: u32, piece: PieceIndex, sink: &mut dyn Sink) {
        let have = &mut self.have[node as usize];
        if self.header.nodes[node as usize].origin || have.has(piece) {
            return;
        }
        have.insert(piece);
        let complete = have.count() == have.piece_count();
        sink.record(at, &Happening::Piece { node, piece });
        if complete {
            sink.record(at, &Happening::Complete { node });
        }
    }

    fn gain_all(&mut self, at: Instant, node: u32, set: &Bitfield, sink: &mut dyn Sink) {
        for piece in set.iter() {
            self.gain(at, node, piece, sink);
        }
    }
}

/// Reads the whole recording for those who take part.
fn members(replay: &mut Replay) -> Result<BTreeMap<Who, Member>, ReplayError> {
    let origin = replay.origin();
    let us = Member {
        client: format!("unchoke, {}", origin.policy),
        origin: origin.have.count() == origin.have.piece_count(),
        first: Instant::START,
        to_come: 0,
    };
    let mut members = BTreeMap::from([(Who::Us, us)]);
    let mut numbers = Numbers::default();
    while let Some(step) = replay.step()? {
        numbers.hear(&step.input);
        if let Input::Torrent(torrent::Input::Message { peer, message }) = &step.input
            && let Some(who) = numbers.peers.get(peer)
            && let Some(member) = members.get_mut(who)
        {
            introduce(member, message);
        }
        for output in &step.outputs {
            if let Some((who, _)) = numbers.see(output) {
                let new = || Member {
                    client: called(who),
                    origin: matches!(who, Who::WebSeed(_)),
                    first: step.at,
                    to_come: 0,
                };
                members.entry(who).or_insert_with(new).to_come += 1;
            }
        }
    }
    Ok(members)
}

/// Learns from a message what a peer runs, and whether it has everything when it connects.
fn introduce(member: &mut Member, message: &Message) {
    match message {
        Message::HaveAll => member.origin = true,
        Message::Bitfield(set) => member.origin = set.count() == set.piece_count(),
        Message::Extended(extended) => {
            if let Extended::Handshake(hello) = &**extended
                && let Some(client) = &hello.client
            {
                member.client = escaped(client.as_bytes());
            }
        }
        _ => {}
    }
}

/// The client of a peer that does not say it: the beginning of its peer id. BEP 20.
fn called(who: Who) -> String {
    match who {
        Who::Us => "unchoke".to_owned(),
        Who::WebSeed(_) => "web seed".to_owned(),
        Who::Peer(PeerId(id)) => escaped(&id[..8]),
    }
}

fn header(
    path: &Path,
    origin: &Origin,
    members: &BTreeMap<Who, Member>,
) -> (Header, BTreeMap<Who, u32>) {
    let mut order: Vec<(&Who, &Member)> = members.iter().collect();
    // Origins come first, as in every header.
    order.sort_by_key(|(who, it)| (!it.origin, it.first, **who));
    let mut clients: Vec<Client> = Vec::new();
    let mut nodes = Vec::new();
    for (who, member) in &order {
        let known = clients.iter().position(|it| it.name == member.client);
        let client = known.unwrap_or_else(|| {
            clients.push(client(**who, member, origin));
            clients.len() - 1
        });
        nodes.push(NodeInfo {
            class: match who {
                Who::Us => 0,
                Who::Peer(_) => 1,
                Who::WebSeed(_) => 2,
            },
            client: u16::try_from(client).unwrap_or(u16::MAX),
            origin: member.origin,
            reachable: true,
            corrupts: false,
            arrives_ns: member.first.as_nanos(),
            up: 0,
            down: 0,
        });
    }
    let numbers = (0..).zip(&order).map(|(node, (who, _))| (**who, node));
    let geometry = &origin.config.geometry;
    let name = path.file_stem().map(PathBuf::from).unwrap_or_default();
    let header = Header {
        scenario: format!("recording {}", name.display()),
        version: 1,
        seed: origin.run_seed,
        // In version 2 each file begins at a piece, so there may be more pieces than bytes for them.
        total_bytes: geometry
            .total_bytes()
            .max(u64::from(geometry.piece_count() - 1) * u64::from(geometry.piece_bytes()) + 1),
        piece_bytes: geometry.piece_bytes(),
        horizon_ns: u64::MAX,
        classes: CLASSES.map(str::to_owned).to_vec(),
        clients,
        resolved: String::new(),
        nodes,
    };
    (header, numbers.collect())
}

fn client(who: Who, member: &Member, origin: &Origin) -> Client {
    let unknown = || "unknown".to_owned();
    let (policy, picker) = match who {
        Who::Us => (origin.policy.clone(), origin.picker.clone()),
        _ => (unknown(), unknown()),
    };
    Client {
        name: member.client.clone(),
        policy,
        picker,
    }
}
