//! The 68 bytes that open a connection. BEP 3, *peer protocol*.

use super::WireError;
use crate::ids::{InfoHash, PeerId};

/// Bytes of a handshake.
pub const HANDSHAKE_BYTES: usize = 68;

/// Bytes up to and including the info-hash. The accepting side can and must answer after these:
/// some initiators send their peer id only then.
pub const HANDSHAKE_HEAD_BYTES: usize = 48;

const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

/// The eight reserved bytes: one bit per extension. Unknown bits are kept and ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reserved(pub [u8; 8]);

impl Reserved {
    /// The fast extension (BEP 6) and the extension protocol (BEP 10).
    pub const FAST_AND_EXTENDED: Self = Self([0, 0, 0, 0, 0, 0x10, 0, 0x04]);

    /// The same with the bit of the distributed hash table, if it is used. BEP 5: the last bit.
    #[must_use]
    pub const fn with_dht(self, used: bool) -> Self {
        let mut bits = self.0;
        if used {
            bits[7] |= 0x01;
        }
        Self(bits)
    }

    /// The same with the upgrade bit, if `able`: a connection with the hash of version 1 may
    /// continue with that of version 2. BEP 52: the fourth most significant bit of the last byte.
    #[must_use]
    pub const fn with_upgrade(self, able: bool) -> Self {
        let mut bits = self.0;
        if able {
            bits[7] |= 0x10;
        }
        Self(bits)
    }

    /// Whether the connection may continue with the hash of version 2. BEP 52.
    #[must_use]
    pub const fn upgrade(self) -> bool {
        self.0[7] & 0x10 != 0
    }

    /// The distributed hash table. BEP 5.
    #[must_use]
    pub const fn dht(self) -> bool {
        self.0[7] & 0x01 != 0
    }

    /// The fast extension. BEP 6: `reserved[7] & 0x04`.
    #[must_use]
    pub const fn fast(self) -> bool {
        self.0[7] & 0x04 != 0
    }

    /// The extension protocol. BEP 10: `reserved[5] & 0x10`.
    #[must_use]
    pub const fn extended(self) -> bool {
        self.0[5] & 0x10 != 0
    }

    /// The bits that both sides set.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i] & other.0[i]))
    }
}

/// The first message of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Extensions the sender speaks.
    pub reserved: Reserved,
    /// The torrent.
    pub info_hash: InfoHash,
    /// The sender.
    pub peer_id: PeerId,
}

impl Handshake {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> [u8; HANDSHAKE_BYTES] {
        let mut out = [0; HANDSHAKE_BYTES];
        out[..20].copy_from_slice(PROTOCOL);
        out[20..28].copy_from_slice(&self.reserved.0);
        out[28..48].copy_from_slice(&self.info_hash.0);
        out[48..].copy_from_slice(&self.peer_id.0);
        out
    }

    /// Reads a whole handshake.
    pub fn decode(bytes: &[u8; HANDSHAKE_BYTES]) -> Result<Self, WireError> {
        let (head, peer_id) = bytes.split_first_chunk().expect("48 of 68 bytes");
        let (reserved, info_hash) = Self::decode_head(head)?;
        let peer_id = PeerId(peer_id.try_into().expect("68 - 48 = 20 bytes"));
        Ok(Self {
            reserved,
            info_hash,
            peer_id,
        })
    }

    /// Reads all but the peer id.
    pub fn decode_head(
        bytes: &[u8; HANDSHAKE_HEAD_BYTES],
    ) -> Result<(Reserved, InfoHash), WireError> {
        if !bytes.starts_with(PROTOCOL) {
            return Err(WireError::NotBitTorrent);
        }
        let reserved = Reserved(bytes[20..28].try_into().expect("8 bytes"));
        let info_hash = InfoHash(bytes[28..].try_into().expect("20 bytes"));
        Ok((reserved, info_hash))
    }
}
