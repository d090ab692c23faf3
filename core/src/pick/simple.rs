//! Pickers that ignore availability.

use super::{PickPolicy, PickView};
use crate::ids::PieceIndex;
use crate::rng::Rng;

/// Any piece, each with equal probability.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomPiece;

/// The piece with the lowest index, for players that stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential;

/// Any piece, and each block from up to three peers at once; the first copy is kept and the others
/// are wasted. This models a downloader without a scheduler. No deployed client does it before the
/// endgame (BEP 3, *endgame*). Comparing it with other pickers shows how much a scheduler saves.
#[derive(Clone, Copy, Debug)]
pub struct Duplicate {
    /// Most live requests for a block.
    pub copies: u8,
}

impl Default for Duplicate {
    fn default() -> Self {
        Self { copies: 3 }
    }
}

pub(super) fn any(view: &PickView<'_>, rng: &mut Rng) -> Option<PieceIndex> {
    let words = view.unbegun.iter().zip(view.peer_has);
    let count: u32 = words
        .map(|(unbegun, has)| (unbegun & has).count_ones())
        .sum();
    let skip = (count > 0).then(|| rng.below(u64::from(count)))?;
    view.candidates()
        .nth(usize::try_from(skip).expect("a position"))
}

impl PickPolicy for RandomPiece {
    fn pick(&mut self, view: &PickView<'_>, rng: &mut Rng) -> Option<PieceIndex> {
        any(view, rng)
    }
}

impl PickPolicy for Sequential {
    fn pick(&mut self, view: &PickView<'_>, _: &mut Rng) -> Option<PieceIndex> {
        view.candidates().next()
    }
}

impl PickPolicy for Duplicate {
    fn pick(&mut self, view: &PickView<'_>, rng: &mut Rng) -> Option<PieceIndex> {
        any(view, rng)
    }

    fn copies(&self) -> u8 {
        self.copies
    }
}
