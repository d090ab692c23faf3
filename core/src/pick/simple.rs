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
