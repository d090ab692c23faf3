//! One connection: its flags and times.

use super::io::PeerLink;
use super::traffic::TrafficId;
use crate::time::Instant;

/// The state that every connection has. It fits in one cache line, so that a hundred thousand
/// simulated peers fit in memory. Pieces are in [`super::Remotes`]. Queues and counters are in
/// [`super::Traffic`], only for the few connections that transferred something.
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
    /// The peer may still send blocks whose requests timed out. We may have asked other peers for
    /// them meanwhile.
    pub(super) overdue: bool,
    /// The peer is on the list of peers that wait for a free block.
    pub(super) starving: bool,
    pub(super) agreed: Agreed,
    /// Cost of the messages since the last upkeep that cost more than their size. See
    /// [`super::Torrent::is_costly`].
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
    /// Requests that could not be served. Negative after our choke: that many requests may have
    /// been on their way.
    pub(super) invalid_requests: i16,
    /// Pieces the peer has and did not announce with `have`; wraps below zero.
    pub(super) had_before: u32,
    pub(super) traffic: TrafficId,
    /// When the last message other than `have` came.
    pub(super) last_heard_at: Instant,
    /// When we last sent the peer a message that was not for all peers.
    pub(super) last_sent_at: Instant,
    pub(super) connected_at: Instant,
    /// When we last unchoked the peer; `NEVER` if we never did.
    pub(super) unchoked_at: Instant,
}

/// One byte of flags: extensions that both sides speak, and whether pieces are allowed under a
/// choke.
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

    /// The peer is a web seed. BEP 19.
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

/// How a peer delivers the blocks we request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Delivery {
    /// A block came, and since then none has been owed for long.
    Prompt,
    /// No block came yet, or none for [`super::patience::DOUBT`] although one is owed. In the
    /// endgame others are asked for the same blocks as if this peer had not been asked.
    Unproven,
    /// Silent for so long that its requests were given up. It is asked for one block at a time.
    Stalled,
    /// Stalled, and silent for [`super::Config::snub_after`]. Cohen 2003 §2.5.
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
