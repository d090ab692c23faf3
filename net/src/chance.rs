//! Randomness for names, keys and seeds. Everything drawn from a seed is the business of the core.

use unchoke_core::ids::PeerId;

/// Fills `bytes` with random bytes of the system.
///
/// # Panics
///
/// If the system has no randomness, which no supported system does after it has started.
pub fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system provides randomness");
}

/// Sixty-four bits that nobody can foresee.
#[must_use]
pub fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A fresh name for this client in the style of BEP 20: `-UK`, the version, `-`, 12 random digits.
#[must_use]
pub fn peer_id() -> PeerId {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijkmnpqrstuvwx";
    let mut id = *b"-UK0100-000000000000";
    let mut random = random_u64();
    for byte in &mut id[8..] {
        *byte = DIGITS[(random % 32) as usize];
        random /= 32;
    }
    PeerId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_are_text() {
        let (one, other) = (peer_id(), peer_id());
        assert_ne!(one, other);
        assert!(one.0.iter().all(u8::is_ascii_graphic));
    }
}
