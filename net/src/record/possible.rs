//! What may happen next, where a torrent relies on its driver for it: a recording may be damaged.

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
                Input::PeerDisconnected { peer } => {
                    self.connected.remove(peer);
                    true
                }
                Input::PieceVerified { piece, .. } => self.unverified.remove(piece),
                // What is still on its way from a connection that is gone is ignored.
                Input::Message { .. }
                | Input::Writable { .. }
                | Input::Timeout
                | Input::PieceLost { .. }
                | Input::BlockUnread { .. } => true,
            }
    }

    /// The torrent asked for something.
    pub(super) fn note(&mut self, output: &Output) {
        if let Output::VerifyPiece { piece, .. } = output {
            self.unverified.insert(*piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use unchoke_core::torrent::{PeerLink, Verdict};

    use super::*;

    const PEER: PeerKey = PeerKey(3);

    #[test]
    fn a_connection_stands_once_at_a_time() {
        let link = PeerLink::default();
        let connected = Input::PeerConnected { peer: PEER, link };
        let gone = Input::PeerDisconnected { peer: PEER };
        let (mut possible, now) = (Possible::new(), Instant::START);
        assert!(possible.admits(now, &connected));
        assert!(!possible.admits(now, &connected));
        assert!(possible.admits(now, &gone));
        // What was still on its way when it ended.
        assert!(possible.admits(now, &Input::Writable { peer: PEER }));
        assert!(possible.admits(now, &gone));
        assert!(possible.admits(now, &connected));
    }

    #[test]
    fn a_piece_is_verified_once_for_each_time_it_was_asked_for() {
        let piece = PieceIndex(1);
        let verified = Input::PieceVerified {
            piece,
            verdict: Verdict::Lost,
        };
        let (mut possible, now) = (Possible::new(), Instant::START);
        assert!(!possible.admits(now, &verified));
        for _ in 0..2 {
            possible.note(&Output::VerifyPiece {
                piece,
                want_blocks: false,
            });
            assert!(possible.admits(now, &verified));
            assert!(!possible.admits(now, &verified));
        }
    }

    #[test]
    fn time_never_runs_backwards() {
        let mut possible = Possible::new();
        assert!(possible.admits(Instant::from_secs(2), &Input::Timeout));
        assert!(possible.admits(Instant::from_secs(2), &Input::Timeout));
        assert!(!possible.admits(Instant::from_secs(1), &Input::Timeout));
    }
}
