//! The rarest pieces of each peer, for torrents with very many pieces.
//!
//! The rarest piece is found by a scan of all pieces. With a million pieces that takes milliseconds,
//! so one scan lists thousands of pieces, which the next picks take from the list.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::PickView;
use crate::ids::{PeerKey, PieceIndex};
use crate::rng::Rng;

/// With fewer pieces no lists are needed: each pick may be a scan.
pub(super) const MANY_PIECES: usize = 1 << 15;

/// Most pieces in a list. A scan of 2^20 pieces takes a few thousand times as long as taking a piece
/// from a list.
const LISTED: usize = 8192;

/// Pieces with at least this many copies count as equally rare.
const MOST_COPIES: usize = 255;

/// The lists of all peers, by peer key. A piece is with its number of copies at the time of the scan;
/// the rarest one is last.
#[derive(Clone, Debug, Default)]
pub(super) struct Shortlists(Vec<Vec<(u16, PieceIndex)>>);

impl Shortlists {
    /// The candidate that had the fewest copies at the time of a recent scan of the peer's pieces,
    /// and has not more since. `None` if there is no candidate.
    pub(super) fn rarest(&mut self, view: &PickView<'_>, rng: &mut Rng) -> Option<PieceIndex> {
        let peer = view.progress.peer.0 as usize;
        if self.0.len() <= peer {
            self.0.resize_with(peer + 1, Vec::new);
        }
        let list = &mut self.0[peer];
        if let Some(piece) = next(list, view) {
            return Some(piece);
        }
        *list = scan(view, rng);
        next(list, view)
    }

    /// Drops the list of a peer whose connection is closed: its key may be given to another peer.
    pub(super) fn forget(&mut self, peer: PeerKey) {
        if let Some(list) = self.0.get_mut(peer.0 as usize) {
            *list = Vec::new();
        }
    }
}

/// Takes the next piece from a list that is still a candidate and as rare as it was.
fn next(list: &mut Vec<(u16, PieceIndex)>, view: &PickView<'_>) -> Option<PieceIndex> {
    while let Some((copies, piece)) = list.pop() {
        if view.is_candidate(piece) && view.availability[piece.0 as usize] <= copies {
            return Some(piece);
        }
    }
    None
}

/// Lists the rarest candidates, equally rare ones in random order.
fn scan(view: &PickView<'_>, rng: &mut Rng) -> Vec<(u16, PieceIndex)> {
    let copies = |piece: PieceIndex| view.availability[piece.0 as usize];
    let class = |piece: PieceIndex| usize::from(copies(piece)).min(MOST_COPIES);
    let mut counts = [0_usize; MOST_COPIES + 1];
    for piece in view.candidates() {
        counts[class(piece)] += 1;
    }
    // All pieces below this class fit in the list, and some of it.
    let (mut border, mut room) = (0, LISTED);
    while border < MOST_COPIES && counts[border] <= room {
        room -= counts[border];
        border += 1;
    }
    // One piece of each group of this many that follow one another in the class.
    let group = counts[border].div_ceil(room.max(1)).max(1);
    let (mut seen, mut chosen) = (0, 0);
    let mut list = Vec::with_capacity(LISTED.min(counts.iter().sum()));
    for piece in view.candidates() {
        let class = class(piece);
        let mut take = class < border;
        if class == border && room > 0 {
            if seen % group == 0 {
                chosen = rng.index(group);
            }
            take = seen % group == chosen;
            seen += 1;
        }
        if take {
            list.push((copies(piece), piece));
        }
    }
    rng.shuffle(&mut list);
    list.sort_by_key(|(copies, _)| Reverse(*copies));
    list
}
