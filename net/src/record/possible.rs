//! What may happen next: a torrent relies on its driver for that, but a recording may be damaged.

use std::collections::BTreeSet;

use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Input, Output};

/// What has happened so far, as far as it rules out inputs.
#[derive(Debug)]
pub(super) struct Possible {
    now: Instant,
    connected: BTreeSet<PeerKey>,
    /// Pieces that the torrent wants verified.
    unverified: BTreeSet<PieceIndex>,
}

impl Possible {
    pub(super) fn new() -> Self {
        Self {
            now: Instant::START,
            connected: BTreeSet::new(),
            unverified: BTreeSet::new(),
        }
    }

    /// Whether `input` may come at `at`. If so, it has come.
    pub(super) fn admits(&mut self, at: Instant, input: &Input) -> bool {
        let in_order = at >= self.now;
        self.now = at;
        in_order
            && match input {
                Input::PeerConnected { peer, .. } => self.connected.insert(*peer),
                Input::PeerDisconnected { peer } => self.connected.remove(peer),
                Input::Message { peer, .. } | Input::Writable { peer } => {
                    self.connected.contains(peer)
                }
                Input::PieceVerified { piece, .. } => self.unverified.remove(piece),
                Input::Timeout => true,
            }
    }

    /// The torrent asked for something.
    pub(super) fn note(&mut self, output: &Output) {
        if let Output::VerifyPiece { piece, .. } = output {
            self.unverified.insert(*piece);
        }
    }
}
