//! Sources of addresses: how much each is trusted, and how many addresses of each are remembered.

/// Source of an address, the most trusted first. If several addresses are due, the most trusted is
/// dialled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Source {
    /// The user named it.
    User,
    /// A tracker of the torrent named it.
    Tracker,
    /// An earlier session was connected to it.
    Resume,
    /// The peer announced itself in the local network. BEP 14.
    LocalNetwork,
    /// The magnet link names it: a hint of whoever made the link.
    Link,
    /// The peer connected to us and said where it listens.
    Incoming,
    /// The distributed hash table named it. BEP 5.
    Dht,
    /// A peer named it. BEP 11.
    PeerExchange,
}

impl Source {
    /// Number of sources.
    pub(super) const COUNT: usize = Self::PeerExchange as usize + 1;

    /// All sources, in their order.
    pub const ALL: [Self; 8] = [
        Self::User,
        Self::Tracker,
        Self::Resume,
        Self::LocalNetwork,
        Self::Link,
        Self::Incoming,
        Self::Dht,
        Self::PeerExchange,
    ];

    /// Whether strangers cannot easily place addresses of their own in this source. Such addresses
    /// may be dialled even if all connections are taken, as long as some connected peers are of
    /// little use.
    #[must_use]
    pub fn is_first_hand(self) -> bool {
        self <= Self::Tracker
    }

    /// Most addresses of this source to remember. Together they are fewer than the
    /// `max_peerlist_size` of libtorrent (3000).
    #[must_use]
    pub fn places(self) -> usize {
        match self {
            Self::User => 500,
            Self::Tracker => 1000,
            Self::Resume | Self::Link | Self::Incoming => 200,
            Self::LocalNetwork => 100,
            Self::Dht | Self::PeerExchange => 400,
        }
    }

    /// Most remembered addresses that one peer named by peer exchange. BEP 11 limits a message to
    /// 50, and warns of peers that flood others with addresses (*security considerations*).
    pub const PLACES_OF_A_TELLER: usize = 50;

    /// Whether addresses of this source may be dialled. In a private torrent they must come from
    /// its tracker (BEP 27), or from the user, who may know the tracker's answer. A link counts as a
    /// tracker here: whoever made it chose the trackers as well.
    #[must_use]
    pub fn is_allowed(self, private: bool) -> bool {
        !private || matches!(self, Self::User | Self::Tracker | Self::Link)
    }
}
