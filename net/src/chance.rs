//! Random values from the operating system, for peer ids, keys and seeds. Random streams derived
//! from a seed belong to the core.

use unchoke_core::ids::PeerId;

/// Fills `bytes` with random bytes from the operating system.
///
/// # Panics
///
/// If the operating system provides no randomness. This does not happen on supported systems after
/// boot.
pub fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system provides randomness");
}

/// 64 unpredictable random bits.
#[must_use]
pub fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A new peer id in the style of BEP 20: `-UK`, the version, `-`, 12 random digits.
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
