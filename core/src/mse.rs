//! Message stream encryption (MSE, also called PE): bytes in, bytes out.
//!
//! It hides the BitTorrent handshake from equipment that looks for it. It is only obfuscation:
//! there is no authentication, and RC4 and 768-bit keys are weak today. The protocol has no BEP;
//! these are the rules of the Azureus wiki as deployed by libtorrent, Transmission and rTorrent:
//!
//! ```text
//! 1  A -> B   Ya PadA
//! 2  B -> A   Yb PadB
//! 3  A -> B   H("req1" S)  H("req2" SKEY) xor H("req3" S)
//!             enc_A{ VC, crypto_provide, len PadC, PadC, len IA, IA }
//! 4  B -> A   enc_B{ VC, crypto_select, len PadD, PadD }
//! ```
//!
//! `S` is the shared secret, `SKEY` the info-hash, `VC` eight zero bytes and `IA` the first payload
//! of A. [`Initiator`] is A and [`Acceptor`] is B. The driver hands in what it receives, sends what
//! comes back, and is done when it gets [`Established`]. Neither machine reads randomness: the
//! driver draws [`Entropy`].
//!
//! Deliberately not here: timeouts, the choice between plain and encrypted attempts, and the
//! BitTorrent handshake itself.

use alloc::vec::Vec;

use crate::ids::InfoHash;

mod acceptor;
mod cipher;
mod initiator;
mod keys;

pub use acceptor::Acceptor;
pub use cipher::{Cipher, Ciphers};
pub use initiator::Initiator;

/// Bytes of a public key and of the shared secret.
pub const KEY_BYTES: usize = 96;

/// A pad is at most this long.
pub const MAX_PAD_BYTES: usize = 512;

/// Longest first payload that we accept inside the handshake of a peer. Usually it is the 68 bytes
/// of a BitTorrent handshake, and libtorrent closes the connection if it is longer; some clients
/// add messages.
pub const MAX_INITIAL_BYTES: usize = 1024;

/// The first bytes of a BitTorrent handshake in the clear. Other bytes must be a public key.
pub const PLAIN_PREFIX: &[u8; 20] = b"\x13BitTorrent protocol";

/// The verification constant. It proves that both sides have the same keys.
const VERIFICATION: [u8; 8] = [0; 8];

/// How the payload after the handshake may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Methods {
    /// In the clear.
    pub plaintext: bool,
    /// Encrypted with RC4.
    pub rc4: bool,
}

impl Methods {
    /// Either. The acceptor then chooses plaintext: the handshake is hidden anyway, and RC4 over
    /// all payload would cost more than all other work of a client.
    pub const BOTH: Self = Self {
        plaintext: true,
        rc4: true,
    };

    /// Encrypted payload only.
    pub const RC4: Self = Self {
        plaintext: false,
        rc4: true,
    };

    fn bits(self) -> u32 {
        u32::from(self.plaintext) | u32::from(self.rc4) << 1
    }

    fn from_bits(bits: u32) -> Self {
        Self {
            plaintext: bits & 1 != 0,
            rc4: bits & 2 != 0,
        }
    }

    /// The methods that both sides allow.
    fn and(self, other: Self) -> Self {
        Self {
            plaintext: self.plaintext && other.plaintext,
            rc4: self.rc4 && other.rc4,
        }
    }
}

/// Random numbers for one handshake, drawn by the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entropy {
    /// The private key: 160 bits.
    pub private_key: [u8; 20],
    /// Sent after our public key; at most [`MAX_PAD_BYTES`].
    pub first_pad: Vec<u8>,
    /// Sent inside our encrypted message; at most [`MAX_PAD_BYTES`].
    pub second_pad: Vec<u8>,
}

/// What to do after receiving bytes.
#[derive(Debug)]
pub struct Progress {
    /// Send these bytes; may be empty.
    pub send: Vec<u8>,
    /// The handshake is over.
    pub established: Option<Established>,
}

impl Progress {
    fn more(send: Vec<u8>) -> Self {
        Self {
            send,
            established: None,
        }
    }
}

/// The result of a handshake.
#[derive(Debug)]
pub struct Established {
    /// The torrent of the connection.
    pub info_hash: InfoHash,
    /// Ciphers for all following bytes; `None` if the payload is plaintext.
    pub ciphers: Option<Ciphers>,
    /// Payload of the peer that has arrived already, in the clear.
    pub early: Vec<u8>,
}

/// One side of the handshake, as a driver sees it.
pub trait Exchange {
    /// Takes in what was received. After an error the connection must be closed.
    fn receive(&mut self, bytes: &[u8]) -> Result<Progress, MseError>;
}

/// Why there is no encrypted connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MseError {
    /// A public key outside 2 to P - 2, which would reveal the secret. libtorrent checks this too.
    #[error("the public key is out of range")]
    KeyOutOfRange,
    /// The peer answered an encrypted handshake in the clear.
    #[error("the peer speaks only the plain protocol")]
    PlainReply,
    /// The mark after the pad did not come within the longest pad.
    #[error("no synchronisation mark within {MAX_PAD_BYTES} bytes of padding")]
    NoMark,
    /// The peer names a torrent that we do not have.
    #[error("the peer means an unknown torrent")]
    UnknownTorrent,
    /// The keys of the two sides differ.
    #[error("the verification constant is wrong")]
    Verification,
    /// A pad is longer than allowed.
    #[error("a pad of {0} bytes")]
    LongPad(u16),
    /// The first payload is longer than any handshake.
    #[error("{0} bytes of first payload inside the handshake")]
    LongInitial(u16),
    /// The two sides have no payload method in common.
    #[error("no common method: the peer allows {theirs:#x}")]
    NoCommonMethod {
        /// The bits that the peer sent.
        theirs: u32,
    },
    /// The peer selected a method that was not offered.
    #[error("the peer selected method {0:#x}, which was not offered")]
    BadSelection(u32),
}

/// Position of `mark` in `bytes`, if it starts within the longest pad; `Ok(None)` while more bytes
/// are needed.
fn find_mark(bytes: &[u8], mark: &[u8]) -> Result<Option<usize>, MseError> {
    let searched = &bytes[..bytes.len().min(MAX_PAD_BYTES + mark.len())];
    let found = searched.windows(mark.len()).position(|it| it == mark);
    if found.is_none() && searched.len() == MAX_PAD_BYTES + mark.len() {
        return Err(MseError::NoMark);
    }
    Ok(found)
}
