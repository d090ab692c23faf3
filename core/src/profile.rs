//! Client profiles: the settings of deployed clients, as one table. Scenarios, plans and `unchoke
//! --profile` start from a row; any key can still be set in addition.
//!
//! The source of each figure stands beside it. `experiments/PROFILES.md` says what each row leaves
//! out. Behaviour of a client that no key here can express is not modelled.

use core::time::Duration;

use crate::allowed_fast::AllowedFast;
use crate::choke::Parameters;
use crate::client;
use crate::geometry::Geometry;
use crate::ids::InfoHash;
use crate::torrent::{Config, Endgame, Limits, Pipeline};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Mainline 3.4.2 `rerequest_interval`; libtorrent's shortest time between announces is the same.
const REREQUEST: Duration = Duration::from_mins(5);

/// Times after which a client gives up, or must say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// For an attempt to connect, handshake included.
    pub dial: Duration,
    /// For the handshake of an incoming connection.
    pub handshake: Duration,
    /// A peer that sends nothing for this long is closed.
    pub idle: Duration,
    /// A peer to which nothing was sent for this long gets a keep-alive.
    pub keep_alive: Duration,
}

impl Default for Timers {
    /// Mainline 3.4.2: 120 s between keep-alives, `timeout` 300 s. It has no limits of its own for
    /// the other two; they are those of libtorrent, as in [`client::Config::new`].
    fn default() -> Self {
        MAINLINE_TIMERS
    }
}

const MAINLINE_TIMERS: Timers = Timers {
    dial: Duration::from_secs(15),
    handshake: Duration::from_secs(10),
    idle: Duration::from_mins(5),
    keep_alive: Duration::from_mins(2),
};

impl Timers {
    /// The same limits of a torrent with these times.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Limits {
        Limits {
            idle: self.idle,
            keep_alive: self.keep_alive,
            ..limits
        }
    }

    /// The same settings of a client with these times.
    #[must_use]
    pub fn around(self, config: client::Config) -> client::Config {
        client::Config {
            dial: self.dial,
            handshake: self.handshake,
            ..config
        }
    }
}

/// The settings of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name in scenarios, plans and on the command line.
    pub id: &'static str,
    /// One sentence: which client, and what it is known for.
    pub summary: &'static str,
    /// Registered choking policy.
    pub policy: &'static str,
    /// Its parameters that do not have their defaults, by name.
    pub parameters: &'static [(&'static str, u64)],
    /// Registered piece picker.
    pub picker: &'static str,
    /// Number of requests it keeps outstanding at a peer.
    pub pipeline: Pipeline,
    /// A peer that owes a block for this long is snubbed.
    pub snub_after: Duration,
    /// How it requests the last blocks.
    pub endgame: Endgame,
    /// Most connections, incoming and outgoing together.
    pub max_connections: u16,
    /// Number of connections above which it does not dial; `None` for mainline's share of
    /// `max_connections`.
    pub initiate: Option<u16>,
    /// With fewer connections than this it asks the tracker early; `None` as for `initiate`.
    pub enough: Option<u16>,
    /// Time after which it asks the tracker early.
    pub rerequest_interval: Duration,
    /// Further times.
    pub timers: Timers,
    /// It exchanges peers. BEP 11.
    pub peer_exchange: bool,
    /// What it allows under a choke, and whether it uses what others allow. BEP 6. The info-hash is
    /// not set yet.
    pub allowed_fast: AllowedFast,
}

/// Nothing is allowed under a choke, and nothing that others allow is used.
const NEVER: AllowedFast = AllowedFast {
    grants: 0,
    takes: false,
    whole_address: false,
    info_hash: InfoHash([0; 20]),
};

