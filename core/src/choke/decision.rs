//! What a policy says: who is unchoked, and how the unchoked share the upload.

use alloc::vec::Vec;

use crate::geometry::BLOCK_BYTES;
use crate::ids::PeerKey;

/// Which unchoked peer's request the next block answers.
///
/// A scheduler that hands out blocks must decide late: sixteen blocks on an uplink of 128 kbit/s are
/// 16 s of sending to whomever was chosen before. So `in_flight` is 0 for what the uplink carries in
/// a second, but [`Self::FEWEST`] at least, or one slow receiver would hold up the others, and
/// [`Self::MOST`] at most and where the capacity is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UploadOrder {
    /// Each connection is served as fast as its link takes blocks: TCP shares the uplink.
    #[default]
    Independent,
    /// At most `in_flight` blocks are at the links at a time, shared by weight (stride scheduling).
    Weighted {
        /// Blocks handed to links and not yet reported as sent, over all connections.
        in_flight: u32,
    },
    /// At most `in_flight` blocks at a time, and [`ChokePolicy::next_peer`] names who gets the next.
    ///
    /// [`ChokePolicy::next_peer`]: super::ChokePolicy::next_peer
    ByPolicy {
        /// Blocks handed to links and not yet reported as sent, over all connections.
        in_flight: u32,
    },
}

impl UploadOrder {
    /// The fewest blocks under way that follow from a capacity.
    pub const FEWEST: u32 = 4;
    /// The most of them.
    pub const MOST: u32 = 16;

    /// Blocks that may be at the links at a time, with an uplink of `capacity` bytes/s; `None` if
    /// each link has its own bound and no other.
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

/// What a seed shows of its pieces to those that connect to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disclosure {
    /// All of them. BEP 3.
    #[default]
    All,
    /// One to each peer, and the next when another peer has announced it: super-seeding, BEP 16.
    WhenPassedOn,
    /// One to each peer, and the next when the peer itself has announced it; no piece to a second
    /// peer before every piece has arrived somewhere.
    WhenReceived,
}

/// Who is unchoked from now on.
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

/// What a policy wants done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Who is unchoked.
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
