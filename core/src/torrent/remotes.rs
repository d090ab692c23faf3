//! Which pieces each peer has. This is separate from the rest of a connection for speed: most
//! messages are `have`s, and most `have`s touch only the row here.

use alloc::vec::Vec;

use crate::bitfield::{Bitfield, bits_of, has_bit, set_bit, word_count};
use crate::ids::{PeerKey, PieceIndex};
use crate::time::Instant;

/// Words before the set: when the last `have` came, and the number of pieces in the set.
const HEAD: usize = 2;

/// A row for each connection, indexed by `PeerKey`: the head, then the set. Rows without a
/// connection are zero.
#[derive(Debug)]
pub(super) struct Remotes {
    rows: Vec<u64>,
    words: usize,
}

impl Remotes {
    pub(super) fn new(piece_count: u32) -> Self {
        Self {
            rows: Vec::new(),
            words: word_count(piece_count),
        }
    }

    /// Words of a set.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    fn start(&self, peer: PeerKey) -> usize {
        peer.0 as usize * (HEAD + self.words)
    }

    /// Allocates memory for `count` more connections.
    pub(super) fn reserve(&mut self, count: usize) {
        self.rows.reserve_exact(count * (HEAD + self.words));
    }

    /// Adds a row for one more connection.
    pub(super) fn push(&mut self) {
        let end = self.rows.len() + HEAD + self.words;
        self.rows.resize(end, 0);
    }

    fn row(&mut self, peer: PeerKey) -> &mut [u64] {
        let (start, width) = (self.start(peer), HEAD + self.words);
        &mut self.rows[start..start + width]
    }

    /// The pieces of `peer`.
    pub(super) fn set(&self, peer: PeerKey) -> &[u64] {
        let start = self.start(peer) + HEAD;
        &self.rows[start..start + self.words]
    }

    pub(super) fn has(&self, peer: PeerKey, piece: PieceIndex) -> bool {
        has_bit(self.set(peer), piece)
    }

    /// Number of pieces of `peer`.
    #[inline]
    pub(super) fn count(&self, peer: PeerKey) -> u32 {
        u32::try_from(self.rows[self.start(peer) + 1]).expect("at most all pieces")
    }

    /// Reads the head of a row and the word with `piece`, so that the processor fetches them early.
    #[inline]
    pub(super) fn look_at(&self, peer: PeerKey, piece: PieceIndex) -> u64 {
        let start = self.start(peer);
        let word = start + HEAD + piece.0 as usize / 64;
        self.rows[start] ^ self.rows.get(word).copied().unwrap_or_default()
    }

    /// When the last `have` of `peer` came; the start of the run if none did.
    pub(super) fn last_have_at(&self, peer: PeerKey) -> Instant {
        Instant::from_nanos(self.rows[self.start(peer)])
    }

    /// Adds a piece for a `have`; false if the peer was known to have it.
    #[inline]
    pub(super) fn insert(&mut self, now: Instant, peer: PeerKey, piece: PieceIndex) -> bool {
        let row = self.row(peer);
        row[0] = now.as_nanos();
        let new = set_bit(&mut row[HEAD..], piece);
        row[1] += u64::from(new);
        new
    }

    /// Removes `piece` from the set of `peer`; false if it was not there.
    pub(super) fn remove(&mut self, peer: PeerKey, piece: PieceIndex) -> bool {
        let row = self.row(peer);
        let (word, bit) = (&mut row[HEAD + piece.0 as usize / 64], 1 << (piece.0 % 64));
        let had = *word & bit != 0;
        *word &= !bit;
        row[1] -= u64::from(had);
        had
    }

    /// Removes all pieces of `peer`.
    pub(super) fn clear(&mut self, peer: PeerKey) {
        self.row(peer).fill(0);
    }

    /// Replaces the pieces of `peer`.
    pub(super) fn replace(&mut self, peer: PeerKey, set: &Bitfield) {
        let row = self.row(peer);
        row[1] = u64::from(set.count());
        row[HEAD..].copy_from_slice(set.words());
    }

    /// Adds or removes one copy of each piece of `peer` in `copies`.
    pub(super) fn count_copies(&self, peer: PeerKey, copies: &mut [u16], more: bool) {
        for (i, word) in self.set(peer).iter().enumerate() {
            for piece in bits_of(i, *word) {
                let copies = &mut copies[piece.0 as usize];
                *copies = if more { *copies + 1 } else { *copies - 1 };
            }
        }
    }

    /// Number of pieces that `peer` has and `have` lacks.
    pub(super) fn wanted(&self, peer: PeerKey, have: &Bitfield) -> u32 {
        self.beside(peer, have).map(u64::count_ones).sum()
    }

    /// Whether `peer` has a piece that is not in `have`.
    pub(super) fn wants(&self, peer: PeerKey, have: &Bitfield) -> bool {
        self.beside(peer, have).any(|it| it != 0)
    }

    /// Whether `peer` has a piece of `set`, a bit set in 64-bit words.
    pub(super) fn has_of(&self, peer: PeerKey, set: &[u64]) -> bool {
        self.within(peer, set).any(|it| it != 0)
    }

    /// The pieces of `peer` that are in such a `set`, ascending.
    pub(super) fn pieces_of<'a>(
        &'a self,
        peer: PeerKey,
        set: &'a [u64],
    ) -> impl Iterator<Item = PieceIndex> + 'a {
        let words = self.within(peer, set).enumerate();
        words.flat_map(|(i, word)| bits_of(i, word))
    }

    fn within<'a>(&'a self, peer: PeerKey, set: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
        let words = self.set(peer).iter().zip(set);
        words.map(|(theirs, others)| theirs & others)
    }

    fn beside(&self, peer: PeerKey, have: &Bitfield) -> impl Iterator<Item = u64> {
        let words = self.set(peer).iter().zip(have.words());
        words.map(|(theirs, ours)| theirs & !ours)
    }
}
