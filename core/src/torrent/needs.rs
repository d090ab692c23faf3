//! Tracks the pieces that are still needed if only some pieces are wanted.
//!
//! A torrent that has all wanted pieces but not all pieces behaves as a seed: it is not interested
//! in any peer, says that it only uploads (BEP 21) and serves what it has.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Torrent;
use crate::bitfield::Bitfield;
use crate::ids::{PeerKey, PieceIndex};
use crate::pick::{PickView, Progress};
use crate::wanted::Wanted;

/// Exists only if some pieces are not wanted or the priorities differ.
#[derive(Debug)]
pub(super) struct Needs {
    /// Pieces that we have or do not want.
    settled: Bitfield,
    /// Number of wanted pieces that we lack.
    lacking: u32,
}

/// The wanted pieces that are not in `have`.
pub(super) fn lacked(wanted: Option<&Wanted>, have: &Bitfield) -> Bitfield {
    let all = || Bitfield::full(have.piece_count());
    let mut lacked = wanted.map_or_else(all, |it| it.pieces().clone());
    have.iter().for_each(|piece| {
        lacked.remove(piece);
    });
    lacked
}

impl Needs {
    /// For a torrent that has the pieces of `have`; `None` if all pieces are wanted.
    pub(super) fn new(wanted: Option<&Wanted>, have: &Bitfield) -> Option<Box<Self>> {
        let wanted = wanted?.pieces();
        let pieces = have.piece_count();
        assert_eq!(wanted.piece_count(), pieces, "wanted is of another torrent");
        let mut settled = Bitfield::full(pieces);
        let lacking = wanted.iter().filter(|it| !have.has(*it));
        let lacking = lacking.map(|it| u32::from(settled.remove(it))).sum();
        Some(Box::new(Self { settled, lacking }))
    }

    fn settle(&mut self, piece: PieceIndex) {
        self.lacking -= u32::from(self.settled.insert(piece));
    }

    fn unsettle(&mut self, piece: PieceIndex) {
        self.lacking += u32::from(self.settled.remove(piece));
    }
}

impl Torrent {
    /// Whether we have every wanted piece.
    #[must_use]
    #[inline]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Bytes of the wanted pieces that we lack. The last piece counts as a full one.
    pub(super) fn left_bytes(&self) -> u64 {
        let pieces = self.config.geometry.piece_count();
        let all = || pieces - self.have.count();
        let lacking = self.needs.as_ref().map_or_else(all, |it| it.lacking);
        u64::from(lacking) * u64::from(self.config.geometry.piece_bytes())
    }

    /// Whether `piece` is wanted, whether or not we have it.
    #[must_use]
    pub fn is_wanted(&self, piece: PieceIndex) -> bool {
        let wanted = self.config.wanted.as_ref();
        wanted.is_none_or(|it| it.pieces().has(piece))
    }

    /// The pieces that we do not look for: those we have or do not want.
    pub(super) fn settled(&self) -> &Bitfield {
        self.needs.as_ref().map_or(&self.have, |it| &it.settled)
    }

    /// Updates what depends on the pieces that we have, after one came or was lost.
    pub(super) fn note_need(&mut self, piece: PieceIndex, here: bool) {
        let wanted = self.is_wanted(piece);
        match &mut self.needs {
            Some(needs) if here => needs.settle(piece),
            Some(needs) if wanted => needs.unsettle(piece),
            _ => {}
        }
        self.done = match &self.needs {
            None => self.is_complete(),
            Some(needs) => needs.lacking == 0,
        };
    }

    /// Priority of `piece`: pieces with lower ranks come first.
    pub(super) fn rank(&self, piece: PieceIndex) -> usize {
        let wanted = self.config.wanted.as_ref();
        wanted.map_or(0, |it| it.rank(piece))
    }

    /// Picks a piece to begin with `peer` among the `allowed` ones: from the most urgent rank in
    /// which the peer has a piece.
    pub(super) fn pick_piece(
        &mut self,
        peer: PeerKey,
        allowed: Option<&Bitfield>,
        progress: Progress,
    ) -> Option<PieceIndex> {
        let left = self.without_defaults(peer);
        let unbegun = left.as_ref().unwrap_or(&self.unbegun);
        let under_choke = allowed.map(|it| it.both(unbegun));
        let unbegun = under_choke.as_ref().unwrap_or(unbegun);
        let view = PickView {
            unbegun: unbegun.words(),
            peer_has: self.remotes.set(peer),
            availability: &self.availability,
            progress,
        };
        if let Some(next) = self.next_in_line(peer, unbegun) {
            return Some(next);
        }
        let Some(wanted) = self.config.wanted.as_ref() else {
            return self.picker.pick(&view, &mut self.pick_rng);
        };
        for (_, rank) in wanted.ranks() {
            let both = view.unbegun.iter().zip(rank.words());
            let both: Vec<u64> = both.map(|(one, other)| one & other).collect();
            let view = PickView {
                unbegun: &both,
                ..view
            };
            // Ask the picker only if there is a candidate: some pickers draw a random number even
            // without one.
            if view.candidates().next().is_some() {
                return self.picker.pick(&view, &mut self.pick_rng);
            }
        }
        None
    }
}
