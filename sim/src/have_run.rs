//! Some `have` messages in a row.

use unchoke_core::ids::PieceIndex;

/// `have`s that follow each other on one connection: as many as fit where a request fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HaveRun([PieceIndex; HaveRun::MOST]);

impl HaveRun {
    const MOST: usize = 4;
    /// Marks an unused place. No torrent has as many pieces.
    const NONE: PieceIndex = PieceIndex(u32::MAX);

    pub(crate) fn of(piece: PieceIndex) -> Self {
        let mut run = [Self::NONE; Self::MOST];
        run[0] = piece;
        Self(run)
    }

    /// Appends `piece`; false if there is no room.
    pub(crate) fn append(&mut self, piece: PieceIndex) -> bool {
        let free = self.0.iter_mut().find(|it| **it == Self::NONE);
        free.map(|it| *it = piece).is_some()
    }

    /// The pieces, in the order of the messages.
    pub(crate) fn iter(self) -> impl Iterator<Item = PieceIndex> {
        self.0.into_iter().take_while(|it| *it != Self::NONE)
    }

    /// Number of messages.
    pub(crate) fn count(self) -> u32 {
        self.iter().map(|_| 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_order_and_says_when_it_is_full() {
        let mut run = HaveRun::of(PieceIndex(7));
        let all = [7, 3, 0, 3].map(PieceIndex);
        for (count, piece) in (1..).zip(&all[1..]) {
            assert_eq!(run.count(), count);
            assert!(run.append(*piece));
        }
        assert!(!run.append(PieceIndex(9)));
        assert_eq!(run.iter().collect::<Vec<_>>(), all);
        assert_eq!(run.count(), 4);
    }
}
