//! A connection with an encrypted handshake and, depending on the agreement, encrypted payload.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use unchoke_core::ids::InfoHash;
use unchoke_core::mse::{
    Acceptor, Cipher, Ciphers, Entropy, Exchange, Initiator, MAX_PAD_BYTES, Methods,
};

use super::failure::HandshakeError;
use crate::chance;
use crate::stream::Stream;

/// Most bytes per read during a handshake.
const CHUNK_BYTES: usize = 1024;

/// The user's setting for encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Encryption {
    /// No encryption, in either direction.
    Off,
    /// Encrypt if the peer requires it: dial unencrypted first, and encrypted if the peer refuses
    /// that.
    #[default]
    Allow,
    /// Dial with an encrypted handshake first; the payload is unencrypted if the peer agrees. Use
    /// no encryption if the peer does not support it.
    Prefer,
    /// Encrypt everything, including payload.
    Require,
}

/// The first message on a connection that we open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// An unencrypted handshake.
    Plain,
    /// An encrypted handshake that offers these methods for the payload.
    Encrypted(Methods),
}

impl Encryption {
    /// The greetings to try, in this order, each on a new connection.
    #[must_use]
    pub fn greetings(self) -> &'static [Greeting] {
        const ENCRYPTED: Greeting = Greeting::Encrypted(Methods::BOTH);
        match self {
            Self::Off => &[Greeting::Plain],
            Self::Allow => &[Greeting::Plain, ENCRYPTED],
            Self::Prefer => &[ENCRYPTED, Greeting::Plain],
            Self::Require => &[Greeting::Encrypted(Methods::RC4)],
        }
    }

    /// Whether peers may connect to us without encryption.
    pub(super) fn accepts_plain(self) -> bool {
        self != Self::Require
    }

    /// The methods offered to peers that connect with encryption; `None` refuses them.
    pub(super) fn accepts_encrypted(self) -> Option<Methods> {
        match self {
            Self::Off => None,
            Self::Allow | Self::Prefer => Some(Methods::BOTH),
            Self::Require => Some(Methods::RC4),
        }
    }
}

/// A connection after its encryption handshake, if there was one.
#[derive(Debug)]
pub struct Secured {
    pub(super) stream: Stream,
    /// Decrypted bytes that were read but not processed yet.
    pub(super) early: Vec<u8>,
    /// Whether the encryption of an incoming connection is settled, and `early` begins with the
    /// handshake.
    pub(super) is_open: bool,
    /// Whether the peer sent a byte.
    heard: bool,
    /// Ciphers for the rest of the connection; `None` without encryption. Boxed, because few
    /// connections have them.
    pub(super) ciphers: Option<Box<Ciphers>>,
}

impl From<TcpStream> for Secured {
    fn from(stream: TcpStream) -> Self {
        Stream::from(stream).into()
    }
}

impl From<Stream> for Secured {
    fn from(stream: Stream) -> Self {
        Self {
            stream,
            early: Vec::new(),
            is_open: false,
            heard: false,
            ciphers: None,
        }
    }
}

/// Random numbers for one handshake. The padding has random length, as in Transmission and
/// libtorrent, so that packet lengths do not identify the protocol.
fn entropy() -> Entropy {
    let pad = || {
        let length = usize::try_from(chance::random_u64() % 512).expect("below 512");
        debug_assert!(length <= MAX_PAD_BYTES);
        let mut pad = vec![0; length];
        chance::fill(&mut pad);
        pad
    };
    let mut private_key = [0; 20];
    chance::fill(&mut private_key);
    Entropy {
        private_key,
        first_pad: pad(),
        second_pad: pad(),
    }
}

impl Secured {
    /// Reads exactly `bytes.len()` bytes and decrypts them.
    pub(crate) async fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let here = self.early.len().min(bytes.len());
        bytes[..here].copy_from_slice(&self.early[..here]);
        self.early.drain(..here);
        let rest = &mut bytes[here..];
        if let Some((first, others)) = rest.split_first_mut() {
            self.stream.read_exact(std::slice::from_mut(first)).await?;
            self.heard = true;
            self.stream.read_exact(others).await?;
        }
        if let Some(ciphers) = &mut self.ciphers {
            ciphers.incoming.apply(rest);
        }
        Ok(())
    }

    /// Encrypts and writes all of `bytes`.
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut bytes = bytes.to_vec();
        if let Some(ciphers) = &mut self.ciphers {
            ciphers.outgoing.apply(&mut bytes);
        }
        self.stream.write_all(&bytes).await
    }

    /// See [`Stream::finish_packet`].
    pub(super) async fn finish_packet(&mut self) {
        self.stream.finish_packet().await;
    }

    /// Does the encryption handshake of a connection that we opened. `initial` is our BitTorrent
    /// handshake, sent along with it.
    pub(crate) async fn encrypt(
        &mut self,
        torrent: InfoHash,
        offer: Methods,
        initial: &[u8],
    ) -> Result<(), HandshakeError> {
        let (mut initiator, first) = Initiator::new(torrent, offer, entropy(), initial.to_vec());
        self.stream.write_all(&first).await?;
        self.exchange(&mut initiator).await.map(drop)
    }

    /// Does the encryption handshake of an incoming connection. Its first bytes are already in
    /// `early`. Returns which of the torrents the peer means.
    pub(super) async fn decrypt(
        &mut self,
        torrents: Vec<InfoHash>,
        allowed: Methods,
    ) -> Result<InfoHash, HandshakeError> {
        let mut acceptor = Acceptor::new(torrents, allowed, entropy());
        self.exchange(&mut acceptor).await
    }

    async fn exchange(&mut self, side: &mut impl Exchange) -> Result<InfoHash, HandshakeError> {
        let mut received = std::mem::take(&mut self.early);
        loop {
            let progress = side.receive(&received)?;
            self.stream.write_all(&progress.send).await?;
            if let Some(established) = progress.established {
                self.early = established.early;
                self.ciphers = established.ciphers.map(Box::new);
                return Ok(established.info_hash);
            }
            received.resize(CHUNK_BYTES, 0);
            let count = self.stream.read(&mut received).await?;
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.heard = true;
            received.truncate(count);
        }
    }

    /// Whether the peer sent a byte.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard
    }

    /// The stream below.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The parts for the two halves of a running connection.
    pub(crate) fn into_parts(self) -> (Stream, Vec<u8>, Option<Cipher>, Option<Cipher>) {
        let ciphers = self.ciphers.map(|it| *it);
        let (incoming, outgoing) = ciphers
            .map(|Ciphers { incoming, outgoing }| (incoming, outgoing))
            .unzip();
        (self.stream, self.early, incoming, outgoing)
    }
}
