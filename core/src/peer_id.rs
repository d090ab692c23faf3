//! Our peer ids. BEP 20.

use crate::ids::PeerId;

/// First bytes of our peer ids: the two letters of this client and its version, 0.1.0.0.
pub const PREFIX: [u8; 8] = *b"-UC0100-";

/// A peer id in Azureus style: [`PREFIX`] and 12 random bytes.
#[must_use]
pub fn peer_id(random: [u8; 12]) -> PeerId {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(&PREFIX);
    bytes[8..].copy_from_slice(&random);
    PeerId(bytes)
}
