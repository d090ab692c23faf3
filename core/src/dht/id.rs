//! Ids of nodes, and the distance between them.

use core::fmt;
use core::net::IpAddr;

use crate::ids::InfoHash;
use crate::rng::Rng;
use crate::tracker::guard::{Reach, reach};

/// The 20 bytes that identify a node. Info-hashes are points of the same space.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub [u8; 20]);

impl NodeId {
    /// A random id.
    pub fn random(rng: &mut Rng) -> Self {
        let mut bytes = [0; 20];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&rng.next_u64().to_be_bytes()[..part.len()]);
        }
        Self(bytes)
    }

    /// A random id that a node at this address may have. BEP 42.
    pub fn random_for(ip: IpAddr, rng: &mut Rng) -> Self {
        let mut id = Self::random(rng);
        let prefix = prefix(ip, id.0[19]);
        id.0[..2].copy_from_slice(&prefix[..2]);
        id.0[2] = prefix[2] & 0xf8 | id.0[2] & 0x07;
        id
    }

    /// Whether a node at this address may have this id. The rule prevents nodes from choosing an id
    /// near a torrent. BEP 42, which does not apply to local addresses.
    #[must_use]
    pub fn fits(self, ip: IpAddr) -> bool {
        let prefix = prefix(ip, self.0[19]);
        let same = self.0[..2] == prefix[..2] && (self.0[2] ^ prefix[2]) & 0xf8 == 0;
        same || reach(ip) < Reach::Global
    }

    /// The distance of two ids, by Kademlia: their exclusive or. Smaller is nearer.
    #[must_use]
    pub fn distance(self, other: Self) -> [u8; 20] {
        core::array::from_fn(|place| self.0[place] ^ other.0[place])
    }

    /// Number of leading bits that two ids share.
    #[must_use]
    pub fn shared_bits(self, other: Self) -> usize {
        let distance = self.distance(other);
        let zeros = distance.iter().take_while(|byte| **byte == 0).count();
        let rest = distance.get(zeros).map_or(0, |byte| byte.leading_zeros());
        zeros * 8 + rest as usize
    }

    /// A random id that shares exactly `bits` leading bits with this one.
    #[must_use]
    pub fn random_at(self, bits: usize, rng: &mut Rng) -> Self {
        let mut id = Self::random(rng);
        for bit in 0..=bits.min(159) {
            let (place, mask) = (bit / 8, 0x80_u8 >> (bit % 8));
            let own = self.0[place] & mask;
            let wanted = if bit < bits { own } else { own ^ mask };
            id.0[place] = id.0[place] & !mask | wanted;
        }
        id
    }
}

impl From<InfoHash> for NodeId {
    fn from(hash: InfoHash) -> Self {
        Self(hash.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        InfoHash(self.0).fmt(f)
    }
}

/// The first 21 bits of the id that BEP 42 prescribes.
fn prefix(ip: IpAddr, draw: u8) -> [u8; 4] {
    let seed = (draw & 7) << 5;
    let crc = match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let masked = u32::from(ip) & 0x030f_3fff;
            let mut bytes = masked.to_be_bytes();
            bytes[0] |= seed;
            crc32c(&bytes)
        }
        IpAddr::V6(ip) => {
            let high = u64::try_from(u128::from(ip) >> 64).expect("64 bits are left");
            let masked = high & 0x0103_070f_1f3f_7fff;
            let mut bytes = masked.to_be_bytes();
            bytes[0] |= seed;
            crc32c(&bytes)
        }
    };
    crc.to_be_bytes()
}

/// CRC-32C (Castagnoli), bit by bit: it is computed only once for each new node.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            crc = crc >> 1 ^ carry;
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of BEP 42.
    #[test]
    fn prefixes_are_those_of_the_specification() {
        let rows: [(&str, u8, [u8; 3]); 5] = [
            ("124.31.75.21", 1, [0x5f, 0xbf, 0xbf]),
            ("21.75.31.124", 86, [0x5a, 0x3c, 0xe9]),
            ("65.23.51.170", 22, [0xa5, 0xd4, 0x32]),
            ("84.124.73.14", 65, [0x1b, 0x03, 0x21]),
            ("43.213.53.83", 90, [0xe5, 0x6f, 0x6c]),
        ];
        for (ip, draw, wanted) in rows {
            let ip = ip.parse().expect("an address");
            let got = prefix(ip, draw);
            assert_eq!(got[..2], wanted[..2], "{ip}");
            assert_eq!(got[2] & 0xf8, wanted[2] & 0xf8, "{ip}");
        }
    }
}