/// The client of the original claim: `tit_for_tat` with five connections.
const ORIGINAL: Profile = Profile {
    id: "original",
    summary: "the client of the claim: tit_for_tat, five connections, slow ones dropped",
    policy: "tit_for_tat",
    parameters: &[],
    picker: "rarest_first",
    // Cohen 2003 §2.2: five requests. Where the claim says nothing, the values are those of
    // libtorrent.
    pipeline: Pipeline {
        queue_time: Duration::from_secs(3),
        min: 5,
        max: 500,
        start: 0,
    },
    // Cohen 2003 §2.5: "over a minute".
    snub_after: MINUTE,
    endgame: Endgame::Capped,
    max_connections: 5,
    initiate: None,
    enough: None,
    rerequest_interval: REREQUEST,
    timers: MAINLINE_TIMERS,
    peer_exchange: false,
    allowed_fast: NEVER,
};

/// The same without a wait that only costs: the original keeps a free slot empty until the next
/// round, so a first peer waits up to 10 s. The claim is about `original`.
const ORIGINAL_PLUS: Profile = Profile {
    id: "original+",
    summary: "original, but a free slot goes to the next interested peer at once",
    parameters: &[("at_once", 1)],
    ..ORIGINAL
};

/// Mainline 4 and 5.
const MAINLINE: Profile = Profile {
    id: "mainline",
    summary: "BitTorrent 4 and 5 (Python): 5 s rounds, slots by the root of the rate",
    policy: "mainline_522",
    parameters: &[],
    picker: "rarest_first",
    // 4.x: 2 + 4 s of rate, cut to 50 as long as there are fewer than 667.
    pipeline: Pipeline {
        queue_time: Duration::from_secs(4),
        min: 2,
        max: 50,
        start: 0,
    },
    // `max_slice_length` 16 KiB, `snub_time` 30 s.
    snub_after: Duration::from_secs(30),
    // The client asks all peers for all missing blocks at once; one block at a time is the closest
    // setting.
    endgame: Endgame::Strict,
    // Legout et al. 2006, §III.A: at most 80 connections, at most 40 opened by the client, at least
    // 20.
    max_connections: 80,
    initiate: Some(40),
    enough: Some(20),
    rerequest_interval: REREQUEST,
    timers: MAINLINE_TIMERS,
    peer_exchange: false,
    allowed_fast: NEVER,
};

/// Transmission 4.
const TRANSMISSION: Profile = Profile {
    id: "transmission",
    summary: "Transmission: 8 slots every 10 s by speed of two seconds, 10 s of requests",
    policy: "transmission",
    parameters: &[],
    picker: "rarest_first",
    // `peer-msgs.cc`: 10 s of rate, at least 32.
    pipeline: Pipeline {
        queue_time: Duration::from_secs(10),
        min: 32,
        max: 500,
        start: 0,
    },
    // `peer-msgs.cc`: a request is given up after 25 s.
    snub_after: Duration::from_secs(25),
    // `peer-mgr-wishlist`: in the endgame two peers are asked for a block.
    endgame: Endgame::Capped,
    // `peer-limit-per-torrent`.
    max_connections: 50,
    initiate: Some(50),
    enough: Some(50),
    rerequest_interval: REREQUEST,
    // `handshake.h`: 30 s for the whole handshake in both directions. Keep-alives after 100 s. A peer
    // without piece data is closed after 60 to 300 s, by how many others wait; 300 s is the closest
    // setting.
    timers: Timers {
        dial: Duration::from_secs(30),
        handshake: Duration::from_secs(30),
        keep_alive: Duration::from_secs(100),
        ..MAINLINE_TIMERS
    },
    peer_exchange: true,
    // `peer-mgr.cc`: using what peers allow is "not currently supported"; the client allows nothing
    // itself.
    allowed_fast: NEVER,
};

