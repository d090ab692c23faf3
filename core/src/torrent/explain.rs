//! What the peers that are connected give, and what each of them waits for.

use alloc::vec::Vec;

use super::Torrent;
use super::conn::{Conn, Delivery};
use crate::choke::PeerView;
use crate::ids::{PeerKey, PieceIndex};
use crate::time::Instant;

/// What the peers that are connected give. Web seeds are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// All of them; the sum of the others.
    pub all: u32,
    /// They have nothing that we lack.
    pub nothing_needed: u32,
    /// They have something and choke us.
    pub choking: u32,
    /// They let us ask and are silent.
    pub silent: u32,
    /// They let us ask.
    pub open: u32,
}

/// What a block that we would have from a peer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It has nothing that we lack.
    NothingNeeded,
    /// It chokes us.
    Choked,
    /// It was asked and is silent for long.
    Silent,
    /// It was asked.
    Asked,
    /// It may be asked and is not: others were asked for all that it has, or a cap holds us back.
    Unasked,
}

impl Lack {
    /// The word for it.
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

/// What a block that a peer would have from us waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It wants nothing of ours.
    NotInterested,
    /// We choke it.
    Choked,
    /// It asks for nothing.
    Request,
    /// Its link has to take what it was given.
    Link,
    /// A cap of the upload.
    Cap,
    /// Its turn among others.
    Turn,
}

impl Wait {
    /// The word for it.
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

/// How it stands with one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerState {
    /// As a policy sees it.
    pub view: PeerView,
    /// What its next block to us waits for.
    pub lack: Lack,
    /// What our next block to it waits for.
    pub wait: Wait,
    /// Requests of ours that it has not answered and that still count.
    pub outstanding: u32,
}

impl Torrent {
    /// The connections to peers as a policy sees them, in ascending key order.
    #[must_use]
    pub fn peer_views(&self, now: Instant) -> Vec<PeerView> {
        let peers = self.standing();
        peers.map(|(peer, it)| self.view(now, peer, it)).collect()
    }

    /// The same of one of them.
    #[must_use]
    pub fn peer_view(&self, now: Instant, peer: PeerKey) -> Option<PeerView> {
        let conn = self.conns.get(peer.0 as usize).filter(|it| it.open)?;
        Some(self.view(now, peer, conn))
    }

    /// How it stands with each peer, in the same order.
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

    /// Whether some blocks of a piece are here or under way, and not all of them verified.
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

    /// How many peers give what, at this moment. Web seeds are left out.
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
