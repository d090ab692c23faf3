//! For displays: what the connected peers deliver, and what the next block of each waits for.

use alloc::vec::Vec;

use super::Torrent;
use super::conn::{Conn, Delivery};
use crate::choke::PeerView;
use crate::ids::{PeerKey, PieceIndex};
use crate::time::Instant;

/// Numbers of connected peers by what they deliver. Web seeds are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// All peers: the sum of the other fields.
    pub all: u32,
    /// Peers that have no piece we need.
    pub nothing_needed: u32,
    /// Peers that have a piece we need and choke us.
    pub choking: u32,
    /// Peers that unchoked us but have not answered for a long time.
    pub silent: u32,
    /// Peers that unchoked us and answer.
    pub open: u32,
}

/// Why the next block from a peer has not arrived yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The peer has no piece that we need.
    NothingNeeded,
    /// The peer chokes us.
    Choked,
    /// We sent requests; the peer has not answered for a long time.
    Silent,
    /// We sent requests.
    Asked,
    /// The peer would serve us, but we sent no request: all blocks it has are requested from other
    /// peers, or the download cap is reached.
    Unasked,
}

impl Lack {
    /// Its name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NothingNeeded => "nothing_needed",
            Self::Choked => "choked",
            Self::Silent => "silent",
            Self::Asked => "asked",
            Self::Unasked => "unasked",
        }
    }
}

/// Why our next block to a peer has not left yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The peer is not interested.
    NotInterested,
    /// We choke the peer.
    Choked,
    /// The peer sent no request.
    Request,
    /// The link is still sending earlier blocks.
    Link,
    /// An upload cap is reached.
    Cap,
    /// It is another peer's turn.
    Turn,
}

impl Wait {
    /// Its name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotInterested => "not_interested",
            Self::Choked => "choked",
            Self::Request => "request",
            Self::Link => "link",
            Self::Cap => "cap",
            Self::Turn => "turn",
        }
    }
}

/// State of the exchange with one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerState {
    /// The peer as a policy sees it.
    pub view: PeerView,
    /// Why the next block from the peer has not arrived.
    pub lack: Lack,
    /// Why our next block to the peer has not left.
    pub wait: Wait,
    /// Requests to the peer that are not answered and not given up.
    pub outstanding: u32,
}

impl Torrent {
    /// The connected peers as a policy sees them, in ascending key order.
    #[must_use]
    pub fn peer_views(&self, now: Instant) -> Vec<PeerView> {
        let mut views = Vec::with_capacity(self.open as usize);
        views.extend(self.standing().map(|(peer, it)| self.view(now, peer, it)));
        views
    }

    /// The same for one peer.
    #[must_use]
    pub fn peer_view(&self, now: Instant, peer: PeerKey) -> Option<PeerView> {
        let conn = self.conns.get(peer.0 as usize).filter(|it| it.open)?;
        Some(self.view(now, peer, conn))
    }

    /// The state of the exchange with each peer, in the same order.
    #[must_use]
    pub fn peer_states(&self, now: Instant) -> Vec<PeerState> {
        let peers = self.standing();
        let state = |(peer, conn): (PeerKey, &Conn)| PeerState {
            view: self.view(now, peer, conn),
            lack: lack(conn),
            wait: self.wait(now, conn),
            outstanding: u32::from(conn.live),
        };
        peers.map(state).collect()
    }

    /// Whether some blocks of a piece are here or requested, and the piece is not verified yet.
    #[must_use]
    pub fn is_begun(&self, piece: PieceIndex) -> bool {
        self.is_wanted(piece) && !self.have.has(piece) && !self.unbegun.has(piece)
    }

    fn standing(&self) -> impl Iterator<Item = (PeerKey, &Conn)> {
        let all = (0..).zip(&self.conns);
        let open = all.filter(|(_, conn)| conn.open && !conn.agreed.web());
        open.map(|(key, conn)| (PeerKey(key), conn))
    }

    fn wait(&self, now: Instant, conn: &Conn) -> Wait {
        let traffic = &self.traffic[conn.traffic];
        let closed = |it: &super::Bucket| it.opens_at() > now;
        if !conn.peer_interested {
            Wait::NotInterested
        } else if conn.am_choking && !conn.agreed.granted() {
            Wait::Choked
        } else if traffic.queue.is_empty() {
            Wait::Request
        } else if conn.credit == 0 {
            Wait::Link
        } else if traffic.cap.as_deref().is_some_and(closed)
            || self.upload.as_deref().is_some_and(closed)
        {
            Wait::Cap
        } else {
            Wait::Turn
        }
    }

    /// Counts the connected peers by what they deliver now. Web seeds are not counted.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let open = self.conns.iter().filter(|it| it.open && !it.closing);
        let mut all = Connections::default();
        for conn in open.filter(|it| !it.agreed.web()) {
            all.all += 1;
            let kind = if !conn.am_interested {
                &mut all.nothing_needed
            } else if conn.peer_choking {
                &mut all.choking
            } else if conn.delivery >= Delivery::Stalled {
                &mut all.silent
            } else {
                &mut all.open
            };
            *kind += 1;
        }
        all
    }
}

fn lack(conn: &Conn) -> Lack {
    if !conn.am_interested {
        Lack::NothingNeeded
    } else if conn.peer_choking {
        Lack::Choked
    } else if conn.delivery >= Delivery::Stalled {
        Lack::Silent
    } else if conn.live > 0 {
        Lack::Asked
    } else {
        Lack::Unasked
    }
}
