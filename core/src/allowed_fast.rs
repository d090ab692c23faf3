//! Which pieces a peer may request while it is choked: the allowed-fast set of BEP 6.
//!
//! The set is computed from the peer's address. So a peer that reconnects gets no further pieces,
//! and a peer with many connections gets the same pieces on all of them. A granted set is not
//! checked, because deployed clients treat the address differently.

use alloc::vec::Vec;
use core::net::IpAddr;

use sha1::{Digest as _, Sha1};

use crate::ids::{InfoHash, PieceIndex};

/// What a client grants, and whether it uses what is granted. BEP 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowedFast {
    /// Number of pieces that a peer may request while we choke it; 0 grants none. BEP 6: 10 in
    /// final implementations; libtorrent: 5.
    pub grants: u8,
    /// Whether to request what a peer grants while it chokes us.
    pub takes: bool,
    /// Whether the set depends on the whole address, as in libtorrent, and not only on its first
    /// three bytes. Then peers of one network get different pieces.
    pub whole_address: bool,
    /// The torrent.
    pub info_hash: InfoHash,
}

impl AllowedFast {
    /// The pieces, out of `pieces`, that the peer at `address` may request. BEP 6, *allowed fast
    /// set generation*. For IPv6, which BEP 6 does not mention, all 16 bytes are used, as in
    /// libtorrent.
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
