//! Picking: which piece to begin next. Sharing a begun piece among peers, endgame and cancels are
//! the same for every picker and live in [`crate::torrent`].

use alloc::boxed::Box;
use core::fmt;

use crate::bitfield::bits_of;
use crate::ids::PieceIndex;
use crate::rng::Rng;

mod rarest_first;
mod registry;
mod simple;

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
    /// Pieces we have.
    pub have_count: u32,
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

    /// Most copies of a block to request at a time before the endgame; 1 for every deployed client.
    fn copies(&self) -> u8 {
        1
    }
}

/// A picker on the heap.
pub type BoxedPicker = Box<dyn PickPolicy>;
