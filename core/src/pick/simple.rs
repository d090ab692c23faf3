//! Pickers that ignore availability.

use super::{PickPolicy, PickView};
use crate::ids::PieceIndex;
use crate::rng::Rng;

/// Any piece, each equally likely.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomPiece;

/// The piece with the lowest number, as a player that streams wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential;

/// Any piece, and each block from up to three peers at once, to keep what comes first and throw the
/// rest away. What a downloader without a scheduler does; no deployed client does it before the
/// endgame (BEP 3, *endgame*). The first rung of the ladder that tells what a scheduler saves.
#[derive(Clone, Copy, Debug)]
pub struct Duplicate {
    /// Requests for a block under way at most.
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
