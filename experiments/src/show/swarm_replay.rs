//! The swarm replay of `unchoke-replay`, with a still picture for readers without JavaScript.

mod still;

pub use unchoke_replay::{Film, Frame, Recorder, TooLarge, UNIT_BYTES};

/// A page that stands alone.
#[must_use]
pub fn page(film: Film) -> String {
    unchoke_replay::page::page(film, still::still)
}

/// A part of a page: at most one a page.
#[must_use]
pub fn fragment(film: Film) -> String {
    unchoke_replay::page::fragment(film, still::still)
}
