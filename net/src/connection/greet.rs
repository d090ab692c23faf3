//! Handshakes. BEP 3, *peer protocol*. The client core sets their time limit.

use unchoke_core::ids::{InfoHash, PeerId};
use unchoke_core::mse::PLAIN_PREFIX;
use unchoke_core::wire::{HANDSHAKE_BYTES, HANDSHAKE_HEAD_BYTES, Handshake, Reserved, WireError};

use super::failure::HandshakeError;
use super::secure::{Encryption, Greeting, Secured};

/// The torrent that a peer asks for when it connects to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The info-hash in its handshake.
    pub(crate) info_hash: InfoHash,
    /// The info-hash by which it encrypts, if it does.
    pub(crate) by_cipher: Option<InfoHash>,
}

/// Our side of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The info-hash of the torrent.
    pub info_hash: InfoHash,
    /// Its truncated version 2 hash. For a hybrid it differs from `info_hash`. BEP 52.
    pub version_2: Option<InfoHash>,
    /// Our peer id.
    pub peer_id: PeerId,
    /// The setting for encryption.
    pub encryption: Encryption,
    /// Whether we announce support of the distributed hash table. BEP 5.
    pub dht: bool,
}

/// The peer's side of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduced {
    /// The peer id.
    pub peer_id: PeerId,
    /// Extensions that both sides support.
    pub reserved: Reserved,
    /// Whether the connection uses the version 2 hash. Then both sides support its messages. BEP
    /// 52.
    pub version_2: bool,
}

impl Identity {
    /// Our handshake. For a hybrid it also announces version 2, so the peer may answer with that
    /// hash.
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

    /// Whether the peer's hash is the version 2 hash of the torrent. Fails for another torrent.
    fn means_version_2(self, other: InfoHash) -> Result<bool, HandshakeError> {
        if Some(other) == self.version_2 {
            Ok(true)
        } else if other == self.info_hash {
            Ok(false)
        } else {
            Err(HandshakeError::OtherTorrent(other))
        }
    }

    /// The second info-hash of a hybrid, which has a swarm of its own. BEP 52.
    #[must_use]
    pub fn second(self) -> Option<InfoHash> {
        self.version_2.filter(|it| *it != self.info_hash)
    }

    /// The kinds of greeting that the user allows, in order. For a hybrid, each is tried with the
    /// first hash and then with the second: a peer that uses a magnet link may know only the
    /// second.
    pub(crate) fn ways(self) -> impl Iterator<Item = (Self, Greeting)> {
        let names = self.info_hashes().into_iter();
        let names = names.map(move |info_hash| Self { info_hash, ..self });
        let greetings = self.encryption.greetings().iter();
        names.flat_map(move |name| greetings.clone().map(move |it| (name, *it)))
    }

    /// Both hashes of a hybrid, otherwise the only one.
    fn info_hashes(self) -> Vec<InfoHash> {
        std::iter::once(self.info_hash)
            .chain(self.second())
            .collect()
    }
}

/// Does the handshakes of a connection that we opened.
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

/// Detects how the peer begins, and answers an encrypted handshake for one of the torrents `known`.
/// Returns the info-hash by which the peer encrypts.
async fn open(
    stream: &mut Secured,
    encryption: Encryption,
    known: impl FnOnce() -> Vec<InfoHash>,
) -> Result<Option<InfoHash>, HandshakeError> {
    let mut first = [0; PLAIN_PREFIX.len()];
    stream.read_exact(&mut first).await?;
    stream.early = first.to_vec();
    if first == *PLAIN_PREFIX {
        let accepted = encryption.accepts_plain();
        let refusal = HandshakeError::Unwanted("the peer does not encrypt, which is required");
        return accepted.then_some(None).ok_or(refusal);
    }
    match encryption.accepts_encrypted() {
        Some(allowed) => stream.decrypt(known(), allowed).await.map(Some),
        // Encryption is off, so this is just a peer that does not speak BitTorrent.
        None => Err(WireError::NotBitTorrent.into()),
    }
}

/// Reads the beginning of an incoming connection until the torrent is known, which may be any of
/// `known`. [`answer`] does the rest.
pub(crate) async fn identify(
    stream: &mut Secured,
    encryption: Encryption,
    known: impl FnOnce() -> Vec<InfoHash>,
) -> Result<Asked, HandshakeError> {
    let by_cipher = open(stream, encryption, known).await?;
    let mut head = [0; HANDSHAKE_HEAD_BYTES];
    stream.read_exact(&mut head).await?;
    let (_, info_hash) = Handshake::decode_head(&head)?;
    stream.early.splice(..0, head);
    stream.is_open = true;
    Ok(Asked {
        info_hash,
        by_cipher,
    })
}

/// Does the handshakes of an incoming connection. Answers as soon as the info-hash is known; the
/// peer id may come later.
///
/// Over uTP no message shares a packet with the answer. Transmission 3.00 leaves the rest of the
/// packet that ends the handshake unread until the next packet, which may take minutes: it waits for
/// our bitfield, and we for its interest.
pub async fn answer(stream: &mut Secured, us: Identity) -> Result<Introduced, HandshakeError> {
    if !stream.is_open {
        open(stream, us.encryption, || us.info_hashes()).await?;
    }
    let mut head = [0; HANDSHAKE_HEAD_BYTES];
    stream.read_exact(&mut head).await?;
    let (reserved, info_hash) = Handshake::decode_head(&head)?;
    let by_first = !us.means_version_2(info_hash)?;
    let upgraded = us.version_2.filter(|_| by_first && reserved.upgrade());
    let ours = us.handshake(upgraded.unwrap_or(info_hash));
    stream.write_all(&ours.encode()).await?;
    stream.finish_packet().await;
    let mut name = [0; HANDSHAKE_BYTES - HANDSHAKE_HEAD_BYTES];
    stream.read_exact(&mut name).await?;
    Ok(Introduced {
        peer_id: PeerId(name),
        reserved: reserved.and(ours.reserved),
        version_2: Some(ours.info_hash) == us.version_2,
    })
}
