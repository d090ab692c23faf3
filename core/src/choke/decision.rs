//! The answer of a policy: which peers are unchoked, and how they share the upload.

use alloc::vec::Vec;

use crate::geometry::BLOCK_BYTES;
use crate::ids::PeerKey;

/// Order in which requests of unchoked peers are answered.
///
/// A scheduler that gives out single blocks must decide late: on an uplink of 128 kbit/s, sixteen
/// blocks that are already handed out take 16 s to send. So `in_flight` 0 stands for the number of
/// blocks that the uplink carries in a second. That number is at least [`Self::FEWEST`], because
/// one slow receiver would otherwise hold up the others. It is at most [`Self::MOST`], which is
/// also used if the capacity is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadOrder {
    /// Each connection is served as fast as its link takes blocks: TCP shares the uplink.
    #[default]
    Independent,
    /// At most `in_flight` blocks are handed to links at a time, shared by weight (stride
    /// scheduling).
    Weighted {
        /// Blocks handed to links and not yet reported as sent, over all connections.
        in_flight: u32,
    },
    /// At most `in_flight` blocks at a time; [`ChokePolicy::next_peer`] names the receiver of the
    /// next.
    ///
    /// [`ChokePolicy::next_peer`]: super::ChokePolicy::next_peer
    ByPolicy {
        /// Blocks handed to links and not yet reported as sent, over all connections.
        in_flight: u32,
    },
}

impl UploadOrder {
    /// Smallest limit derived from a capacity.
    pub const FEWEST: u32 = 4;
    /// Largest limit derived from a capacity.
    pub const MOST: u32 = 16;

    /// Limit on the blocks handed to links, with an uplink of `capacity` bytes/s; `None` if only
    /// the limit of each link applies.
    #[must_use]
    pub fn in_flight(self, capacity: Option<u64>) -> Option<u32> {
        let (Self::Weighted { in_flight } | Self::ByPolicy { in_flight }) = self else {
            return None;
        };
        if in_flight > 0 {
            return Some(in_flight);
        }
        let carried = capacity.map(|it| u32::try_from(it / u64::from(BLOCK_BYTES)));
        let carried = carried.and_then(Result::ok).unwrap_or(Self::MOST);
        Some(carried.clamp(Self::FEWEST, Self::MOST))
    }
}

/// Which of its pieces a seed shows to connected peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disclosure {
    /// All of them. BEP 3.
    #[default]
    All,
    /// One piece to each peer, and the next when another peer has announced it: super-seeding, BEP
    /// 16.
    WhenPassedOn,
    /// One piece to each peer, and the next when the peer itself has announced it. No piece is
    /// shown to a second peer before every piece has arrived somewhere.
    WhenReceived,
}

/// Which peers are unchoked from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Slots {
    /// As before.
    #[default]
    Keep,
    /// Exactly these; all others are choked.
    Exactly(Vec<PeerKey>),
    /// As before, but this peer is unchoked.
    Unchoke(PeerKey),
    /// As before, but this peer is choked.
    Choke(PeerKey),
}

/// A decision of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Which peers are unchoked.
    pub slots: Slots,
    /// Upload cap per peer in bytes/s, `None` to lift it. Peers that are not named keep theirs.
    pub caps: Vec<(PeerKey, Option<u64>)>,
    /// Share of the upload under [`UploadOrder::Weighted`]; 1 until set. Zero counts as 1.
    pub weights: Vec<(PeerKey, u32)>,
    /// Connections to close, so that better ones may be found.
    pub disconnect: Vec<PeerKey>,
}

impl Decision {
    /// Exactly these peers are unchoked.
    #[must_use]
    pub fn exactly(peers: Vec<PeerKey>) -> Self {
        Self {
            slots: Slots::Exactly(peers),
            ..Self::default()
        }
    }

    /// This peer is unchoked, all others as before.
    #[must_use]
    pub fn unchoke(peer: PeerKey) -> Self {
        Self {
            slots: Slots::Unchoke(peer),
            ..Self::default()
        }
    }

    /// This peer is choked, all others as before.
    #[must_use]
    pub fn choke(peer: PeerKey) -> Self {
        Self {
            slots: Slots::Choke(peer),
            ..Self::default()
        }
    }
}
