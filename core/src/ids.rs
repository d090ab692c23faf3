//! Newtypes for numbers and names that must not be mixed up.

use core::fmt;

/// Our dense number for a connection, at most [`PeerKey::MAX`]. The driver assigns it, and may
/// reuse it only after handing in `PeerDisconnected` for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub u32);

impl PeerKey {
    /// The last key. Connections are counted in 16 bits ([`crate::client::Config::connections`]),
    /// and so is the sender of each block under way, where the last two values stand for "no
    /// sender".
    pub const MAX: Self = Self(u16::MAX as u32 - 2);
}

/// Index of a piece in the torrent, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceIndex(pub u32);

/// A part of a piece, as in a request. BEP 3, *peer messages*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRef {
    /// The piece.
    pub piece: PieceIndex,
    /// First byte within the piece.
    pub begin: u32,
    /// Bytes.
    pub length: u32,
}

/// The 20 bytes that identify a peer. BEP 3, BEP 20. They are opaque and never treated as text.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub [u8; 20]);

/// SHA-1 of the bencoded info dictionary as found in the file. BEP 3.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InfoHash(pub [u8; 20]);

/// SHA-256 of the bencoded info dictionary as found in the file. BEP 52.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InfoHash2(pub [u8; 32]);

impl InfoHash2 {
    /// The first 20 bytes, used in handshakes, for trackers and in the DHT.
    #[must_use]
    pub fn truncated(&self) -> InfoHash {
        let (head, _) = self.0.split_first_chunk().expect("32 bytes");
        InfoHash(*head)
    }
}

impl fmt::Display for InfoHash2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for InfoHash2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for InfoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            let printable = if byte.is_ascii_graphic() { byte } else { b'.' };
            write!(f, "{}", char::from(printable))?;
        }
        Ok(())
    }
}

impl fmt::Display for PieceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
