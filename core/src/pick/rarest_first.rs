//! `rarest_first`: the piece with the fewest copies among our neighbours.

use super::shortlist::{MANY_PIECES, Shortlists};
use super::{PickPolicy, PickView};
use crate::ids::{PeerKey, PieceIndex};
use crate::rng::Rng;

/// Random pieces until `random_first` are complete, then the piece with the fewest copies, ties at
/// random. Cohen 2003 §2.4; four random pieces as mainline's `rarest_first_cutoff`.
///
/// The scan is linear in the pieces that could be begun, and there is one scan for each piece
/// begun. With P pieces of b blocks that is P/b steps per block. A `have` costs a single increment.
/// With very many pieces one scan serves thousands of picks.
#[derive(Clone, Debug)]
pub struct RarestFirst {
    /// Pieces to complete at random first.
    pub random_first: u32,
    shortlists: Shortlists,
}

impl Default for RarestFirst {
    fn default() -> Self {
        Self {
            random_first: 4,
            shortlists: Shortlists::default(),
        }
    }
}

impl PickPolicy for RarestFirst {
    fn pick(&mut self, view: &PickView<'_>, rng: &mut Rng) -> Option<PieceIndex> {
        if view.progress.have_count < self.random_first {
            return super::simple::any(view, rng);
        }
        // Under a choke there are few candidates, and a list of all pieces would be used up in vain.
        if view.availability.len() >= MANY_PIECES && !view.progress.choked {
            return self.shortlists.rarest(view, rng);
        }
        extreme(view, |copies| copies, rng)
    }

    fn forget(&mut self, peer: PeerKey) {
        self.shortlists.forget(peer);
    }
}

/// The piece whose number of copies has the smallest `rank`; ties are broken at random.
pub(super) fn extreme(
    view: &PickView<'_>,
    rank: impl Fn(u16) -> u16,
    rng: &mut Rng,
) -> Option<PieceIndex> {
    let rank = |piece: PieceIndex| rank(view.availability[piece.0 as usize]);
    let (least, ties) =
        view.candidates()
            .fold((u16::MAX, 0_u64), |(least, ties), piece| {
                match rank(piece) {
                    less if less < least => (less, 1),
                    same if same == least => (least, ties + 1),
                    _ => (least, ties),
                }
            });
    let skip = if ties > 1 { rng.below(ties) } else { 0 };
    let mut found = view.candidates().filter(|piece| rank(*piece) == least);
    found.nth(usize::try_from(skip).expect("a position"))
}
