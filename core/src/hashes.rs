//! Exchange of merkle hashes between peers. It is for peers that have only an info dictionary. BEP
//! 52, *peer messages* 21 to 23.
//!
//! [`Fetch`] requests the piece layers, which a magnet link does not provide, and proves the
//! answers. [`Serve`] answers requests of peers. Both are pure, as in [`crate::metadata`].

mod fetch;
mod serve;

pub use fetch::{Fetch, Violation};
pub use serve::Serve;

/// Most hashes to request at a time. BEP 52: "length SHOULD NOT be greater than 512".
const MAX_LENGTH: u32 = 512;
