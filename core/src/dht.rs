//! A node of the distributed hash table, which finds peers without a tracker. BEP 5; BEP 32 for
//! IPv6, which has a table of its own.
//!
//! Pure: datagrams in and out. A [`Node`] uses one address family; a client with both families has
//! two nodes. The parts: [`message`] the datagrams; [`table`] nodes that have answered us;
//! [`search`] one look-up; [`store`] what we keep for others, and limits on their questions.
//!
//! # Safety
//!
//! A node remembers only nodes that have answered a question with a random number in it. A node
//! outside our network may not name addresses inside it. One host counts as one node in the table
//! and in a search. We choose our id as BEP 42 says, and prefer nodes that did. Questions of a
//! host, and the bytes of all our answers, are limited, and an answer goes only to the sender of
//! its question. All memory is bounded.

mod id;
pub mod message;
pub mod search;
pub mod store;
pub mod table;
mod upkeep;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

pub use id::NodeId;
use message::{Body, Contact, Message, Query, Reply};
use search::{Goal, Search, may_name};
use store::{Limiter, Store, Tokens};
use table::{K, Table};
use upkeep::{Upkeep, Votes};

use crate::ids::InfoHash;
use crate::rng::Rng;
use crate::time::Instant;

/// Time after which a question is given up. BEP 5 names no time; most answers take less than a
/// second.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most outstanding questions.
const MAX_ASKED: usize = 200;
/// Most searches at a time, and most torrents to look for.
const MAX_SEARCHES: usize = 8;
const MAX_WANTED: usize = 1000;

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The deadline has come; an early one is harmless.
    Timeout,
    /// A datagram came.
    Datagram {
        /// The sender.
        from: SocketAddr,
        /// All of it.
        bytes: &'a [u8],
    },
    /// Addresses that may be nodes.
    Nodes(Vec<SocketAddr>),
    /// Look for peers of a torrent until [`Input::Forget`]. With a port, also announce that we
    /// listen on it.
    Want(InfoHash, Option<u16>),
    /// The torrent is not wanted any more.
    Forget(InfoHash),
}

/// What the driver must do, and results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a datagram.
    Send {
        /// The receiver.
        to: SocketAddr,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// Peers of a wanted torrent.
    Peers {
        /// The torrent.
        info_hash: InfoHash,
        /// Their addresses.
        peers: Vec<SocketAddr>,
    },
    /// A search for a wanted torrent has ended; another follows later.
    Searched {
        /// The torrent.
        info_hash: InfoHash,
        /// Number of nodes that answered; 0 means that we reach no node.
        nodes: u32,
    },
}

/// Why a node was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// To see whether it answers.
    Ping,
    /// For the search with this number.
    Search(u32),
    /// To announce ourselves.
    Announce,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    transaction: u32,
    to: SocketAddr,
    due: Instant,
    why: Why,
}

/// A torrent that we look for.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    info_hash: InfoHash,
    port: Option<u16>,
    /// When the next search is due.
    due: Instant,
    /// Number of searches in a row that found no peer.
    vain: u8,
}

/// A node, for IPv4 or for IPv6.
#[derive(Clone, Debug)]
pub struct Node {
    ipv4: bool,
    table: Table,
    searches: Vec<(u32, Search)>,
    last_search: u32,
    asked: Vec<Asked>,
    wanted: Vec<Wanted>,
    /// Addresses of possible nodes, used when the table is empty.
    hints: Vec<SocketAddr>,
    store: Store,
    tokens: Tokens,
    limiter: Limiter,
    upkeep: Upkeep,
    votes: Votes,
    rng: Rng,
    outputs: VecDeque<Output>,
}

