//! The Diffie-Hellman exchange, and the hashes of its secret.

use crypto_bigint::modular::ConstMontyForm;
use crypto_bigint::{U768, const_monty_params};
use sha1::{Digest as _, Sha1};

use super::cipher::{Cipher, Ciphers};
use super::{KEY_BYTES, MseError};
use crate::ids::InfoHash;

const_monty_params!(
    Prime,
    U768,
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74\
     020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437\
     4FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563",
    "The prime of MSE: 768 bits."
);

type Residue = ConstMontyForm<Prime, { U768::LIMBS }>;

const GENERATOR: U768 = U768::from_u8(2);

fn prime() -> U768 {
    *Residue::MODULUS.as_ref()
}

/// Our half of an exchange.
#[derive(Clone)]
pub(super) struct PrivateKey([u8; 20]);

impl PrivateKey {
    pub(super) fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    fn raise(&self, base: &U768) -> [u8; KEY_BYTES] {
        let mut exponent = [0; KEY_BYTES];
        exponent[KEY_BYTES - self.0.len()..].copy_from_slice(&self.0);
        let exponent = U768::from_be_slice(&exponent);
        let power = Residue::new(base)
            .pow_bounded_exp(&exponent, 160)
            .retrieve();
        let encoded = power.to_be_bytes();
        let mut bytes = [0; KEY_BYTES];
        bytes.copy_from_slice(encoded.as_ref());
        bytes
    }

    /// The public key to send.
    pub(super) fn public(&self) -> [u8; KEY_BYTES] {
        self.raise(&GENERATOR)
    }

    /// The secret that both sides can compute.
    pub(super) fn agree(&self, theirs: &[u8; KEY_BYTES]) -> Result<Secret, MseError> {
        let theirs = U768::from_be_slice(theirs);
        let least = U768::from_u8(2);
        if theirs < least || theirs > prime().wrapping_sub(&least) {
            return Err(MseError::KeyOutOfRange);
        }
        Ok(Secret(self.raise(&theirs)))
    }
}

/// The shared secret, `S`.
pub(super) struct Secret([u8; KEY_BYTES]);

/// SHA-1 over the concatenated parts.
fn hash(parts: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl Secret {
    /// The mark after the first pad of the initiator.
    pub(super) fn mark(&self) -> [u8; 20] {
        hash(&[b"req1", &self.0])
    }

    /// The masked hash of a torrent. Only peers that know the torrent can recognise it.
    pub(super) fn name(&self, torrent: InfoHash) -> [u8; 20] {
        let (name, mask) = (hash(&[b"req2", &torrent.0]), hash(&[b"req3", &self.0]));
        core::array::from_fn(|i| name[i] ^ mask[i])
    }

    /// Ciphers from the initiator to the acceptor, and back.
    fn ciphers(&self, torrent: InfoHash) -> (Cipher, Cipher) {
        let key = |name: &[u8]| Cipher::new(&hash(&[name, &self.0, &torrent.0]));
        (key(b"keyA"), key(b"keyB"))
    }

    pub(super) fn of_initiator(&self, torrent: InfoHash) -> Ciphers {
        let (outgoing, incoming) = self.ciphers(torrent);
        Ciphers { incoming, outgoing }
    }

    pub(super) fn of_acceptor(&self, torrent: InfoHash) -> Ciphers {
        let (incoming, outgoing) = self.ciphers(torrent);
        Ciphers { incoming, outgoing }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use core::fmt::Write as _;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes all");
            text
        })
    }

    // Computed independently of this code, with the constants that libtorrent, Transmission and
    // aria2 use.
    const YA: &str = "96e112dab29e8c5272accb9b17b26887ce54a144a4e3b697c7d159b7a817e556b0918db2b4c658e0\
        2a87f7e5fb14b18a553e084cbf3dad2d30f16596ccb982d406258c61b30c5c1dae2ddc60bdbd48d79896312aad63238c\
        39e1a633821eb693";
    const S: &str = "d05ed96a95215a89b44073afe5d0b1626289ac01cff7849392948b2470b346547e944d7562a897ae\
        86976bc389999083ec09572dbdc8ed7f6a0a86a1aa42a3ca04209b72d8239890360435640643b76479ed7836f1857963\
        fcc7cb72084c3ab4";

    #[test]
    fn a_known_exchange_gives_the_known_secret_and_hashes() {
        let a = PrivateKey::new(core::array::from_fn(|i| {
            1 + u8::try_from(i).expect("below 20")
        }));
        let b = PrivateKey::new(core::array::from_fn(|i| {
            0x65 + u8::try_from(i).expect("below 20")
        }));
        assert_eq!(hex(&a.public()), YA);
        let secret = a.agree(&b.public()).expect("a good key");
        let same = b.agree(&a.public()).expect("a good key");
        assert_eq!((hex(&secret.0).as_str(), secret.0), (S, same.0));
        assert_eq!(
            hex(&secret.mark()),
            "78fffb0f23055a793ff7609f359e04e383ec3505"
        );
        let torrent = InfoHash([0xaa; 20]);
        let name = "f2f74cb293cbfc230fbc6707cd5dca1d7ea0e6fd";
        assert_eq!(hex(&secret.name(torrent)), name);
        let mut stream = [0; 16];
        secret.of_initiator(torrent).outgoing.apply(&mut stream);
        assert_eq!(hex(&stream), "e50e282022084479e72308e7a3a4e880");
    }

    #[test]
    fn keys_that_give_the_secret_away_are_refused() {
        let own = PrivateKey::new([7; 20]);
        let below = |less: u8| {
            let key = prime().wrapping_sub(&U768::from_u8(less)).to_be_bytes();
            let mut bytes = [0; KEY_BYTES];
            bytes.copy_from_slice(key.as_ref());
            bytes
        };
        let small = |value: u8| {
            let mut bytes = [0; KEY_BYTES];
            bytes[KEY_BYTES - 1] = value;
            bytes
        };
        for bad in [small(0), small(1), below(1), below(0), [0xff; KEY_BYTES]] {
            assert_eq!(own.agree(&bad).err(), Some(MseError::KeyOutOfRange));
        }
        for good in [small(2), below(2)] {
            assert!(own.agree(&good).is_ok());
        }
    }
}
