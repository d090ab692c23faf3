//! The side that was connected to.

use alloc::vec::Vec;
use core::mem;

use super::cipher::Ciphers;
use super::keys::{PrivateKey, Secret};
use super::{
    Entropy, Established, Exchange, KEY_BYTES, MAX_INITIAL_BYTES, MAX_PAD_BYTES, Methods, MseError,
    Progress, VERIFICATION, find_mark,
};
use crate::ids::InfoHash;

/// Bytes of the masked hash of the torrent.
const NAME_BYTES: usize = 20;

/// The verification constant, `crypto_provide` and the length of the pad.
const OFFER_BYTES: usize = 14;

/// Answers an encrypted connection.
#[derive(Debug)]
pub struct Acceptor {
    torrents: Vec<InfoHash>,
    allowed: Methods,
    entropy: Entropy,
    received: Vec<u8>,
    stage: Stage,
}

enum Stage {
    /// Waits for the public key of the peer.
    Key,
    /// Waits for the end of the peer's pad.
    Mark(Secret),
    /// Waits for the hash of the torrent.
    Name(Secret),
    /// Waits for the methods that the peer allows.
    Offer(Agreed),
    /// Waits for the pad and for the length of the first payload.
    Pad(Agreed, Methods, usize),
    /// Waits for the first payload.
    Initial(Agreed, Methods, usize),
    /// Done or failed.
    Over,
}

impl core::fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            Self::Key => "Key",
            Self::Mark(_) => "Mark",
            Self::Name(_) => "Name",
            Self::Offer(_) => "Offer",
            Self::Pad(..) => "Pad",
            Self::Initial(..) => "Initial",
            Self::Over => "Over",
        })
    }
}

struct Agreed {
    info_hash: InfoHash,
    ciphers: Ciphers,
}

impl Agreed {
    /// Removes `count` bytes from the front of `received` and decrypts them.
    fn take(&mut self, received: &mut Vec<u8>, count: usize) -> Vec<u8> {
        let mut taken: Vec<u8> = received.drain(..count).collect();
        self.ciphers.incoming.apply(&mut taken);
        taken
    }
}

fn u16_of(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(bytes.try_into().expect("two bytes"))
}

impl Acceptor {
    /// Waits for a peer with one of `torrents` that allows one of the methods in `allowed`.
    ///
    /// # Panics
    ///
    /// If a pad is longer than [`MAX_PAD_BYTES`].
    #[must_use]
    pub fn new(torrents: Vec<InfoHash>, allowed: Methods, entropy: Entropy) -> Self {
        let longest = entropy.first_pad.len().max(entropy.second_pad.len());
        assert!(longest <= MAX_PAD_BYTES, "a pad of {longest} bytes");
        Self {
            torrents,
            allowed,
            entropy,
            received: Vec::new(),
            stage: Stage::Key,
        }
    }

    /// Answers the public key of the peer with ours: step 2.
    fn on_key(&mut self) -> Result<(Secret, Vec<u8>), MseError> {
        let private = PrivateKey::new(self.entropy.private_key);
        let theirs = self.received.first_chunk().expect("the whole key is here");
        let secret = private.agree(theirs)?;
        self.received.drain(..KEY_BYTES);
        let mut send = private.public().to_vec();
        send.append(&mut self.entropy.first_pad);
        Ok((secret, send))
    }

    fn on_name(&mut self, secret: &Secret) -> Result<Agreed, MseError> {
        let name: Vec<u8> = self.received.drain(..NAME_BYTES).collect();
        let known = self
            .torrents
            .iter()
            .find(|it| secret.name(**it)[..] == name);
        let info_hash = *known.ok_or(MseError::UnknownTorrent)?;
        let ciphers = secret.of_acceptor(info_hash);
        Ok(Agreed { info_hash, ciphers })
    }

