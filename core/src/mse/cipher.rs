//! RC4 as MSE uses it.

use core::fmt;

use rc4::{KeyInit as _, Rc4, StreamCipher as _};

/// First bytes of keystream to discard, because they leak the key.
const DISCARDED: usize = 1024;

/// The keystream of one direction.
pub struct Cipher(Rc4);

impl Cipher {
    pub(super) fn new(key: &[u8; 20]) -> Self {
        let mut cipher = Rc4::new_from_slice(key).expect("RC4 takes keys of 1 to 256 bytes");
        cipher.apply_keystream(&mut [0; DISCARDED]);
        Self(cipher)
    }

    /// Encrypts or decrypts `bytes` in place; the order of calls is the order of the stream.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

// Debug output shows no keys, because keys do not belong in logs.
impl fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cipher")
    }
}

/// The keystreams of both directions.
#[derive(Debug)]
pub struct Ciphers {
    /// Decrypts received bytes.
    pub incoming: Cipher,
    /// Encrypts bytes to send.
    pub outgoing: Cipher,
}
