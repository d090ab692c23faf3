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
    /// Its hash of version 2, truncated; for a hybrid another than `info_hash`. BEP 52.
    pub version_2: Option<InfoHash>,
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
    /// The connection goes by the hash of version 2: both sides know its messages. BEP 52.
    pub version_2: bool,
}

impl Identity {
    /// What we say. Of a hybrid, also that we know version 2: it may answer with that hash.
    fn handshake(self, info_hash: InfoHash) -> Handshake {
        let upgrade = self.version_2.is_some_and(|it| it != info_hash);
        Handshake {
            reserved: Reserved::FAST_AND_EXTENDED
                .with_dht(self.dht)
                .with_upgrade(upgrade),
            info_hash,
            peer_id: self.peer_id,
        }
    }

    /// Whether the other side means the torrent by its version 2.
    fn means_version_2(self, other: InfoHash) -> Result<bool, HandshakeError> {
        if Some(other) == self.version_2 {
            Ok(true)
        } else if other == self.info_hash {
            Ok(false)
        } else {
            Err(HandshakeError::OtherTorrent(other))
        }
    }

    /// The second hash of a hybrid, by which it has a second swarm. BEP 52.
    #[must_use]
    pub fn second(self) -> Option<InfoHash> {
        self.version_2.filter(|it| *it != self.info_hash)
    }

    /// The ways in which the user wants a peer to be greeted, in order. Of a hybrid in each way by its
    /// first hash, and then by the second: a peer that came by a link may know but that one.
    pub(crate) fn ways(self) -> impl Iterator<Item = (Self, Greeting)> {
        let names = self.info_hashes().into_iter();
        let names = names.map(move |info_hash| Self { info_hash, ..self });
        let greetings = self.encryption.greetings().iter();
        names.flat_map(move |name| greetings.clone().map(move |it| (name, *it)))
    }

    /// Both hashes of a hybrid, else the one there is.
    fn info_hashes(self) -> Vec<InfoHash> {
        std::iter::once(self.info_hash)
            .chain(self.second())
            .collect()
    }
}

/// Handshakes on a connection that we opened.
pub async fn greet(
    stream: &mut Secured,
    us: Identity,
    greeting: Greeting,
) -> Result<Introduced, HandshakeError> {
    let ours = us.handshake(us.info_hash);
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
    Ok(Introduced {
        peer_id: theirs.peer_id,
        reserved: theirs.reserved.and(ours.reserved),
        version_2: us.means_version_2(theirs.info_hash)?,
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
        Some(allowed) => stream.decrypt(us.info_hashes(), allowed).await,
        // Without encryption this is just no BitTorrent peer.
        None => Err(WireError::NotBitTorrent.into()),
    }
}

/// Handshakes on a connection that came to us. Answers as soon as the torrent is known: the name of
/// the peer may come later.
pub async fn answer(stream: &mut Secured, us: Identity) -> Result<Introduced, HandshakeError> {
    open(stream, us).await?;
    let mut head = [0; HANDSHAKE_HEAD_BYTES];
    stream.read_exact(&mut head).await?;
    let (reserved, info_hash) = Handshake::decode_head(&head)?;
    let by_first = !us.means_version_2(info_hash)?;
    let upgraded = us.version_2.filter(|_| by_first && reserved.upgrade());
    let ours = us.handshake(upgraded.unwrap_or(info_hash));
    stream.write_all(&ours.encode()).await?;
    let mut name = [0; HANDSHAKE_BYTES - HANDSHAKE_HEAD_BYTES];
    stream.read_exact(&mut name).await?;
    Ok(Introduced {
        peer_id: PeerId(name),
        reserved: reserved.and(ours.reserved),
        version_2: Some(ours.info_hash) == us.version_2,
    })
}