    /// The methods that both sides allow, and the length of the pad that follows.
    fn on_offer(&mut self, agreed: &mut Agreed) -> Result<(Methods, usize), MseError> {
        let offer = agreed.take(&mut self.received, OFFER_BYTES);
        let (verification, rest) = offer.split_at(VERIFICATION.len());
        if verification != VERIFICATION {
            return Err(MseError::Verification);
        }
        let theirs = u32::from_be_bytes(rest[..4].try_into().expect("four bytes"));
        let methods = self.allowed.and(Methods::from_bits(theirs));
        if methods.bits() == 0 {
            return Err(MseError::NoCommonMethod { theirs });
        }
        let pad = u16_of(&rest[4..]);
        if usize::from(pad) > MAX_PAD_BYTES {
            return Err(MseError::LongPad(pad));
        }
        Ok((methods, usize::from(pad)))
    }

    /// The length of the first payload.
    fn on_pad(&mut self, agreed: &mut Agreed, pad: usize) -> Result<usize, MseError> {
        let taken = agreed.take(&mut self.received, pad + 2);
        let initial = u16_of(&taken[pad..]);
        if usize::from(initial) > MAX_INITIAL_BYTES {
            return Err(MseError::LongInitial(initial));
        }
        Ok(usize::from(initial))
    }

    /// Step 4. Plaintext is selected if it is allowed.
    fn finish(&mut self, mut agreed: Agreed, methods: Methods, initial: usize) -> Progress {
        let encrypted = !methods.plaintext;
        let mut early = agreed.take(&mut self.received, initial);
        let mut rest = mem::take(&mut self.received);
        if encrypted {
            agreed.ciphers.incoming.apply(&mut rest);
        }
        early.extend(rest);
        let pad = mem::take(&mut self.entropy.second_pad);
        let mut send = VERIFICATION.to_vec();
        send.extend(if encrypted { 2_u32 } else { 1 }.to_be_bytes());
        send.extend(u16::try_from(pad.len()).expect("checked").to_be_bytes());
        send.extend(pad);
        agreed.ciphers.outgoing.apply(&mut send);
        let established = Some(Established {
            info_hash: agreed.info_hash,
            ciphers: encrypted.then_some(agreed.ciphers),
            early,
        });
        Progress { send, established }
    }
}

impl Exchange for Acceptor {
    fn receive(&mut self, bytes: &[u8]) -> Result<Progress, MseError> {
        self.received.extend_from_slice(bytes);
        let mut send = Vec::new();
        loop {
            let here = self.received.len();
            match mem::replace(&mut self.stage, Stage::Over) {
                Stage::Key if here >= KEY_BYTES => {
                    let (secret, answer) = self.on_key()?;
                    send = answer;
                    self.stage = Stage::Mark(secret);
                }
                Stage::Mark(secret) => {
                    let mark = secret.mark();
                    let Some(at) = find_mark(&self.received, &mark)? else {
                        self.stage = Stage::Mark(secret);
                        return Ok(Progress::more(send));
                    };
                    self.received.drain(..at + mark.len());
                    self.stage = Stage::Name(secret);
                }
                Stage::Name(secret) if here >= NAME_BYTES => {
                    self.stage = Stage::Offer(self.on_name(&secret)?);
                }
                Stage::Offer(mut agreed) if here >= OFFER_BYTES => {
                    let (methods, pad) = self.on_offer(&mut agreed)?;
                    self.stage = Stage::Pad(agreed, methods, pad);
                }
                Stage::Pad(mut agreed, methods, pad) if here >= pad + 2 => {
                    let initial = self.on_pad(&mut agreed, pad)?;
                    self.stage = Stage::Initial(agreed, methods, initial);
                }
                Stage::Initial(agreed, methods, initial) if here >= initial => {
                    let mut progress = self.finish(agreed, methods, initial);
                    send.append(&mut progress.send);
                    return Ok(Progress { send, ..progress });
                }
                waiting => {
                    self.stage = waiting;
                    return Ok(Progress::more(send));
                }
            }
        }
    }
}
