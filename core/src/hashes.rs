//! Hashes of merkle trees from peers, for those who have only an info dictionary, and to them.
//! BEP 52, *peer messages* 21 to 23.
//!
//! [`Fetch`] asks for the piece layers that a magnet link does not bring, and proves what comes;
//! [`Serve`] answers peers that ask. Both are pure, as in [`crate::metadata`].

mod fetch;
mod serve;

pub use fetch::{Fetch, Violation};
pub use serve::Serve;

/// Most hashes that are asked for at a time. BEP 52: "length SHOULD NOT be greater than 512".
const MAX_LENGTH: u32 = 512;
