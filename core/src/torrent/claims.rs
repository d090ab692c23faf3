//! What we say that we have: the truth, unless the configuration models a lying client.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use super::Torrent;
use super::io::Claims;
use crate::bitfield::Bitfield;
use crate::ids::{PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// The piece that an overstating peer says it lacks. Two seeds part, so one that said it has
/// everything would lose the seeds.
const DENIED: PieceIndex = PieceIndex(0);

impl Torrent {
    /// Tells a new connection what we have. BEP 6: exactly one of these. BEP 3: a peer with nothing
    /// may send no bitfield.
    pub(super) fn introduce(&mut self, now: Instant, peer: PeerKey, fast: bool) {
        let claimed = match self.config.claims {
            Claims::Truth => Cow::Borrowed(&self.have),
            Claims::AllButOne => {
                let mut all = Bitfield::full(self.have.piece_count());
                all.remove(DENIED);
                Cow::Owned(all)
            }
            Claims::Nothing => Cow::Owned(Bitfield::empty(self.have.piece_count())),
        };
        let count = claimed.count();
        if fast && count == claimed.piece_count() {
            self.send(now, peer, Message::HaveAll);
        } else if fast && count == 0 {
            self.send(now, peer, Message::HaveNone);
        } else if count > 0 {
            let set = Box::new(claimed.into_owned());
            self.send(now, peer, Message::Bitfield(set));
        }
    }

    /// Whether we say so when we have got `piece`.
    pub(super) fn tells_of(&self, piece: PieceIndex) -> bool {
        match self.config.claims {
            // A hidden piece that was lost and came again is revealed as the others are.
            Claims::Truth => !self.hides_pieces(),
            Claims::AllButOne => piece != DENIED,
            Claims::Nothing => false,
        }
    }
}
