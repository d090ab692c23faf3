//! Checks which inputs can come next. A client relies on its driver for this, but a recording may
//! be damaged.

use std::collections::BTreeSet;

use unchoke_core::client::doors::Door;
use unchoke_core::client::{Input, Internet, Output};
use unchoke_core::ids::{PeerKey, PieceIndex};
use unchoke_core::time::Instant;
use unchoke_core::torrent;

/// The state that decides which inputs are possible.
#[derive(Debug)]
pub(crate) struct Possible {
    now: Instant,
    /// Connections whose handshake is not complete.
    doors: BTreeSet<Door>,
    connected: BTreeSet<PeerKey>,
    /// Pieces that the torrent has asked to verify.
    unverified: BTreeSet<PieceIndex>,
}

impl Possible {
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::START,
            doors: BTreeSet::new(),
            connected: BTreeSet::new(),
            unverified: BTreeSet::new(),
        }
    }

    /// Whether `input` is possible at `at`. If so, it is noted as done.
    pub(crate) fn admits(&mut self, at: Instant, input: &Input<Internet>) -> bool {
        let in_order = at >= self.now;
        self.now = at;
        in_order
            && match input {
                Input::Met { door, .. } | Input::Failed { door, .. } => self.doors.remove(door),
                Input::Closed { peer, .. } => self.connected.remove(peer),
                Input::Torrent(torrent::Input::PieceVerified { piece, .. }) => {
                    self.unverified.remove(piece)
                }
                // The client ignores late events of closed connections.
                Input::Torrent(_)
                | Input::Timeout
                | Input::Stop
                | Input::Found { .. }
                | Input::Knock { .. }
                | Input::Connections(_)
                | Input::Announced { .. } => true,
            }
    }

    /// Notes an output of the client.
    pub(crate) fn note(&mut self, output: &Output<Internet>) {
        match output {
            Output::VerifyPiece { piece, .. } => {
                self.unverified.insert(*piece);
            }
            Output::Dial { door, .. } | Output::Answer { door } => {
                self.doors.insert(*door);
            }
            Output::Drop { door, .. } => {
                self.doors.remove(door);
            }
            Output::Joined { peer, .. } | Output::UseWebSeed { peer, .. } => {
                self.connected.insert(*peer);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use unchoke_core::client::redial::Ended;
    use unchoke_core::ids::PeerId;
    use unchoke_core::torrent::{Unsent, Verdict};

    use super::*;

    const PEER: PeerKey = PeerKey(3);
    const DOOR: Door = Door(7);

    #[test]
    fn a_connection_begins_and_ends_once() {
        let met = Input::Met {
            door: DOOR,
            name: PeerId::default(),
            fast: true,
            extended: true,
        };
        let closed = Input::Closed {
            peer: PEER,
            how: Ended::ByPeer,
            unsent: Unsent::default(),
        };
        let (mut possible, now) = (Possible::new(), Instant::START);
        assert!(!possible.admits(now, &met));
        assert!(!possible.admits(now, &closed));
        possible.note(&Output::Answer { door: DOOR });
        assert!(possible.admits(now, &met));
        assert!(!possible.admits(now, &met));
        let (door, peer) = (DOOR, PEER);
        possible.note(&Output::Joined { door, peer });
        assert!(possible.admits(now, &closed));
        // A late event after the connection closed.
        let writable = torrent::Input::Writable { peer };
        assert!(possible.admits(now, &Input::Torrent(writable)));
        assert!(!possible.admits(now, &closed));
    }

    #[test]
    fn a_piece_is_verified_once_for_each_time_it_was_asked_for() {
        let piece = PieceIndex(1);
        let verified = Input::Torrent(torrent::Input::PieceVerified {
            piece,
            verdict: Verdict::Lost,
        });
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
