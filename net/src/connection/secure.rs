//! A connection whose handshake, and maybe its payload, is encrypted.

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

/// Bytes read at a time during a handshake.
const CHUNK_BYTES: usize = 1024;

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Encryption {
    /// Never, in either direction.
    Off,
    /// Where the peer wants it: we dial in the clear first and encrypted if that is refused.
    #[default]
    Allow,
    /// Dial encrypted first; the payload is then in the clear if the peer agrees. In the clear
    /// where the peer cannot do more.
    Prefer,
    /// Always, payload included.
    Require,
}

/// How to begin a connection that we open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// In the clear.
    Plain,
    /// With an encrypted handshake that offers these methods for the payload.
    Encrypted(Methods),
}

impl Encryption {
    /// The ways to try, in this order, each on a connection of its own.
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

    /// Whether peers may connect to us in the clear.
    pub(super) fn accepts_plain(self) -> bool {
        self != Self::Require
    }

    /// What peers may choose from that connect to us encrypted; `None` refuses them.
    pub(super) fn accepts_encrypted(self) -> Option<Methods> {
        match self {
            Self::Off => None,
            Self::Allow | Self::Prefer => Some(Methods::BOTH),
            Self::Require => Some(Methods::RC4),
        }
    }
}

/// A connection with everything that an encrypted handshake left behind.
#[derive(Debug)]
pub struct Secured {
    pub(super) stream: Stream,
    /// Bytes that were read and are not used yet, in the clear.
    pub(super) early: Vec<u8>,
    /// Ciphers of what follows; `None` in the clear. Boxed, because few connections have them.
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
            ciphers: None,
        }
    }
}

/// Random numbers for one handshake. Pads are as long as chance has it, as Transmission and
/// libtorrent do, so that lengths tell nothing.
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
    /// Reads exactly as many bytes as `bytes` holds, decrypted.
    pub(super) async fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let here = self.early.len().min(bytes.len());
        bytes[..here].copy_from_slice(&self.early[..here]);
        self.early.drain(..here);
        let rest = &mut bytes[here..];
        self.stream.read_exact(rest).await?;
        if let Some(ciphers) = &mut self.ciphers {
            ciphers.incoming.apply(rest);
        }
        Ok(())
    }

    /// Writes all of `bytes`, encrypted.
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut bytes = bytes.to_vec();
        if let Some(ciphers) = &mut self.ciphers {
            ciphers.outgoing.apply(&mut bytes);
        }
        self.stream.write_all(&bytes).await
    }

    /// Opens an encrypted connection; `initial` is our handshake, which the peer gets with it.
    pub(super) async fn encrypt(
        &mut self,
        torrent: InfoHash,
        offer: Methods,
        initial: &[u8],
    ) -> Result<(), HandshakeError> {
        let (mut initiator, first) = Initiator::new(torrent, offer, entropy(), initial.to_vec());
        self.stream.write_all(&first).await?;
        self.exchange(&mut initiator).await
    }

    /// Answers an encrypted connection, of which the first bytes are in `early` already.
    pub(super) async fn decrypt(
        &mut self,
        torrents: Vec<InfoHash>,
        allowed: Methods,
    ) -> Result<(), HandshakeError> {
        let mut acceptor = Acceptor::new(torrents, allowed, entropy());
        self.exchange(&mut acceptor).await
    }

    async fn exchange(&mut self, side: &mut impl Exchange) -> Result<(), HandshakeError> {
        let mut received = std::mem::take(&mut self.early);
        loop {
            let progress = side.receive(&received)?;
            self.stream.write_all(&progress.send).await?;
            if let Some(established) = progress.established {
                self.early = established.early;
                self.ciphers = established.ciphers.map(Box::new);
                return Ok(());
            }
            received.resize(CHUNK_BYTES, 0);
            let count = self.stream.read(&mut received).await?;
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            received.truncate(count);
        }
    }

    /// The parts that the two halves of a running connection need.
    pub(super) fn into_parts(self) -> (Stream, Vec<u8>, Option<Cipher>, Option<Cipher>) {
        let ciphers = self.ciphers.map(|it| *it);
        let (incoming, outgoing) = ciphers
            .map(|Ciphers { incoming, outgoing }| (incoming, outgoing))
            .unzip();
        (self.stream, self.early, incoming, outgoing)
    }
}
