//! What we tell others that we have: the truth, unless the configuration models a lying client.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use super::Torrent;
use super::io::Claims;
use crate::bitfield::Bitfield;
use crate::ids::{PeerKey, PieceIndex};
use crate::message::Message;
use crate::time::Instant;

/// The piece that an overstating client says it lacks. Two seeds disconnect from each other, so a
/// client that claimed all pieces would lose its connections to seeds.
const DENIED: PieceIndex = PieceIndex(0);

impl Torrent {
    /// Tells a new connection what we have. BEP 6: exactly one such message. BEP 3: a peer without
    /// pieces may send no bitfield.
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

    /// Whether we announce `piece` when we get it.
    pub(super) fn tells_of(&self, piece: PieceIndex) -> bool {
        match self.config.claims {
            // When super-seeding, a lost piece that came again is revealed like the other pieces.
            Claims::Truth => !self.hides_pieces(),
            Claims::AllButOne => piece != DENIED,
            Claims::Nothing => false,
        }
    }
}
