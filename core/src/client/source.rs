//! Where an address is known from: what that is worth, and how many of each kind are remembered.

/// Where an address is known from, the most trusted first: of several that are due, the first is
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
    /// It announced itself in the local network. BEP 14.
    LocalNetwork,
    /// It connected to us and said where it listens.
    Incoming,
    /// The distributed hash table named it. BEP 5.
    Dht,
    /// A peer named it. BEP 11.
    PeerExchange,
}

impl Source {
    /// How many sources there are.
    pub(super) const COUNT: usize = Self::PeerExchange as usize + 1;

    /// All of them, in their order.
    pub const ALL: [Self; 7] = [
        Self::User,
        Self::Tracker,
        Self::Resume,
        Self::LocalNetwork,
        Self::Incoming,
        Self::Dht,
        Self::PeerExchange,
    ];

    /// Whether strangers cannot easily put addresses of their own there: who is named so may be
    /// dialled although the connections are taken, if those who hold them are of little use.
    #[must_use]
    pub fn is_first_hand(self) -> bool {
        self <= Self::Tracker
    }

    /// Addresses of this source that are remembered at most. All together they are less than the
    /// `max_peerlist_size` of libtorrent (3000).
    #[must_use]
    pub fn places(self) -> usize {
        match self {
            Self::User => 500,
            Self::Tracker => 1000,
            Self::Resume | Self::Incoming => 200,
            Self::LocalNetwork => 100,
            Self::Dht | Self::PeerExchange => 400,
        }
    }

    /// Addresses that one peer may have in the places of peer exchange. BEP 11 bounds a message to 50,
    /// and warns of peers that flood others with them (*security considerations*).
    pub const PLACES_OF_A_TELLER: usize = 50;

    /// Whether addresses of this source may be dialled. Those of a private torrent come from its
    /// tracker alone (BEP 27), and from the user, who may know what the tracker said.
    #[must_use]
    pub fn is_allowed(self, private: bool) -> bool {
        !private || matches!(self, Self::User | Self::Tracker)
    }
}
