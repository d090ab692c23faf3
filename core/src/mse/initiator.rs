//! The side that opened the connection.

use alloc::vec::Vec;
use core::mem;

use super::cipher::Ciphers;
use super::keys::PrivateKey;
use super::{
    Entropy, Established, Exchange, KEY_BYTES, MAX_PAD_BYTES, Methods, MseError, PLAIN_PREFIX,
    Progress, VERIFICATION, find_mark,
};
use crate::ids::InfoHash;

/// `crypto_select` and the length of the pad.
const ANSWER_BYTES: usize = 6;

/// Opens an encrypted connection.
#[derive(Debug)]
pub struct Initiator {
    info_hash: InfoHash,
    offer: Methods,
    received: Vec<u8>,
    stage: Stage,
}

enum Stage {
    /// Waits for the public key of the peer.
    Key(Opening),
    /// Waits for the end of the pad of the peer.
    Mark { ciphers: Ciphers, mark: [u8; 8] },
    /// Waits for the selection.
    Answer { ciphers: Ciphers },
    /// Waits for the end of the last pad.
    Pad {
        ciphers: Ciphers,
        encrypted: bool,
        pad: usize,
    },
    /// Done or failed.
    Over,
}

impl core::fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            Self::Key(_) => "Key",
            Self::Mark { .. } => "Mark",
            Self::Answer { .. } => "Answer",
            Self::Pad { .. } => "Pad",
            Self::Over => "Over",
        })
    }
}

struct Opening {
    private: PrivateKey,
    pad: Vec<u8>,
    initial: Vec<u8>,
}

impl Initiator {
    /// Begins a handshake about `info_hash`. `initial` is the first payload: the BitTorrent
    /// handshake. Returns the bytes to send first.
    ///
    /// # Panics
    ///
    /// If a pad is longer than [`MAX_PAD_BYTES`] or `initial` longer than 65 535 bytes.
    #[must_use]
    pub fn new(
        info_hash: InfoHash,
        offer: Methods,
        entropy: Entropy,
        initial: Vec<u8>,
    ) -> (Self, Vec<u8>) {
        let longest = entropy.first_pad.len().max(entropy.second_pad.len());
        assert!(longest <= MAX_PAD_BYTES, "a pad of {longest} bytes");
        let private = PrivateKey::new(entropy.private_key);
        let mut first = private.public().to_vec();
        first.extend(entropy.first_pad);
        let stage = Stage::Key(Opening {
            private,
            pad: entropy.second_pad,
            initial,
        });
        let initiator = Self {
            info_hash,
            offer,
            received: Vec::new(),
            stage,
        };
        (initiator, first)
    }

    /// Answers the public key of the peer with step 3.
    fn on_key(&mut self, opening: &Opening) -> Result<Vec<u8>, MseError> {
        if self.received.starts_with(PLAIN_PREFIX) {
            return Err(MseError::PlainReply);
        }
        let theirs = self.received.first_chunk().expect("the whole key is here");
        let secret = opening.private.agree(theirs)?;
        self.received.drain(..KEY_BYTES);

        let mut ciphers = secret.of_initiator(self.info_hash);
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("checked").to_be_bytes();
        let mut message = VERIFICATION.to_vec();
        message.extend(self.offer.bits().to_be_bytes());
        message.extend(length(&opening.pad));
        message.extend(&opening.pad);
        message.extend(length(&opening.initial));
        message.extend(&opening.initial);
        ciphers.outgoing.apply(&mut message);

        let mut mark = VERIFICATION;
        ciphers.incoming.apply(&mut mark);
        self.stage = Stage::Mark { ciphers, mark };
        let mut send = secret.mark().to_vec();
        send.extend(secret.name(self.info_hash));
        send.extend(message);
        Ok(send)
    }

    /// Whether the payload is encrypted, and the length of the pad before it.
    fn on_answer(&mut self, ciphers: &mut Ciphers) -> Result<(bool, usize), MseError> {
        let mut answer: Vec<u8> = self.received.drain(..ANSWER_BYTES).collect();
        ciphers.incoming.apply(&mut answer);
        let (selected, pad) = answer.split_at(4);
        let selected = u32::from_be_bytes(selected.try_into().expect("four bytes"));
        let pad = u16::from_be_bytes(pad.try_into().expect("two bytes"));
        if !matches!(selected, 1 | 2) || selected & self.offer.bits() == 0 {
            return Err(MseError::BadSelection(selected));
        }
        if usize::from(pad) > MAX_PAD_BYTES {
            return Err(MseError::LongPad(pad));
        }
        Ok((selected == 2, usize::from(pad)))
    }

    fn established(&mut self, mut ciphers: Ciphers, encrypted: bool, pad: usize) -> Established {
        let mut skipped: Vec<u8> = self.received.drain(..pad).collect();
        ciphers.incoming.apply(&mut skipped);
        let mut early = mem::take(&mut self.received);
        if encrypted {
            ciphers.incoming.apply(&mut early);
        }
        Established {
            info_hash: self.info_hash,
            ciphers: encrypted.then_some(ciphers),
            early,
        }
    }
}

impl Exchange for Initiator {
    fn receive(&mut self, bytes: &[u8]) -> Result<Progress, MseError> {
        self.received.extend_from_slice(bytes);
        let mut send = Vec::new();
        loop {
            match mem::replace(&mut self.stage, Stage::Over) {
                Stage::Key(opening) if self.received.len() >= KEY_BYTES => {
                    send = self.on_key(&opening)?;
                }
                Stage::Key(_) if self.received.starts_with(PLAIN_PREFIX) => {
                    return Err(MseError::PlainReply);
                }
                Stage::Mark { ciphers, mark } => {
                    let Some(at) = find_mark(&self.received, &mark)? else {
                        self.stage = Stage::Mark { ciphers, mark };
                        return Ok(Progress::more(send));
                    };
                    self.received.drain(..at + mark.len());
                    self.stage = Stage::Answer { ciphers };
                }
                Stage::Answer { mut ciphers } if self.received.len() >= ANSWER_BYTES => {
                    let (encrypted, pad) = self.on_answer(&mut ciphers)?;
                    self.stage = Stage::Pad {
                        ciphers,
                        encrypted,
                        pad,
                    };
                }
                Stage::Pad {
                    ciphers,
                    encrypted,
                    pad,
                } if self.received.len() >= pad => {
                    let established = Some(self.established(ciphers, encrypted, pad));
                    return Ok(Progress { send, established });
                }
                waiting => {
                    self.stage = waiting;
                    return Ok(Progress::more(send));
                }
            }
        }
    }
}
