//! One search: asks nodes nearer and nearer to a target. BEP 5, after Kademlia.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::NodeId;
use super::message::{Contact, Query};
use super::table::K;
use crate::ids::InfoHash;
use crate::tracker::guard::{Reach, reach};

/// Most outstanding questions. Kademlia has 3; libtorrent 5 (`dht_search_branching`).
const BRANCHING: usize = 5;
/// Most nodes to remember, nearest first.
const MAX_CANDIDATES: usize = 100;
/// Most questions of one search, even if nodes keep naming nearer ones.
const MAX_QUESTIONS: u32 = 150;

/// Target of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Nodes, to fill the table.
    Nodes(NodeId),
    /// Peers of a torrent. If we listen on a port, we announce ourselves to the nearest nodes.
    Peers(InfoHash, Option<u16>),
}

impl Goal {
    pub(super) fn target(self) -> NodeId {
        match self {
            Self::Nodes(target) => target,
            Self::Peers(info_hash, _) => info_hash.into(),
        }
    }

    fn query(self) -> Query {
        match self {
            Self::Nodes(target) => Query::FindNode(target),
            Self::Peers(info_hash, _) => Query::GetPeers(info_hash),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    New,
    Asked,
    /// With the token for an announce.
    Answered(Option<Vec<u8>>),
    Failed,
}

#[derive(Clone, Debug)]
struct Candidate {
    /// From the target; the largest possible if the id is not known.
    distance: [u8; 20],
    address: SocketAddr,
    state: State,
}

/// One search.
#[derive(Clone, Debug)]
pub struct Search {
    /// The target.
    pub goal: Goal,
    /// Nearest first.
    candidates: Vec<Candidate>,
    questions: u32,
    /// Number of nodes that answered.
    pub answers: u32,
    /// Whether any peers were found.
    pub found: bool,
}

impl Search {
    /// A search that begins with these nodes, and with others of which only the address is known.
    #[must_use]
    pub fn new(goal: Goal, nodes: &[Contact], addresses: &[SocketAddr]) -> Self {
        let mut search = Self {
            goal,
            candidates: Vec::new(),
            questions: 0,
            answers: 0,
            found: false,
        };
        for node in nodes {
            let distance = node.id.distance(goal.target());
            search.insert(distance, node.address);
        }
        for address in addresses {
            search.insert([u8::MAX; 20], *address);
        }
        search
    }

    fn insert(&mut self, distance: [u8; 20], address: SocketAddr) {
        let shared = reach(address.ip()) < Reach::Global;
        // A host with many ids must not be able to surround a target.
        let same =
            |it: &Candidate| it.address == address || !shared && it.address.ip() == address.ip();
        if self.candidates.iter().any(same) {
            return;
        }
        let place = self
            .candidates
            .partition_point(|it| it.distance <= distance);
        let state = State::New;
        self.candidates.insert(
            place,
            Candidate {
                distance,
                address,
                state,
            },
        );
        if self.candidates.len() > MAX_CANDIDATES {
            self.candidates.pop();
        }
    }

    /// The next node to ask, and the question.
    pub fn poll_question(&mut self) -> Option<(SocketAddr, Query)> {
        let asked = |it: &&Candidate| it.state == State::Asked;
        let under_way = self.candidates.iter().filter(asked).count();
        if under_way >= BRANCHING || self.questions >= MAX_QUESTIONS {
            return None;
        }
        // Only the nearest nodes that have not failed are asked.
        let live = self
            .candidates
            .iter_mut()
            .filter(|it| it.state != State::Failed);
        let next = live.take(K).find(|it| it.state == State::New)?;
        next.state = State::Asked;
        self.questions += 1;
        Some((next.address, self.goal.query()))
    }

    /// Whether no question is outstanding. Call when [`Self::poll_question`] returned `None`.
    #[must_use]
    pub fn is_done(&self) -> bool {
        !self.candidates.iter().any(|it| it.state == State::Asked)
    }

    /// A node answered. The nodes it names become candidates; local ones only if it is local
    /// itself.
    pub fn answered(
        &mut self,
        from: SocketAddr,
        id: NodeId,
        token: Option<Vec<u8>>,
        nodes: &[Contact],
    ) {
        let asked = |it: &Candidate| it.address == from && it.state == State::Asked;
        let Some(place) = self.candidates.iter().position(asked) else {
            return;
        };
        let mut known = self.candidates.remove(place);
        known.state = State::Answered(token);
        // Only its answer proves its id.
        known.distance = id.distance(self.goal.target());
        let place = self
            .candidates
            .partition_point(|it| it.distance <= known.distance);
        self.candidates.insert(place, known);
        self.answers += 1;
        for node in nodes
            .iter()
            .filter(|it| may_name(from.ip(), it.address.ip()))
        {
            if node.address.is_ipv4() == from.is_ipv4() {
                let distance = node.id.distance(self.goal.target());
                self.insert(distance, node.address);
            }
        }
    }

    /// A node did not answer.
    pub fn failed(&mut self, from: SocketAddr) {
        let asked = |it: &&mut Candidate| it.address == from && it.state == State::Asked;
        if let Some(known) = self.candidates.iter_mut().find(asked) {
            known.state = State::Failed;
        }
    }

    /// The announces to send: to the nearest nodes that gave a token.
    #[must_use]
    pub fn announces(&self) -> Vec<(SocketAddr, Query)> {
        let Goal::Peers(info_hash, Some(port)) = self.goal else {
            return Vec::new();
        };
        let with_token = self.candidates.iter().filter_map(|it| match &it.state {
            State::Answered(Some(token)) => Some((it.address, token.clone())),
            _ => None,
        });
        let announce = |(address, token)| {
            let query = Query::AnnouncePeer {
                info_hash,
                port: Some(port),
                token,
            };
            (address, query)
        };
        with_token.take(K).map(announce).collect()
    }
}

/// Whether a node at `teller` may name one at `ip`: only local nodes may name local ones.
pub(super) fn may_name(teller: IpAddr, ip: IpAddr) -> bool {
    reach(teller) <= reach(ip)
}