/// libtorrent 2.0 with its defaults.
const LIBTORRENT: Profile = Profile {
    id: "libtorrent",
    summary: "libtorrent-rasterbar 2.0: 8 slots every 15 s by bytes of the round, strict endgame",
    policy: "libtorrent_fixed",
    parameters: &[],
    picker: "libtorrent",
    // `request_queue_time` 3 s, `max_out_request_queue` 500, `min_request_queue` 2. The client
    // begins with four and adds one for each block while the rate grows (`peer_connection.cpp`,
    // slow start).
    pipeline: Pipeline {
        queue_time: Duration::from_secs(3),
        min: 2,
        max: 500,
        start: 4,
    },
    // `piece_timeout`: 20 s without a block.
    snub_after: Duration::from_secs(20),
    // `strict_end_game_mode`.
    endgame: Endgame::Strict,
    // `connections_limit`, of the whole session.
    max_connections: 200,
    initiate: Some(200),
    enough: Some(20),
    rerequest_interval: REREQUEST,
    // `peer_connect_timeout` 15 s, without the 3 s more for each failure; `handshake_timeout` 10 s;
    // `peer_timeout` 120 s, and keep-alives after half of it.
    timers: Timers {
        dial: Duration::from_secs(15),
        handshake: Duration::from_secs(10),
        idle: Duration::from_mins(2),
        keep_alive: Duration::from_mins(1),
    },
    peer_exchange: true,
    // `allowed_fast_set_size`; `peer_connection.cpp` hashes the whole address.
    allowed_fast: AllowedFast {
        grants: 5,
        takes: true,
        whole_address: true,
        ..NEVER
    },
};

/// qBittorrent: libtorrent with other limits.
const QBITTORRENT: Profile = Profile {
    id: "qbittorrent",
    summary: "qBittorrent: libtorrent with 4 slots a torrent, a seed serves the fastest",
    policy: "qbittorrent",
    // `MaxConnectionsPerTorrent`.
    max_connections: 100,
    initiate: Some(100),
    ..LIBTORRENT
};

/// aria2.
const ARIA2: Profile = Profile {
    id: "aria2",
    summary: "aria2: 4 slots every 10 s by speed, 55 peers, everybody asked for the last pieces",
    policy: "aria2",
    parameters: &[],
    picker: "rarest_first",
    // `BtConstants.h`: 6 to 256. The client adds requests when answers come faster; the time is our
    // choice.
    pipeline: Pipeline {
        queue_time: Duration::from_secs(3),
        min: 6,
        max: 256,
        start: 0,
    },
    // `bt-request-timeout`.
    snub_after: MINUTE,
    // In the endgame every peer is asked for all missing blocks.
    endgame: Endgame::Strict,
    // `bt-max-peers`.
    max_connections: 55,
    initiate: Some(55),
    enough: Some(40),
    rerequest_interval: REREQUEST,
    // `peer-connection-timeout` 20 s, also for the handshake of incoming connections; `bt-timeout`
    // 180 s; `bt-keep-alive-interval` 120 s.
    timers: Timers {
        dial: Duration::from_secs(20),
        handshake: Duration::from_secs(20),
        idle: Duration::from_mins(3),
        keep_alive: Duration::from_mins(2),
    },
    peer_exchange: true,
    // `BtConstants.h`: 10.
    allowed_fast: AllowedFast {
        grants: 10,
        takes: true,
        ..NEVER
    },
};

/// rqbit.
const RQBIT: Profile = Profile {
    id: "rqbit",
    summary: "rqbit: unchokes everybody for good, 128 requests at each of 128 peers",
    policy: "unchoke_all",
    parameters: &[],
    picker: "sequential",
    pipeline: Pipeline {
        queue_time: SECOND,
        min: 128,
        max: 128,
        start: 0,
    },
    snub_after: MINUTE,
    // The client takes a piece over from a slower peer; a second copy that is cancelled is the
    // closest setting.
    endgame: Endgame::Capped,
    max_connections: 128,
    initiate: Some(128),
    enough: Some(40),
    rerequest_interval: REREQUEST,
    // 10 s each to connect and to read or write; keep-alives after 120 s.
    timers: Timers {
        dial: Duration::from_secs(10),
        handshake: Duration::from_secs(10),
        ..MAINLINE_TIMERS
    },
    peer_exchange: true,
    allowed_fast: NEVER,
};