impl Node {
    /// A node of one address family that knows no other node. `rng` draws its id, its secrets and
    /// the numbers of its questions, which must not be predictable.
    #[must_use]
    pub fn new(now: Instant, ipv4: bool, mut rng: Rng) -> Self {
        Self {
            ipv4,
            table: Table::new(NodeId::random(&mut rng)),
            searches: Vec::new(),
            last_search: 0,
            asked: Vec::new(),
            wanted: Vec::new(),
            hints: Vec::new(),
            store: Store::default(),
            tokens: Tokens::new(now, &mut rng),
            limiter: Limiter::new(now),
            upkeep: Upkeep::new(now),
            votes: Votes::default(),
            rng,
            outputs: VecDeque::new(),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.table.own()
    }

    /// The nodes it knows.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Takes in one event. Drain [`Self::poll_output`] afterwards.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Timeout => {}
            Input::Datagram { from, bytes } => self.on_datagram(now, from, bytes),
            Input::Nodes(addresses) => self.on_nodes(now, &addresses),
            Input::Want(info_hash, port) => self.on_want(now, info_hash, port),
            Input::Forget(info_hash) => {
                self.wanted.retain(|it| it.info_hash != info_hash);
                let of = |it: &(u32, Search)| matches!(it.1.goal, Goal::Peers(hash, _) if hash == info_hash);
                self.searches.retain(|it| !of(it));
            }
        }
        self.expire(now);
        self.maintain(now);
        self.advance(now);
    }

    /// The next thing to do. Call until `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`], if no other input comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        let asked = self.asked.iter().map(|it| it.due);
        let idle = self.searches.len() < MAX_SEARCHES;
        let wanted = self.wanted.iter().filter(|_| idle).map(|it| it.due);
        let next = asked.chain(wanted).min().unwrap_or(Instant::NEVER);
        next.min(self.upkeep.due)
    }

    fn on_want(&mut self, now: Instant, info_hash: InfoHash, port: Option<u16>) {
        self.wanted.retain(|it| it.info_hash != info_hash);
        if self.wanted.len() < MAX_WANTED {
            self.wanted.push(Wanted {
                info_hash,
                port,
                due: now,
                vain: 0,
            });
        }
    }

    fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let strange = bytes.len() > message::MAX_DATAGRAM_BYTES || from.is_ipv4() != self.ipv4;
        if strange || crate::compact::usable(from).is_none() {
            return;
        }
        let Some(message) = Message::decode(bytes, self.ipv4) else {
            return;
        };
        match message.body {
            Body::Query(id, query) => {
                let contact = Contact { id, address: from };
                if self.limiter.may_ask(now, from.ip()) {
                    self.on_query(now, contact, &message.transaction, query);
                    if !message.read_only {
                        self.on_asker(now, contact);
                    }
                }
            }
            Body::Reply(reply) => {
                if let Some(why) = self.take_asked(from, &message.transaction) {
                    if let Some(ip) = message.seen_as {
                        self.on_vote(now, from, ip);
                    }
                    self.on_reply(now, from, why, reply);
                }
            }
            Body::Error(_) => {
                if let Some(why) = self.take_asked(from, &message.transaction) {
                    self.on_silence(from, why);
                }
            }
        }
    }

    /// The question with this number that was sent to `from`, if there is one.
    fn take_asked(&mut self, from: SocketAddr, transaction: &[u8]) -> Option<Why> {
        let transaction = u32::from_be_bytes(transaction.try_into().ok()?);
        let of = |it: &Asked| it.to == from && it.transaction == transaction;
        let place = self.asked.iter().position(of)?;
        Some(self.asked.swap_remove(place).why)
    }

    fn on_query(&mut self, now: Instant, from: Contact, transaction: &[u8], query: Query) {
        let mut reply = Reply {
            id: self.table.own(),
            ..Reply::default()
        };
        let ip = from.address.ip();
        let body = match query {
            Query::Ping => Body::Reply(reply),
            Query::FindNode(target) => {
                reply.nodes = self.near(target, from.address);
                Body::Reply(reply)
            }
            Query::GetPeers(info_hash) => {
                reply.nodes = self.near(info_hash.into(), from.address);
                reply.peers = self.store.peers(now, info_hash, &mut self.rng);
                reply.peers.retain(|it| may_name(it.ip(), ip));
                reply.token = Some(self.tokens.token(now, ip, &mut self.rng));
                Body::Reply(reply)
            }
            Query::AnnouncePeer {
                info_hash,
                port,
                token,
            } => {
                let port = port.unwrap_or(from.address.port());
                let good = self.tokens.is_good(now, ip, &token, &mut self.rng);
                if good && port > 0 {
                    self.store
                        .announce(now, info_hash, SocketAddr::new(ip, port));
                    Body::Reply(reply)
                } else {
                    Body::Error(203)
                }
            }
            Query::Unknown => Body::Error(204),
        };
        let message = Message {
            transaction: transaction.to_vec(),
            body,
            read_only: false,
            seen_as: Some(ip),
        };
        let bytes = message.encode(self.ipv4);
        if self.limiter.may_answer(now, bytes.len()) {
            let to = from.address;
            self.outputs.push_back(Output::Send { to, bytes });
        }
    }

    /// The nodes near a target that may be named to `asker`.
    fn near(&self, target: NodeId, asker: SocketAddr) -> Vec<Contact> {
        let mut nodes = self.table.closest(target, 2 * K);
        // Nodes in our network are not named to nodes outside it.
        nodes.retain(|it| may_name(asker.ip(), it.address.ip()) && it.address != asker);
        nodes.truncate(K);
        nodes
    }

    fn on_reply(&mut self, now: Instant, from: SocketAddr, why: Why, reply: Reply) {
        let id = reply.id;
        self.table.answered(now, Contact { id, address: from });
        let Why::Search(number) = why else {
            return;
        };
        let Some((_, search)) = self.searches.iter_mut().find(|it| it.0 == number) else {
            return;
        };
        search.answered(from, id, reply.token, &reply.nodes);
        let mut peers = reply.peers;
        peers.retain(|it| may_name(from.ip(), it.ip()));
        if let Goal::Peers(info_hash, _) = search.goal
            && !peers.is_empty()
        {
            search.found = true;
            self.outputs.push_back(Output::Peers { info_hash, peers });
        }
    }

    fn on_silence(&mut self, from: SocketAddr, why: Why) {
        self.table.failed(from);
        if let Why::Search(number) = why
            && let Some((_, search)) = self.searches.iter_mut().find(|it| it.0 == number)
        {
            search.failed(from);
        }
    }

    /// Gives up questions that were not answered in time.
    fn expire(&mut self, now: Instant) {
        while let Some(place) = self.asked.iter().position(|it| it.due <= now) {
            let late = self.asked.swap_remove(place);
            self.on_silence(late.to, late.why);
        }
    }

    fn ask(&mut self, now: Instant, to: SocketAddr, query: Query, why: Why) {
        let drawn = self.rng.next_u64().to_be_bytes();
        let [a, b, c, d, ..] = drawn;
        let message = Message {
            transaction: [a, b, c, d].to_vec(),
            body: Body::Query(self.table.own(), query),
            read_only: false,
            seen_as: None,
        };
        self.asked.push(Asked {
            transaction: u32::from_be_bytes([a, b, c, d]),
            to,
            due: now.after(PATIENCE),
            why,
        });
        let bytes = message.encode(self.ipv4);
        self.outputs.push_back(Output::Send { to, bytes });
    }

    fn begin(&mut self, goal: Goal) {
        let nodes = self.table.closest(goal.target(), 2 * K);
        // The hints are asked only while hardly any node is known.
        let hints = if nodes.len() < K {
            &self.hints[..]
        } else {
            &[]
        };
        let search = Search::new(goal, &nodes, hints);
        self.last_search = self.last_search.wrapping_add(1);
        self.searches.push((self.last_search, search));
    }

    /// Starts due searches, continues running ones and ends finished ones.
    fn advance(&mut self, now: Instant) {
        for place in 0..self.wanted.len() {
            let wanted = self.wanted[place];
            if wanted.due <= now && self.searches.len() < MAX_SEARCHES {
                self.wanted[place].due = Instant::NEVER;
                let info_hash = wanted.info_hash;
                // We may be a node that other peers announced themselves to.
                let peers = self.store.peers(now, info_hash, &mut self.rng);
                if !peers.is_empty() {
                    self.outputs.push_back(Output::Peers { info_hash, peers });
                }
                self.begin(Goal::Peers(wanted.info_hash, wanted.port));
            }
        }
        for place in (0..self.searches.len()).rev() {
            while self.asked.len() < MAX_ASKED
                && let Some((to, query)) = self.searches[place].1.poll_question()
            {
                let number = self.searches[place].0;
                self.ask(now, to, query, Why::Search(number));
            }
            if self.searches[place].1.is_done() {
                let (_, search) = self.searches.swap_remove(place);
                self.finish(now, &search);
            }
        }
    }

    fn finish(&mut self, now: Instant, search: &Search) {
        for (to, query) in search.announces() {
            self.ask(now, to, query, Why::Announce);
        }
        let Goal::Peers(info_hash, _) = search.goal else {
            return;
        };
        let nodes = search.answers;
        self.outputs
            .push_back(Output::Searched { info_hash, nodes });
        let of = |it: &&mut Wanted| it.info_hash == info_hash;
        if let Some(wanted) = self.wanted.iter_mut().find(of) {
            wanted.vain = if search.found {
                0
            } else {
                wanted.vain.saturating_add(1)
            };
            wanted.due = now.after(upkeep::again(wanted.vain, nodes));
        }
    }
}
