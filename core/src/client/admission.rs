//! Who gets a seat: decided when a handshake is done and both sides know each other's name.

use core::fmt::{self, Display};

use super::config::Config;
use super::places::Places;
use super::seats::Seats;
use crate::ids::PeerKey;

/// Why a connection is not to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its host is banned.
    Banned,
    /// It is ourselves.
    Ourselves,
    /// Another connection to the same peer stays.
    Twice,
    /// Its host has all the connections that one host may have.
    TooManyOfHost,
    /// All connections are taken, and by others of no less use.
    Full,
    /// Its handshake took too long.
    TooSlow,
    /// Its handshake was not done and others waited.
    Evicted,
    /// The session is over.
    Stopping,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Banned => "its host is banned",
            Self::Ourselves => "it is ourselves",
            Self::Twice => "the peer is connected already",
            Self::TooManyOfHost => "its host has enough connections",
            Self::Full => "all connections are taken",
            Self::TooSlow => "its handshake took too long",
            Self::Evicted => "its handshake was not done while others waited",
            Self::Stopping => "the session is over",
        })
    }
}

/// A connection whose handshake is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer<P: Places> {
    pub(super) host: P::Host,
    pub(super) name: P::Name,
    pub(super) outgoing: bool,
    /// The user named it: no limit holds for it.
    pub(super) kept: bool,
}

/// Whether a newcomer may have a seat as far as others of its name are concerned, and whose connection
/// it replaces.
pub(super) fn admit<P: Places>(
    us: P::Name,
    newcomer: &Newcomer<P>,
    seats: &Seats<P>,
) -> Result<Option<PeerKey>, Refusal> {
    if newcomer.name == us {
        return Err(Refusal::Ourselves);
    }
    let (mut same_way, mut other_way) = (0, None);
    for (peer, seat) in seats.standing().filter(|it| it.1.name == newcomer.name) {
        if seat.outgoing == newcomer.outgoing {
            same_way += 1;
        } else {
            other_way = other_way.or(Some(peer));
        }
    }
    // The peer has two addresses and was dialled under both. Who dialled closes the second; who
    // answered waits for that, or each side might close another one and none be left.
    if same_way > usize::from(!newcomer.outgoing) {
        return Err(Refusal::Twice);
    }
    if let Some(peer) = other_way {
        // Both ends keep the link that the side with the greater name opened, so they agree.
        let keep_ours = us > newcomer.name;
        return if newcomer.outgoing == keep_ours {
            Ok(Some(peer))
        } else {
            Err(Refusal::Twice)
        };
    }
    Ok(None)
}

/// Whether the host of a newcomer has all the connections that one may have.
pub(super) fn is_host_full<P: Places>(
    config: &Config,
    newcomer: &Newcomer<P>,
    seats: &Seats<P>,
) -> bool {
    let most = config.per_host(P::is_shared(newcomer.host));
    // Those that came to us take nothing from those that we dial: we know why we do.
    let count = if newcomer.outgoing {
        seats.dialled(newcomer.host)
    } else {
        seats.of_host(newcomer.host)
    };
    !newcomer.kept && count >= most
}
