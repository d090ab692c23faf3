//! Which pieces a peer may ask for while it is choked: the allowed-fast set of BEP 6.
//!
//! It follows from the peer's address, so that a peer that comes again and again gets no other pieces,
//! and who has many connections gets the same pieces from all. Nobody checks the set it is granted:
//! deployed clients differ in how they cut the address.

use alloc::vec::Vec;
use core::net::IpAddr;

use sha1::{Digest as _, Sha1};

use crate::ids::{InfoHash, PieceIndex};

/// How much a client grants, and whether it takes what is granted. BEP 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowedFast {
    /// Pieces that a peer may ask for while we choke it; 0 grants none. BEP 6: 10 in final
    /// implementations; libtorrent: 5.
    pub grants: u8,
    /// Ask a peer for what it grants while it chokes us.
    pub takes: bool,
    /// The set goes by the whole address, as libtorrent's does, and not by its first three bytes: peers
    /// of one network get different pieces.
    pub whole_address: bool,
    /// The torrent.
    pub info_hash: InfoHash,
}

impl AllowedFast {
    /// The pieces, of `pieces`, that the peer at `address` may ask for. BEP 6, *allowed fast set
    /// generation*; IPv6, of which it does not speak, as libtorrent: all 16 bytes.
    #[must_use]
    pub fn set(&self, address: IpAddr, pieces: u32) -> Vec<PieceIndex> {
        let wanted = usize::from(self.grants);
        if u32::from(self.grants) >= pieces {
            return (0..pieces).map(PieceIndex).collect();
        }
        let mut text = Vec::with_capacity(36);
        match address.to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                text.extend([a, b, c, if self.whole_address { d } else { 0 }]);
            }
            IpAddr::V6(ip) => text.extend(ip.octets()),
        }
        text.extend(self.info_hash.0);
        let mut set = Vec::with_capacity(wanted);
        while set.len() < wanted {
            text = Sha1::digest(&text).to_vec();
            for word in text.chunks_exact(4) {
                let number = word.iter().fold(0, |it, byte| it << 8 | u32::from(*byte));
                let piece = PieceIndex(number % pieces);
                if set.len() < wanted && !set.contains(&piece) {
                    set.push(piece);
                }
            }
        }
        set
    }
}
