//! Peer exchange, BEP 11: telling peers once a minute who we are connected to, and learning it from
//! them. Only in torrents whose extension handshake offers it; private ones must not (BEP 27).
//!
//! What others say is hearsay of strangers: it is taken in small amounts and never from one alone.
//! Left out: the relaxed liveness rule for underpopulated lists, and what peers drop.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::{Output, ProtocolViolation, Torrent};
use crate::ids::PeerKey;
use crate::message::{Contact, Contacts, Extended, ExtendedHandshake, Message};
use crate::time::Instant;
use crate::wire::{MAX_CONTACTS, PEX_ID, PEX_NAME};

/// Time between two messages to a peer. BEP 11: "no more than 1 PEX message per minute".
const INTERVAL: Duration = Duration::from_mins(1);

/// A message that comes so soon after the last is ignored: half the interval, as clocks and networks
/// are not exact.
const TOO_SOON: Duration = Duration::from_secs(30);

/// So many of those end the connection. libtorrent: `too_frequent_pex` at the third in a minute.
const MAX_TOO_SOON: u8 = 3;

/// Addresses that one connection may teach us: 4 messages worth of them.
const MAX_LEARNED: u16 = 200;

/// What is known of a connection.
#[derive(Debug)]
struct Known {
    /// As the driver has it: of an outgoing connection where the peer listens, else only its IP is
    /// of use.
    source: SocketAddr,
    outgoing: bool,
    /// Where others can reach it.
    listens: Option<SocketAddr>,
    /// Under which id it takes our messages.
    id: Option<u8>,
    next: Instant,
    /// What it believes that we are connected to.
    told: BTreeSet<SocketAddr>,
    heard: Option<Instant>,
    too_soon: u8,
    learned: u16,
}

/// Whom we tell about whom.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Indexed by `PeerKey`.
    peers: Vec<Option<Known>>,
}

impl Exchange {
    /// The exchange of a torrent that says `hello`, if it offers one.
    pub(super) fn offered(hello: Option<&ExtendedHandshake>) -> Option<Box<Self>> {
        let id = hello?.extensions.get(PEX_NAME)?;
        (*id == PEX_ID).then(Box::default)
    }

    fn known(&mut self, peer: PeerKey) -> Option<&mut Known> {
        self.peers.get_mut(peer.0 as usize)?.as_mut()
    }
}

/// Whether a peer at `source` may send us to `address`. A stranger must not point us at our own
/// network.
fn may_name(source: IpAddr, address: IpAddr) -> bool {
    !is_local(address) || is_local(source)
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

impl Torrent {
    /// A connection from or to `source` stands.
    pub(super) fn exchange_begins(
        &mut self,
        now: Instant,
        peer: PeerKey,
        source: Option<SocketAddr>,
        outgoing: bool,
    ) {
        let (Some(exchange), Some(source)) = (self.exchange.as_mut(), source) else {
            return;
        };
        let slot = peer.0 as usize;
        if exchange.peers.len() <= slot {
            exchange.peers.resize_with(slot + 1, || None);
        }
        exchange.peers[slot] = Some(Known {
            source,
            outgoing,
            listens: outgoing.then_some(source),
            id: None,
            next: now,
            told: BTreeSet::new(),
            heard: None,
            too_soon: 0,
            learned: 0,
        });
    }

    pub(super) fn exchange_ends(&mut self, peer: PeerKey) {
        let peers = self.exchange.as_mut().map(|it| &mut it.peers);
        if let Some(known) = peers.and_then(|it| it.get_mut(peer.0 as usize)) {
            *known = None;
        }
    }

    /// The peer said, perhaps again, what it takes and where it listens.
    pub(super) fn exchange_hello(&mut self, peer: PeerKey, hello: &ExtendedHandshake) {
        let known = self.exchange.as_mut().and_then(|it| it.known(peer));
        let Some(known) = known else { return };
        if let Some(id) = hello.extensions.get(PEX_NAME) {
            known.id = (*id != 0).then_some(*id);
        }
        if let (false, Some(port)) = (known.outgoing, hello.listen_port) {
            known.listens = Some(SocketAddr::new(known.source.ip(), port));
        }
    }

    /// The peer says whom it is connected to.
    pub(super) fn on_pex(&mut self, now: Instant, peer: PeerKey, changes: &Contacts) {
        let known = self.exchange.as_mut().and_then(|it| it.known(peer));
        let Some(known) = known else { return };
        let soon = known.heard.is_some_and(|at| now - at < TOO_SOON);
        known.heard = Some(now);
        if soon {
            known.too_soon += 1;
            if known.too_soon >= MAX_TOO_SOON {
                self.violation(peer, ProtocolViolation::TooFrequentPex);
            }
            return;
        }
        known.too_soon = 0;
        let mut hosts = BTreeSet::new();
        let mut found = Vec::new();
        for contact in changes.added.iter().take(MAX_CONTACTS) {
            let ip = contact.address.ip();
            // BEP 11, *security considerations*: other ports of the same host are ignored. In a
            // local network many peers share one.
            let fresh = is_local(ip) || hosts.insert(ip);
            if fresh && may_name(known.source.ip(), ip) && known.learned < MAX_LEARNED {
                known.learned += 1;
                found.push(contact.address);
            }
        }
        if !found.is_empty() {
            self.outputs
                .push_back(Output::PeersFound { peer, peers: found });
        }
    }

    /// Sends what is due. Called with the other regular work, so a message is a little late.
    pub(super) fn exchange_contacts(&mut self, now: Instant) {
        let Some(mut exchange) = self.exchange.take() else {
            return;
        };
        let mut live: Vec<(PeerKey, Contact)> = Vec::new();
        for (key, known) in (0..).zip(&exchange.peers) {
            let peer = PeerKey(key);
            let (Some(known), Some(conn)) = (known, self.conns.get(key as usize)) else {
                continue;
            };
            if let Some(address) = known.listens.filter(|_| conn.open && !conn.closing) {
                let (seed, reachable) = (self.is_seed(peer, conn), known.outgoing);
                live.push((
                    peer,
                    Contact {
                        address,
                        seed,
                        reachable,
                    },
                ));
            }
        }
        for (key, known) in (0..).zip(&mut exchange.peers) {
            let peer = PeerKey(key);
            let Some(known) = known.as_mut() else {
                continue;
            };
            let Some(id) = known.id.filter(|_| known.next <= now) else {
                continue;
            };
            if self.conn(peer).is_none() {
                continue;
            }
            let changes = news(peer, &live, &mut known.told);
            if changes != Contacts::default() {
                known.next = now.after(INTERVAL);
                let pex = Box::new(Extended::Pex { id, changes });
                self.send(now, peer, Message::Extended(pex));
            }
        }
        self.exchange = Some(exchange);
    }
}

/// What `told` lacks and has too much to be the others of `live`, up to the limit; it is then told.
fn news(peer: PeerKey, live: &[(PeerKey, Contact)], told: &mut BTreeSet<SocketAddr>) -> Contacts {
    let others = live.iter().filter(|it| it.0 != peer).map(|it| it.1);
    let addresses: BTreeSet<SocketAddr> = others.clone().map(|it| it.address).collect();
    let gone = told.difference(&addresses).copied();
    let dropped: Vec<SocketAddr> = gone.take(MAX_CONTACTS).collect();
    for address in &dropped {
        told.remove(address);
    }
    // Two connections may have the same address; it is told once.
    let fresh = others.filter(|it| told.insert(it.address));
    let added = fresh.take(MAX_CONTACTS).collect();
    Contacts { added, dropped }
}
