//! `libtorrent`: how libtorrent-rasterbar picks pieces.

use core::time::Duration;

use super::rarest_first::extreme;
use super::{Begun, Habits, PickPolicy, PickView};
use crate::ids::PieceIndex;
use crate::rng::Rng;

/// libtorrent `whole_pieces_threshold`: 20 s.
const WHOLE_WITHIN: Duration = Duration::from_secs(20);

/// libtorrent `stat.cpp`: each second the rate becomes four fifths of the old rate plus a fifth of
/// the newest.
const NEWEST_SECOND: u32 = 65_536 / 5;

/// libtorrent-rasterbar (`piece_picker.cpp`, `piece_picker.hpp`, `peer_connection.cpp`
/// `picker_options`).
///
/// Until four pieces are complete, pieces are chosen at random, and begun ones are finished first.
/// From then on the rarest piece comes first. A begun piece comes only before others with equally
/// many copies; of several begun ones the fullest comes first. But all begun pieces come first
/// while there are too many of them: more than one and a half for each peer, or more than 32 MiB. A
/// snubbed peer is asked for the pieces with the most copies, so that snubbed peers work on the
/// same pieces. Seeds are asked for any piece. A peer that could send a whole piece in 20 s gets
/// whole pieces to itself. When the rarest piece is chosen for such a peer, it also gets the
/// neighbouring pieces, as many as it could send in that time.
///
/// Left open: the client marks pieces begun by snubbed peers so that others avoid them. All pieces
/// have the same priority.
///
/// The rarest piece is searched once for each block: linear in the pieces that could be begun.
#[derive(Clone, Copy, Debug)]
pub struct Libtorrent {
    /// Pieces to complete at random first; `initial_picker_threshold`.
    pub random_first: u32,
    /// Blocks in begun pieces above which begun pieces are finished first: 32 MiB.
    pub begun_blocks: u32,
}

impl Default for Libtorrent {
    fn default() -> Self {
        Self {
            random_first: 4,
            begun_blocks: 2048,
        }
    }
}

impl Libtorrent {
    fn finishes_first(self, view: &PickView<'_>) -> bool {
        let blocks = u64::from(view.progress.begun_count) * u64::from(view.progress.piece_blocks);
        view.progress.have_count < self.random_first
            || u64::from(view.progress.begun_count) > u64::from(view.progress.peer_count) * 3 / 2
            || blocks > u64::from(self.begun_blocks)
    }
}

impl PickPolicy for Libtorrent {
    fn pick(&mut self, view: &PickView<'_>, rng: &mut Rng) -> Option<PieceIndex> {
        if view.progress.have_count < self.random_first {
            return super::simple::any(view, rng);
        }
        if view.progress.snubbed {
            extreme(view, |copies| u16::MAX - copies, rng)
        } else {
            extreme(view, |copies| copies, rng)
        }
    }

    fn habits(&self) -> Habits {
        Habits {
            spares_seeds: false,
            fullest_first: true,
            reverses_for_snubbed: true,
            whole_within: Some(WHOLE_WITHIN),
            newest_second: NEWEST_SECOND,
        }
    }

    fn begins_anew(&self, begun: Begun, view: &PickView<'_>) -> bool {
        if self.finishes_first(view) {
            return false;
        }
        let copies = |piece: PieceIndex| view.availability[piece.0 as usize];
        let mut others = view.candidates().map(copies);
        if view.progress.snubbed {
            others.any(|it| it > begun.copies)
        } else {
            // The peer itself has a copy, so a piece with one copy is the rarest possible.
            begun.copies > 1 && others.any(|it| it < begun.copies)
        }
    }
}
