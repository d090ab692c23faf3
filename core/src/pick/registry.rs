//! The pickers by name.

use alloc::boxed::Box;

use super::{BoxedPicker, Duplicate, Libtorrent, RandomPiece, RarestFirst, Sequential};

/// Ids of every picker.
pub const PICKERS: &[&str] = &[
    "rarest_first",
    "random",
    "sequential",
    "duplicate",
    "libtorrent",
];

/// The picker `id`, if there is one.
#[must_use]
pub fn build(id: &str) -> Option<BoxedPicker> {
    match id {
        "rarest_first" => Some(Box::new(RarestFirst::default())),
        "random" => Some(Box::new(RandomPiece)),
        "sequential" => Some(Box::new(Sequential)),
        "duplicate" => Some(Box::new(Duplicate::default())),
        "libtorrent" => Some(Box::new(Libtorrent::default())),
        _ => None,
    }
}
