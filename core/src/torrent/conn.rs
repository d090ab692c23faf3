//! One connection: its flags and moments.

use super::io::PeerLink;
use super::traffic::TrafficId;
use crate::time::Instant;

/// State of one connection, as far as every connection has it: a cache line, so that a hundred
/// thousand simulated peers fit in memory. Pieces are in [`super::Remotes`]; what was transferred
/// is in [`super::Traffic`], for the few connections over which something was.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Conn {
    pub(super) open: bool,
    /// We asked the driver to close it.
    pub(super) closing: bool,
    pub(super) am_choking: bool,
    pub(super) am_interested: bool,
    pub(super) peer_choking: bool,
    pub(super) peer_interested: bool,
    /// The peer said that it only uploads. BEP 21.
    pub(super) upload_only: bool,
    pub(super) delivery: Delivery,
    /// It may owe blocks that were given up on, and for which others may have been asked since.
    pub(super) overdue: bool,
    /// It is on the list of peers that have run out of work.
    pub(super) starving: bool,
    pub(super) agreed: Agreed,
    /// What messages since the last upkeep cost beyond what their size pays for.
    pub(super) costly: u8,
    /// Outstanding requests that still count: not timed out, not cancelled.
    pub(super) live: u16,
    /// Blocks the link can take.
    pub(super) credit: u16,
    /// Blocks handed to the link and not yet reported as sent.
    pub(super) unflushed: u16,
    /// Requests the peer queues (`reqq`).
    pub(super) request_queue: u16,
    pub(super) unrequested: u8,
    /// How often the pipeline was halved because requests were lost. See `patience`.
    pub(super) halvings: u8,
    /// Below zero: so many more may be on their way since before our choke.
    pub(super) invalid_requests: i16,
    /// Pieces the peer has beyond those it told us of with `have`; wraps below zero.
    pub(super) had_before: u32,
    pub(super) traffic: TrafficId,
    /// When a message came that was no `have`.
    pub(super) last_heard_at: Instant,
    /// When we sent it something that we did not send to all.
    pub(super) last_sent_at: Instant,
    pub(super) connected_at: Instant,
    /// When we last unchoked the peer; `NEVER` if we never did.
    pub(super) unchoked_at: Instant,
}

/// Extensions that both sides of a connection speak, and whether pieces are allowed under a choke, in a
/// byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed(u8);

impl Agreed {
    const FAST: u8 = 1;
    const EXTENDED: u8 = 2;
    const GRANTED: u8 = 4;
    const TAKEN: u8 = 8;
    const WEB: u8 = 16;

    fn of(link: PeerLink) -> Self {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let spoken = bit(link.fast, Self::FAST) | bit(link.extended, Self::EXTENDED);
        Self(spoken | bit(link.web, Self::WEB))
    }

    /// BEP 6.
    pub(super) fn fast(self) -> bool {
        self.0 & Self::FAST != 0
    }

    /// It is a web seed. BEP 19.
    pub(super) fn web(self) -> bool {
        self.0 & Self::WEB != 0
    }

    /// BEP 10.
    pub(super) fn extended(self) -> bool {
        self.0 & Self::EXTENDED != 0
    }

    /// The peer may ask for some pieces while we choke it.
    pub(super) fn granted(self) -> bool {
        self.0 & Self::GRANTED != 0
    }

    pub(super) fn grants(&mut self, some: bool) {
        self.0 = self.0 & !Self::GRANTED | if some { Self::GRANTED } else { 0 };
    }

    /// We may ask for some pieces while the peer chokes us.
    pub(super) fn taken(self) -> bool {
        self.0 & Self::TAKEN != 0
    }

    pub(super) fn takes(&mut self, some: bool) {
        self.0 = self.0 & !Self::TAKEN | if some { Self::TAKEN } else { 0 };
    }
}

/// How a peer delivers what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Delivery {
    /// A block came, and none has been owed for long since.
    Prompt,
    /// No block came yet, or none for [`super::patience::DOUBT`] although one is owed. In the endgame
    /// others are asked for the same as if this peer had not been.
    Unproven,
    /// Silent for so long that what it owes was given up; it is asked for one block at a time.
    Stalled,
    /// The same, for [`super::Config::snub_after`]. Cohen 2003 §2.5.
    Snubbed,
}

impl Conn {
    /// A slot without a connection.
    pub(super) fn closed() -> Self {
        let mut conn = Self::opened(Instant::START, PeerLink::default());
        conn.open = false;
        conn
    }

    pub(super) fn opened(now: Instant, link: PeerLink) -> Self {
        Self {
            open: true,
            closing: false,
            am_choking: true,
            am_interested: false,
            peer_choking: true,
            peer_interested: false,
            upload_only: false,
            delivery: Delivery::Unproven,
            overdue: false,
            starving: false,
            agreed: Agreed::of(link),
            costly: 0,
            live: 0,
            credit: 0,
            unflushed: 0,
            request_queue: 0,
            unrequested: 0,
            halvings: 0,
            invalid_requests: 0,
            had_before: 0,
            traffic: TrafficId::NONE,
            last_heard_at: now,
            last_sent_at: now,
            connected_at: now,
            unchoked_at: Instant::NEVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Conn;

    #[test]
    fn a_connection_fits_in_a_cache_line() {
        assert_eq!(size_of::<Conn>(), 64);
    }
}
