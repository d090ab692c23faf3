//! `unchoke-record`: records a session of the client and replays it into a new client.
//!
//! The same inputs must give the same outputs; otherwise the outputs depend on something besides the
//! inputs. The format is JSON Lines: first the settings of the client, then one line for each input
//! with its outputs. Messages are in wire form; outputs are debug text.
//!
//! A crate of its own, so that a program that only reads recordings needs no sockets.
//!
//! * [`Origin`] is what a client and its torrent are made from, [`tuning`] a part of it.
//! * [`Recorder`] writes a recording, [`Replay`] reads one.
//! * [`policies`] lists the choking policies, including those of a program that uses this library.

mod head;
mod line;
mod origin;
pub mod policies;
mod possible;
mod recorder;
mod replay;
pub mod tuning;

pub use origin::{Origin, OriginError, base_config};
pub use recorder::Recorder;
pub use replay::{Replay, ReplayError, Step, replay};

/// Whether a file that begins like this is a recording, of any version of the format.
#[must_use]
pub fn is_recording(beginning: &[u8]) -> bool {
    // The version is the first key of the head.
    beginning.starts_with(b"{\"format\":")
}