/// anacrolix/torrent.
const ANACROLIX: Profile = Profile {
    id: "anacrolix",
    summary: "anacrolix/torrent: 100 KiB of credit for each peer, a seed serves everybody",
    policy: "credit",
    parameters: &[],
    picker: "rarest_first",
    // Twice the peak rate, at most what the peer queues.
    pipeline: Pipeline {
        queue_time: Duration::from_secs(2),
        min: 16,
        max: 1024,
        start: 0,
    },
    snub_after: MINUTE,
    // The client takes requests over from peers that have more of them; see `RQBIT`.
    endgame: Endgame::Capped,
    // `EstablishedConnsPerTorrent`.
    max_connections: 50,
    initiate: Some(50),
    enough: Some(25),
    rerequest_interval: REREQUEST,
    // `NominalDialTimeout` 20 s, less while many addresses wait (`MinDialTimeout` 3 s);
    // `HandshakesTimeout` 4 s; keep-alives after 60 s. A silent peer is not closed; 300 s is the
    // usual limit.
    timers: Timers {
        dial: Duration::from_secs(20),
        handshake: Duration::from_secs(4),
        keep_alive: Duration::from_mins(1),
        ..MAINLINE_TIMERS
    },
    peer_exchange: true,
    // `peerconn.go`: the client uses what peers allow.
    allowed_fast: AllowedFast {
        takes: true,
        ..NEVER
    },
};

/// Every profile.
pub const PROFILES: &[Profile] = &[
    ORIGINAL,
    ORIGINAL_PLUS,
    MAINLINE,
    TRANSMISSION,
    LIBTORRENT,
    QBITTORRENT,
    ARIA2,
    RQBIT,
    ANACROLIX,
];

impl Profile {
    /// The profile of this name, if there is one.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|it| it.id == id)
    }

    /// The parameters of its policy.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::new();
        for (name, value) in self.parameters {
            parameters.set(name, *value);
        }
        parameters
    }

    /// The configuration of a torrent; values that profiles do not set are those of
    /// [`Config::new`].
    #[must_use]
    pub fn torrent(&self, geometry: Geometry) -> Config {
        let usual = Config::new(geometry);
        Config {
            pipeline: self.pipeline,
            snub_after: self.snub_after,
            endgame: self.endgame,
            connections: self.max_connections,
            allowed_fast: self.allowed_fast,
            limits: self.timers.limits(usual.limits),
            ..usual
        }
    }

    /// The configuration of the client around a torrent; values that profiles do not set are those
    /// of [`client::Config::new`].
    #[must_use]
    pub fn around(&self) -> client::Config {
        let config = client::Config::new(self.max_connections);
        self.timers.around(config.with(self.initiate, self.enough))
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::{Config, Geometry, PROFILES, Profile, Timers};
    use crate::{choke, client, pick};

    fn geometry() -> Geometry {
        Geometry::new(1 << 20, 1 << 18).expect("four pieces")
    }

    #[test]
    fn a_profile_names_what_there_is() {
        let names: BTreeSet<&str> = PROFILES.iter().map(|it| it.id).collect();
        assert_eq!(names.len(), PROFILES.len());
        for it in PROFILES {
            let policy = choke::build(it.policy, &it.parameters());
            assert!(policy.is_ok(), "{}", it.id);
            assert!(pick::build(it.picker).is_some(), "{}", it.id);
            assert!(it.pipeline.min <= it.pipeline.max, "{}", it.id);
            let around = it.around();
            assert!(around.initiate <= it.max_connections, "{}", it.id);
            assert!(around.enough <= around.initiate, "{}", it.id);
            assert_eq!(it.torrent(geometry()).endgame, it.endgame);
            assert!(it.timers.keep_alive < it.timers.idle, "{}", it.id);
            assert_eq!(it.torrent(geometry()).limits.idle, it.timers.idle);
            assert_eq!(around.dial, it.timers.dial);
        }
    }

    #[test]
    fn without_a_profile_times_are_the_usual_ones() {
        let (timers, config) = (Timers::default(), Config::new(geometry()));
        let around = client::Config::new(50);
        assert_eq!(timers.limits(config.limits), config.limits);
        assert_eq!(timers.around(around), around);
        let original = Profile::find("original").expect("a profile");
        assert_eq!(original.timers, timers);
    }
}
