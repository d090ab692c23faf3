//! Which pieces a user wants, and with what priority.

use alloc::vec::Vec;
use core::ops::Range;

use crate::bitfield::Bitfield;
use crate::geometry::Geometry;
use crate::ids::PieceIndex;

/// Priority of a file. A piece that several files share has the highest of their priorities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Not wanted: no piece is downloaded for it.
    Skip,
    /// After all others.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Before all others.
    High,
}

/// The priorities of wanted pieces, the most urgent first.
pub const RANKS: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

/// The wanted pieces by priority. A piece of a lower priority is requested from a peer only if the
/// peer has no piece of a higher one that could be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// A set for each of [`RANKS`]; they do not overlap.
    ranks: [Bitfield; 3],
    all: Bitfield,
}

impl Wanted {
    /// No piece of `piece_count`.
    #[must_use]
    pub fn nothing(piece_count: u32) -> Self {
        let empty = || Bitfield::empty(piece_count);
        Self {
            ranks: [empty(), empty(), empty()],
            all: empty(),
        }
    }

    /// The pieces that hold these bytes of the payload.
    #[must_use]
    pub fn of_files(
        geometry: &Geometry,
        files: impl IntoIterator<Item = (Range<u64>, Priority)>,
    ) -> Self {
        let mut files: Vec<(Range<u64>, Priority)> = files.into_iter().collect();
        // The most urgent file first: a piece keeps the first priority it gets.
        files.sort_by_key(|(_, priority)| core::cmp::Reverse(*priority));
        let mut wanted = Self::nothing(geometry.piece_count());
        for (bytes, priority) in files {
            for piece in geometry.pieces_in(bytes) {
                wanted.add(PieceIndex(piece), priority);
            }
        }
        wanted
    }

    /// Adds `piece`, unless it is wanted already. Panics if the torrent has no such piece.
    pub fn add(&mut self, piece: PieceIndex, priority: Priority) {
        let rank = RANKS.iter().position(|it| *it == priority);
        if let Some(rank) = rank
            && self.all.insert(piece)
        {
            self.ranks[rank].insert(piece);
        }
    }

    /// All wanted pieces.
    #[must_use]
    pub fn pieces(&self) -> &Bitfield {
        &self.all
    }

    /// The priorities, the most urgent first, with their pieces.
    pub fn ranks(&self) -> impl Iterator<Item = (Priority, &Bitfield)> {
        RANKS.into_iter().zip(&self.ranks)
    }

    /// The rank of a piece: 0 is the most urgent.
    #[must_use]
    pub fn rank(&self, piece: PieceIndex) -> usize {
        let found = self.ranks.iter().position(|it| it.has(piece));
        found.unwrap_or(RANKS.len())
    }
}
