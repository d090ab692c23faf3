//! What a node does on its own: it keeps its table full and fresh, and finds out its own address.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::message::{Contact, Query};
use super::search::Goal;
use super::table::K;
use super::{MAX_ASKED, MAX_SEARCHES, Node, NodeId, Why};
use crate::client::{Internet, Places as _};
use crate::time::Instant;
use crate::tracker::guard::{Reach, reach};

/// Time between two checks of the table.
const LOOK: Duration = Duration::from_secs(5);
/// Time before another attempt to reach any node; doubled each time.
const RETRY: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_mins(5);
/// Time between two searches for a torrent that has peers. libtorrent `dht_announce_interval`: 15 min.
const AGAIN: Duration = Duration::from_mins(15);
/// The same after a search that found no peers, because peers may come soon; doubled each time.
const AGAIN_SOON: Duration = Duration::from_secs(10);
/// The same if no node answered at all.
const ALONE: Duration = Duration::from_secs(10);
/// Most hints to keep for an empty table.
const MAX_HINTS: usize = 100;
/// Most outstanding pings to nodes that asked us.
const MAX_PINGS: usize = 16;
/// Most opinions about our address to remember, and how many must agree.
const MAX_VOTES: usize = 16;
const AGREED: usize = 6;

/// When upkeep is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upkeep {
    pub(super) due: Instant,
    /// When we may search for our own id again while hardly any node is known.
    join_at: Instant,
    joins: u32,
}

impl Upkeep {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            due: now.after(LOOK),
            join_at: now,
            joins: 0,
        }
    }
}

/// When to search again, after `vain` searches without a result and with `nodes` nodes in the last
/// one.
pub(super) fn again(vain: u8, nodes: u32) -> Duration {
    if nodes == 0 {
        return ALONE;
    }
    match u32::from(vain) {
        0 => AGAIN,
        vain => (AGAIN_SOON * 2_u32.saturating_pow(vain.min(10) - 1)).min(AGAIN),
    }
}

/// Our address as others see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    votes: Vec<(IpAddr, IpAddr)>,
}

impl Votes {
    /// Adds a vote, one per host. Returns an address on which enough hosts agree.
    fn add(&mut self, voter: IpAddr, ip: IpAddr) -> Option<IpAddr> {
        self.votes.retain(|it| it.0 != voter);
        self.votes.push((voter, ip));
        if self.votes.len() > MAX_VOTES {
            self.votes.remove(0);
        }
        let agreed = self.votes.iter().filter(|it| it.1 == ip).count();
        (agreed >= AGREED && agreed * 2 > self.votes.len()).then_some(ip)
    }
}

impl Node {
    /// Addresses of possible nodes, from the user, a torrent, an earlier session or a peer.
    pub(super) fn on_nodes(&mut self, now: Instant, addresses: &[SocketAddr]) {
        let alone = self.table.len() < K;
        for address in addresses {
            let address = SocketAddr::new(address.ip().to_canonical(), address.port());
            let fits = address.is_ipv4() == self.ipv4 && crate::compact::usable(address).is_some();
            if !fits || self.hints.contains(&address) {
                continue;
            }
            if self.hints.len() >= MAX_HINTS {
                self.hints.remove(0);
            }
            self.hints.push(address);
            if !alone {
                self.ping(now, address);
            }
        }
        if alone {
            (self.upkeep.join_at, self.upkeep.joins) = (now, 0);
            self.upkeep.due = now;
            // Searches that wait because no node answered need not wait any longer.
            for wanted in self.wanted.iter_mut().filter(|it| it.due < Instant::NEVER) {
                wanted.due = wanted.due.min(now.after(Duration::from_secs(1)));
            }
        }
    }

    fn ping(&mut self, now: Instant, address: SocketAddr) {
        let pings = self.asked.iter().filter(|it| it.why == Why::Ping).count();
        let known = self.asked.iter().any(|it| it.to == address);
        if pings < MAX_PINGS && self.asked.len() < MAX_ASKED && !known {
            self.ask(now, address, Query::Ping, Why::Ping);
        }
    }

    /// A node asked us. If it also answers a ping, it goes into the table.
    pub(super) fn on_asker(&mut self, now: Instant, contact: Contact) {
        self.table.asked(now, contact);
        if self.table.has_room(contact) {
            self.ping(now, contact.address);
        }
    }

    /// Checks the table from time to time.
    pub(super) fn maintain(&mut self, now: Instant) {
        if now < self.upkeep.due {
            return;
        }
        self.upkeep.due = now.after(LOOK);
        if self.table.len() < K && now >= self.upkeep.join_at {
            let wait = RETRY * 2_u32.saturating_pow(self.upkeep.joins.min(10));
            self.upkeep.join_at = now.after(wait.min(RETRY_MAX));
            self.upkeep.joins = self.upkeep.joins.saturating_add(1);
            if !(self.hints.is_empty() && self.table.is_empty()) {
                self.search_for(self.table.own());
            }
        }
        if let Some(old) = self.table.questionable(now) {
            self.ping(now, old.address);
        }
        if self.searches.len() < MAX_SEARCHES
            && !self.table.is_empty()
            && let Some(target) = self.table.stale(now, &mut self.rng)
        {
            self.search_for(target);
        }
    }

    fn search_for(&mut self, target: NodeId) {
        let goal = Goal::Nodes(target);
        let under_way = self.searches.iter().any(|it| it.1.goal == goal);
        if !under_way && self.searches.len() < MAX_SEARCHES {
            self.begin(goal);
        }
    }

    /// A node says how it sees our address. When enough nodes agree, we choose an id that fits it.
    /// BEP 42.
    pub(super) fn on_vote(&mut self, now: Instant, voter: SocketAddr, ip: IpAddr) {
        let voter = Internet::host(voter);
        if reach(voter) < Reach::Global || reach(ip) < Reach::Global || ip.is_ipv4() != self.ipv4 {
            return;
        }
        if let Some(ip) = self.votes.add(voter, ip)
            && !self.table.own().fits(ip)
        {
            let own = NodeId::random_for(ip, &mut self.rng);
            self.table = self.table.renamed(now, own);
            self.search_for(own);
        }
    }
}
