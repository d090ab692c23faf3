//! Decides whether a new connection may stay: most rules apply once its handshake is done and both
//! sides know each other's peer id, one applies before the handshake is read.

use core::fmt::{self, Display};

use super::config::Config;
use super::places::Places;
use super::redial::Ended;
use super::seats::Seats;
use crate::ids::PeerKey;

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its host is banned.
    Banned,
    /// We connected to ourselves.
    Ourselves,
    /// Another connection to the same peer stays.
    Twice,
    /// Another host delivers under the same peer id.
    Claimed,
    /// Its host already has as many connections as one host may have.
    TooManyOfHost,
    /// All connections are taken, and none of them is less useful.
    Full,
    /// Its handshake took too long.
    TooSlow,
    /// Its handshake was not done yet, and other incoming connections needed the slot.
    Evicted,
    /// The session ends.
    Stopping,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Banned => "its host is banned",
            Self::Ourselves => "it is ourselves",
            Self::Twice => "the peer is connected already",
            Self::Claimed => "another host with its peer id sends us blocks",
            Self::TooManyOfHost => "its host has enough connections",
            Self::Full => "all connections are taken",
            Self::TooSlow => "its handshake took too long",
            Self::Evicted => "its handshake was not done while others waited",
            Self::Stopping => "the session is over",
        })
    }
}

impl Refusal {
    /// How the refused connection ended.
    pub(super) fn ended(self) -> Ended {
        match self {
            Self::Full => Ended::Useless,
            Self::Claimed => Ended::Claimed,
            _ => Ended::Twice,
        }
    }
}

/// A new connection whose handshake is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer<P: Places> {
    pub(super) host: P::Host,
    pub(super) name: P::Name,
    pub(super) outgoing: bool,
    /// The user named it: no limit applies.
    pub(super) kept: bool,
}

impl<P: Places> Newcomer<P> {
    /// Whether the other connection is to another place, so that another peer may have lied about
    /// the peer id. Two connections that we opened never lead to the same port of a host. If a peer
    /// connected to us, its port says nothing.
    pub(super) fn is_elsewhere(&self, address: P::Address, outgoing: bool) -> bool {
        P::host(address) != self.host || self.outgoing && outgoing
    }
}

/// Compares a new connection with existing ones to the same peer id at the same place. Returns the connection it
/// replaces, if any, or why it is refused.
pub(super) fn admit<P: Places>(
    us: P::Name,
    newcomer: &Newcomer<P>,
    seats: &Seats<P>,
) -> Result<Option<PeerKey>, Refusal> {
    if newcomer.name == us {
        return Err(Refusal::Ourselves);
    }
    let (mut same_way, mut other_way) = (0, None);
    let twins = seats.standing().filter(|(_, seat)| {
        seat.name == newcomer.name && !newcomer.is_elsewhere(seat.address, seat.outgoing)
    });
    for (peer, seat) in twins {
        if seat.outgoing == newcomer.outgoing {
            same_way += 1;
        } else {
            other_way = other_way.or(Some(peer));
        }
    }
    // The peer connected twice. It closes the second connection itself. We keep both until then;
    // otherwise each side might close a different one.
    if same_way > 1 {
        return Err(Refusal::Twice);
    }
    if let Some(peer) = other_way {
        // Both ends keep the connection that the side with the greater peer id opened, so they
        // agree.
        let keep_ours = us > newcomer.name;
        return if newcomer.outgoing == keep_ours {
            Ok(Some(peer))
        } else {
            Err(Refusal::Twice)
        };
    }
    Ok(None)
}

/// Whether an incoming connection from `host` would need the place of another connection.
pub(super) fn is_crowded<P: Places>(config: &Config, host: P::Host, seats: &Seats<P>) -> bool {
    seats.count() >= config.most() || seats.of_host(host) >= config.per_host(P::is_shared(host))
}

/// Whether the host of a new connection has as many connections as one host may have.
pub(super) fn is_host_full<P: Places>(
    config: &Config,
    newcomer: &Newcomer<P>,
    seats: &Seats<P>,
) -> bool {
    let most = config.per_host(P::is_shared(newcomer.host));
    // For an outgoing connection, count only outgoing ones: incoming connections from a host must
    // not keep us from dialling an address that we chose.
    let count = if newcomer.outgoing {
        seats.dialled(newcomer.host)
    } else {
        seats.of_host(newcomer.host)
    };
    !newcomer.kept && count >= most
}
