//! Settings of a client: every figure by name, with its source. The module that uses a figure
//! explains its effect. Redial times have their own table in [`super::redial`].

use core::time::Duration;

use super::announcer::Schedule;

/// Settings of a client. Shared by all peers of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Most connections, incoming and outgoing together. libtorrent: 50 per torrent in most front
    /// ends; mainline 3.4.2: 55.
    pub connections: u16,
    /// Extra connections beyond `connections`, for new peers on trial. After the trial the least
    /// useful connections are closed.
    pub on_trial: u16,
    /// Time for a new peer to show whether it is useful. A bitfield and an interest follow the
    /// handshake within a round trip.
    pub trial: Duration,
    /// With this many connections and attempts we stop dialling and wait for others to connect. So
    /// clients do not fill themselves up by dialling, and late peers find room. Mainline 3.4.2
    /// `max_initiate`: 35 of 55.
    pub initiate: u16,
    /// With fewer connections than this we ask the trackers early. Mainline 3.4.2 `min_peers`: 20
    /// of 55.
    pub enough: u16,
    /// Most attempts under way at a time; our own choice.
    pub attempts: u16,
    /// Most attempts begun within a second, so that addresses which refuse at once do not keep us
    /// busy. libtorrent `connection_speed`: 30.
    pub attempts_a_second: u16,
    /// An attempt, handshake included, is given up after this time. libtorrent
    /// `peer_connect_timeout`: 15 s.
    pub dial: Duration,
    /// Time for the handshake of an incoming connection. libtorrent `handshake_timeout`: 10 s.
    pub handshake: Duration,
    /// Most incoming connections whose handshake is not done.
    pub half_open: u16,
    /// Time between two turnovers, which replace the least useful connections. libtorrent
    /// `peer_turnover_interval`: 300 s.
    pub turnover: Duration,
    /// Number of peers that we ask a tracker for. Transmission: 80.
    pub wanted: u32,
    /// The torrent is private. BEP 27.
    pub private: bool,
    /// Bounds of the time between announces.
    pub schedule: Schedule,
}

/// Connections of mainline 3.4.2: `max_initiate + 20`, as its download page says.
const MAINLINE_MAX: u32 = 55;

/// Scales a figure of mainline, `of_mainline`, to `connections`, rounded up.
fn share(connections: u16, of_mainline: u32) -> u16 {
    let share = (u32::from(connections) * of_mainline).div_ceil(MAINLINE_MAX);
    u16::try_from(share).expect("less than all")
}

impl Config {
    /// The defaults for this many connections.
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

    /// The same with other values for `initiate` and `enough`, none above `connections`; `None`
    /// keeps a value.
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

    /// Most connections, including those on trial.
    #[must_use]
    pub fn most(&self) -> usize {
        usize::from(self.connections) + usize::from(self.on_trial)
    }

    /// Most connections with one host. libtorrent allows one (`allow_multiple_connections_per_ip`),
    /// but several peers behind one public address are common. Whole swarms can share a local
    /// address, so such a host may have half of all connections.
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

    /// Connections of one host above which its connections are closed before those of other hosts.
    #[must_use]
    pub fn fair_share(&self) -> usize {
        usize::from(self.connections / 8).max(2)
    }
}
