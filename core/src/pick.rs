//! Picking: which piece to begin next. Sharing a begun piece among peers, endgame and cancels are
//! the same for every picker and live in [`crate::torrent`].

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::bitfield::bits_of;
use crate::ids::PieceIndex;
use crate::rng::Rng;

mod libtorrent;
mod rarest_first;
mod registry;
mod simple;

pub use libtorrent::Libtorrent;
pub use rarest_first::RarestFirst;
pub use registry::{PICKERS, build};
pub use simple::{Duplicate, RandomPiece, Sequential};

/// What a picker may know.
#[derive(Clone, Copy, Debug)]
pub struct PickView<'a> {
    /// Pieces we lack and have not begun, as 64-bit words.
    pub unbegun: &'a [u64],
    /// Pieces the peer has, as 64-bit words.
    pub peer_has: &'a [u64],
    /// Copies of each piece among connected peers.
    pub availability: &'a [u16],
    /// How far we are.
    pub progress: Progress,
}

/// How far the download is, and how the peer in question delivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Pieces we have.
    pub have_count: u32,
    /// Pieces that are begun and not yet verified.
    pub begun_count: u32,
    /// Blocks of a whole piece.
    pub piece_blocks: u32,
    /// Open connections.
    pub peer_count: u32,
    /// The peer owes us a block and sent none for long.
    pub snubbed: bool,
}

/// A begun piece that a peer could go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The piece.
    pub piece: PieceIndex,
    /// Copies of it among connected peers.
    pub copies: u16,
    /// Blocks of it that are neither here nor asked for.
    pub free: u32,
}

/// How a picker treats pieces that are begun. The default is mainline's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// A seed goes on only with pieces of which a seed was asked for a block. Other leechers can
    /// finish their own pieces; if the only seed does it for them, it releases new pieces later.
    /// Mainline 4.0 `PiecePicker.next`.
    pub spares_seeds: bool,
    /// Of begun pieces with as many copies, the fullest comes first. Otherwise the first one listed.
    pub fullest_first: bool,
    /// With a snubbed peer the begun piece with the most copies comes first, not the rarest.
    pub reverses_for_snubbed: bool,
    /// A peer that could deliver a whole piece in this time has its pieces to itself, so many in a row
    /// as it could deliver.
    pub whole_within: Option<Duration>,
    /// How fast a peer delivers is averaged over seconds: weight of the newest one, in 1/65536. It decides
    /// how much a peer is asked for ahead, and who could deliver a whole piece.
    pub newest_second: u32,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            spares_seeds: true,
            fullest_first: false,
            reverses_for_snubbed: false,
            whole_within: None,
            // A time constant of 2 s, so that it follows the first seconds after an unchoke:
            // 65536 * (1 - exp(-1/2)).
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
}

/// A piece picker.
pub trait PickPolicy: fmt::Debug + Send {
    /// A piece of [`PickView::candidates`], or `None` if there is none.
    fn pick(&mut self, view: &PickView<'_>, rng: &mut Rng) -> Option<PieceIndex>;

    /// How it treats pieces that are begun.
    fn habits(&self) -> Habits {
        Habits::default()
    }

    /// Whether to begin a piece with the peer although it could go on with `begun`. Never with
    /// strict priority, Cohen 2003 §2.4.1.
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
