//! Picking: which piece to begin next. All other parts of downloading, such as sharing a begun
//! piece among peers, endgame and cancels, are the same for every picker and are in
//! [`crate::torrent`].

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::bitfield::bits_of;
use crate::ids::{PeerKey, PieceIndex};
use crate::rng::Rng;

mod libtorrent;
mod rarest_first;
mod registry;
mod shortlist;
mod simple;

pub use libtorrent::Libtorrent;
pub use rarest_first::RarestFirst;
pub use registry::{PICKERS, build};
pub use simple::{Duplicate, RandomPiece, Sequential};

/// What a picker can know.
#[derive(Clone, Copy, Debug)]
pub struct PickView<'a> {
    /// Pieces we lack and have not begun, as 64-bit words.
    pub unbegun: &'a [u64],
    /// Pieces the peer has, as 64-bit words.
    pub peer_has: &'a [u64],
    /// Copies of each piece among connected peers.
    pub availability: &'a [u16],
    /// State of the download.
    pub progress: Progress,
}

/// State of the download, and how the peer delivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Number of pieces we have.
    pub have_count: u32,
    /// Number of pieces that are begun and not yet verified.
    pub begun_count: u32,
    /// Number of blocks of a whole piece.
    pub piece_blocks: u32,
    /// Number of open connections.
    pub peer_count: u32,
    /// The peer to request from.
    pub peer: PeerKey,
    /// The peer chokes us: only pieces that it allows all the same are candidates. BEP 6.
    pub choked: bool,
    /// The peer owes us a block and has sent none for long.
    pub snubbed: bool,
}

/// A begun piece that the peer could continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The piece.
    pub piece: PieceIndex,
    /// Copies of it among connected peers.
    pub copies: u16,
    /// Number of its blocks that are neither here nor requested.
    pub free: u32,
}

/// How a picker treats begun pieces. The default is mainline's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// A seed continues only pieces of which we already requested a block from a seed. Other
    /// leechers can finish their own pieces; if the only seed does it for them, it releases new
    /// pieces later. Mainline 4.0 `PiecePicker.next`.
    pub spares_seeds: bool,
    /// Among begun pieces with equally many copies, the fullest comes first. Otherwise the first
    /// one listed.
    pub fullest_first: bool,
    /// For a snubbed peer the begun piece with the most copies comes first, not the rarest.
    pub reverses_for_snubbed: bool,
    /// A peer that could deliver a whole piece in this time gets its pieces to itself, as many in a
    /// row as it could deliver.
    pub whole_within: Option<Duration>,
    /// Weight of the newest second in the average of a peer's rate, in 1/65536. The average decides
    /// how much is requested ahead from a peer, and whether the peer could deliver a whole piece.
    pub newest_second: u32,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            spares_seeds: true,
            fullest_first: false,
            reverses_for_snubbed: false,
            whole_within: None,
            // A time constant of 2 s, so that the average follows the first seconds after an
            // unchoke: 65536 * (1 - exp(-1/2)).
            newest_second: 25_787,
        }
    }
}

impl PickView<'_> {
    /// Pieces that could be begun with this peer, ascending.
    pub fn candidates(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        let words = self.unbegun.iter().zip(self.peer_has).enumerate();
        words.flat_map(|(i, (unbegun, has))| bits_of(i, unbegun & has))
    }

    fn is_candidate(&self, piece: PieceIndex) -> bool {
        let place = piece.0 as usize;
        let word = self.unbegun[place / 64] & self.peer_has[place / 64];
        word >> (place % 64) & 1 == 1
    }
}

/// A piece picker.
pub trait PickPolicy: fmt::Debug + Send {
    /// A piece of [`PickView::candidates`], or `None` if there is none.
    fn pick(&mut self, view: &PickView<'_>, rng: &mut Rng) -> Option<PieceIndex>;

    /// The connection to the peer is closed; another peer may get its key.
    fn forget(&mut self, _peer: PeerKey) {}

    /// How the picker treats begun pieces.
    fn habits(&self) -> Habits {
        Habits::default()
    }

    /// Whether to begin a piece with the peer instead of continuing `begun`. Never with strict
    /// priority, Cohen 2003 §2.4.1.
    fn begins_anew(&self, _begun: Begun, _view: &PickView<'_>) -> bool {
        false
    }

    /// Most copies of a block to request at a time before the endgame; 1 for every deployed client.
    fn copies(&self) -> u8 {
        1
    }
}

/// A picker on the heap.
pub type BoxedPicker = Box<dyn PickPolicy>;
