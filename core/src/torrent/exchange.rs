//! Peer exchange, BEP 11: once a minute we tell peers who we are connected to, and peers tell us.
//! Used only if the torrent offers it in its extension handshake; private torrents must not (BEP
//! 27).
//!
//! Addresses from peer exchange are unverified. So each connection may teach us only a limited
//! number of them, and only one per host. Not implemented: the relaxed rule for lists with few live
//! peers, and the list of dropped peers that others send.

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

/// A message that comes sooner than this after the previous one is ignored. It is half the
/// interval, because clocks and networks are not exact.
const TOO_SOON: Duration = Duration::from_secs(30);

/// This many early messages end the connection. libtorrent: `too_frequent_pex` at the third in a
/// minute.
const MAX_TOO_SOON: u8 = 3;

/// Addresses that one connection may teach us: four full messages.
const MAX_LEARNED: u16 = 200;

/// State of peer exchange on one connection.
#[derive(Debug)]
struct Known {
    /// The address as the driver knows it. On an incoming connection only its IP is useful: the
    /// port is not the one where the peer listens.
    source: SocketAddr,
    outgoing: bool,
    /// Where others can connect to the peer.
    listens: Option<SocketAddr>,
    /// The message id under which the peer accepts our messages.
    id: Option<u8>,
    next: Instant,
    /// The addresses that the peer knows we are connected to.
    told: BTreeSet<SocketAddr>,
    heard: Option<Instant>,
    too_soon: u8,
    learned: u16,
}

/// Peer exchange on all connections.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Indexed by `PeerKey`.
    peers: Vec<Option<Known>>,
}

impl Exchange {
    /// Peer exchange for a torrent that sends `hello`, if `hello` offers it.
    pub(super) fn offered(hello: Option<&ExtendedHandshake>) -> Option<Box<Self>> {
        let id = hello?.extensions.get(PEX_NAME)?;
        (*id == PEX_ID).then(Box::default)
    }

    fn known(&mut self, peer: PeerKey) -> Option<&mut Known> {
        self.peers.get_mut(peer.0 as usize)?.as_mut()
    }
}

/// Whether we accept `address` from a peer at `source`. Only a peer in our own network may name
/// local addresses: otherwise a stranger could make us connect to machines there.
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
    /// A connection from or to `source` is established.
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

    /// The peer sent its extension handshake, perhaps again. It says which message id the peer
    /// accepts and where the peer listens.
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

    /// The peer tells which peers it is connected to.
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
            // local network, though, many peers can share one IP.
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

    /// Sends the messages that are due. Called with the regular upkeep, so a message may be a
    /// little late.
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

/// The changes to tell `peer`: addresses of the other peers in `live` that `told` lacks, and
/// addresses in `told` that are no longer in `live`, up to the limit. Updates `told`.
fn news(peer: PeerKey, live: &[(PeerKey, Contact)], told: &mut BTreeSet<SocketAddr>) -> Contacts {
    let others = live.iter().filter(|it| it.0 != peer).map(|it| it.1);
    let addresses: BTreeSet<SocketAddr> = others.clone().map(|it| it.address).collect();
    let gone = told.difference(&addresses).copied();
    let dropped: Vec<SocketAddr> = gone.take(MAX_CONTACTS).collect();
    for address in &dropped {
        told.remove(address);
    }
    // Two connections may have the same address; tell it once.
    let fresh = others.filter(|it| told.insert(it.address));
    let added = fresh.take(MAX_CONTACTS).collect();
    Contacts { added, dropped }
}
