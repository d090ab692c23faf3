//! How a client behaves around its torrent: every figure by name, with its source. What a figure
//! decides is said in the module that uses it; redial has its table in [`super::redial`].

use core::time::Duration;

use super::announcer::Schedule;

/// How a client behaves around its torrent. Shared by all peers of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Connections at most, both ways together. libtorrent: 50 a torrent in most front ends;
    /// mainline 3.4.2: 55.
    pub connections: u16,
    /// Seats beyond `connections` in which newcomers show what they are good for while somebody of
    /// no use still has a seat.
    pub on_trial: u16,
    /// A newcomer has so long to show what it is good for. A bitfield and an interest follow the
    /// handshake within a round trip.
    pub trial: Duration,
    /// Connections and attempts from which on we wait for others to connect, so that nobody is full
    /// by its own doing and who comes late finds room. Mainline 3.4.2 `max_initiate`: 35 of 55.
    pub initiate: u16,
    /// With fewer connections than this the trackers are asked early. Mainline 3.4.2 `min_peers`: 20
    /// of 55.
    pub enough: u16,
    /// Attempts under way at a time; a choice of ours.
    pub attempts: u16,
    /// Attempts begun within a second at most: addresses that refuse at once must not keep us busy.
    /// libtorrent `connection_speed`: 30.
    pub attempts_a_second: u16,
    /// An attempt, handshakes included, is given up after so long. libtorrent
    /// `peer_connect_timeout`: 15 s.
    pub dial: Duration,
    /// A stranger has so long for its handshake. libtorrent `handshake_timeout`: 10 s.
    pub handshake: Duration,
    /// Strangers whose handshake is not done, at most.
    pub half_open: u16,
    /// Time between two exchanges of connections. libtorrent `peer_turnover_interval`: 300 s.
    pub turnover: Duration,
    /// Peers that a tracker is asked for. Transmission: 80.
    pub wanted: u32,
    /// The torrent is private. BEP 27.
    pub private: bool,
    /// Bounds of the time between announces.
    pub schedule: Schedule,
}

/// Mainline 3.4.2, `max_initiate + 20`, as its download page has it.
const MAINLINE_MAX: u32 = 55;

/// The share of `connections` that `of_mainline` is of mainline's, rounded up.
fn share(connections: u16, of_mainline: u32) -> u16 {
    let share = (u32::from(connections) * of_mainline).div_ceil(MAINLINE_MAX);
    u16::try_from(share).expect("less than all")
}

impl Config {
    /// The defaults for so many connections.
    #[must_use]
    pub fn new(connections: u16) -> Self {
        Self {
            connections,
            on_trial: (connections / 5).max(2),
            trial: Duration::from_secs(10),
            initiate: share(connections, 35),
            enough: share(connections, 20),
            attempts: 20,
            attempts_a_second: 30,
            dial: Duration::from_secs(15),
            handshake: Duration::from_secs(10),
            half_open: 64,
            turnover: Duration::from_mins(5),
            wanted: 80,
            private: false,
            schedule: Schedule::default(),
        }
    }

    /// The same with other bounds, none above `connections`; `None` leaves one as it is.
    #[must_use]
    pub fn with(self, initiate: Option<u16>, enough: Option<u16>) -> Self {
        let initiate = initiate.unwrap_or(self.initiate).min(self.connections);
        let enough = enough.unwrap_or(self.enough).min(self.connections);
        Self {
            initiate,
            enough,
            ..self
        }
    }

    /// Connections with one host. libtorrent allows one (`allow_multiple_connections_per_ip`); several
    /// peers behind one public address are common. Whole swarms share a local address: there one host
    /// may have half of the seats.
    #[must_use]
    pub fn per_host(&self, shared: bool) -> usize {
        const PUBLIC: usize = 4;
        const SHARED: usize = 8;
        if shared {
            usize::from(self.connections / 2).max(SHARED)
        } else {
            PUBLIC
        }
    }

    /// Seats of one host from which on it makes room before others do.
    #[must_use]
    pub fn fair_share(&self) -> usize {
        usize::from(self.connections / 8).max(2)
    }
}
