//! Handshakes. BEP 3, *peer protocol*. How long they may take is for the client core to say.

use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::mse::PLAIN_PREFIX;
use unchoke_core::wire::{HANDSHAKE_BYTES, HANDSHAKE_HEAD_BYTES, Handshake, Reserved, WireError};

use super::failure::HandshakeError;
use super::secure::{Encryption, Greeting, Secured};

/// Who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The torrent.
    pub info_hash: InfoHash,
    /// Our name.
    pub peer_id: PeerId,
    /// Whether our connections are encrypted.
    pub encryption: Encryption,
    /// Whether we say that we take part in the distributed hash table. BEP 5.
    pub dht: bool,
}

/// What the other side said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduced {
    /// Its name.
    pub peer_id: PeerId,
    /// What both sides can.
    pub reserved: Reserved,
}

impl Identity {
    fn handshake(self) -> Handshake {
        Handshake {
            reserved: Reserved::FAST_AND_EXTENDED.with_dht(self.dht),
            info_hash: self.info_hash,
            peer_id: self.peer_id,
        }
    }

    fn same_torrent(self, other: InfoHash) -> Result<(), HandshakeError> {
        if other == self.info_hash {
            Ok(())
        } else {
            Err(HandshakeError::OtherTorrent(other))
        }
    }
}

/// Handshakes on a connection that we opened.
pub async fn greet(
    stream: &mut Secured,
    us: Identity,
    greeting: Greeting,
) -> Result<Introduced, HandshakeError> {
    let ours = us.handshake();
    match greeting {
        Greeting::Plain => stream.write_all(&ours.encode()).await?,
        Greeting::Encrypted(offer) => {
            let initial = ours.encode();
            stream.encrypt(us.info_hash, offer, &initial).await?;
        }
    }
    let mut bytes = [0; HANDSHAKE_BYTES];
    stream.read_exact(&mut bytes).await?;
    let theirs = Handshake::decode(&bytes)?;
    us.same_torrent(theirs.info_hash)?;
    Ok(Introduced {
        peer_id: theirs.peer_id,
        reserved: theirs.reserved.and(ours.reserved),
    })
}

/// Finds out how the peer begins, and answers the encrypted handshake if it is one.
async fn open(stream: &mut Secured, us: Identity) -> Result<(), HandshakeError> {
    let mut first = [0; PLAIN_PREFIX.len()];
    stream.read_exact(&mut first).await?;
    stream.early = first.to_vec();
    if first == *PLAIN_PREFIX {
        let accepted = us.encryption.accepts_plain();
        let refusal = HandshakeError::Unwanted("the peer does not encrypt, which is required");
        return accepted.then_some(()).ok_or(refusal);
    }
    match us.encryption.accepts_encrypted() {
        Some(allowed) => stream.decrypt(us.info_hash, allowed).await,
        // Without encryption this is just no BitTorrent peer.
        None => Err(WireError::NotBitTorrent.into()),
    }
}

/// Handshakes on a connection that came to us. Answers as soon as the torrent is known: the name of
/// the peer may come later.
pub async fn answer(stream: &mut Secured, us: Identity) -> Result<Introduced, HandshakeError> {
    let ours = us.handshake();
    open(stream, us).await?;
    let mut head = [0; HANDSHAKE_HEAD_BYTES];
    stream.read_exact(&mut head).await?;
    let (reserved, info_hash) = Handshake::decode_head(&head)?;
    us.same_torrent(info_hash)?;
    stream.write_all(&ours.encode()).await?;
    let mut name = [0; HANDSHAKE_BYTES - HANDSHAKE_HEAD_BYTES];
    stream.read_exact(&mut name).await?;
    Ok(Introduced {
        peer_id: PeerId(name),
        reserved: reserved.and(ours.reserved),
    })
}
