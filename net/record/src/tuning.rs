//! Settings of client profiles beyond policy, picker and connections.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use unchoke_core::allowed_fast::AllowedFast;
use unchoke_core::client;
use unchoke_core::ids::InfoHash;
use unchoke_core::profile::{Profile, Timers};
use unchoke_core::torrent::{Config, Endgame, Pipeline};

/// How the last blocks are requested; see [`Endgame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastBlocks {
    /// From one peer only.
    Once,
    /// From at most one more peer.
    Capped,
    /// From every peer that has no other request outstanding.
    Strict,
}

/// Times after which a connection is given up, or hears from us, in milliseconds; see [`Timers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waits {
    /// For an attempt to connect, handshake included.
    pub dial_ms: u64,
    /// For the handshake of an incoming connection.
    pub handshake_ms: u64,
    /// A peer that sends nothing for this long is closed.
    pub idle_ms: u64,
    /// A peer to which nothing was sent for this long gets a keep-alive.
    pub keep_alive_ms: u64,
}

impl Waits {
    fn of(timers: Timers) -> Self {
        Self {
            dial_ms: millis(timers.dial),
            handshake_ms: millis(timers.handshake),
            idle_ms: millis(timers.idle),
            keep_alive_ms: millis(timers.keep_alive),
        }
    }

    fn timers(self) -> Timers {
        Timers {
            dial: Duration::from_millis(self.dial_ms),
            handshake: Duration::from_millis(self.handshake_ms),
            idle: Duration::from_millis(self.idle_ms),
            keep_alive: Duration::from_millis(self.keep_alive_ms),
        }
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self::of(Timers::default())
    }
}

/// Settings of a client without command-line options of their own. Recordings contain them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Outstanding requests per peer: enough blocks for this time, in milliseconds.
    pub queue_time_ms: u64,
    /// Fewest outstanding requests per peer.
    pub min_requests: u16,
    /// Most outstanding requests per peer.
    pub max_requests: u16,
    /// Outstanding requests with which a connection begins; 0: as the rate says. Earlier recordings
    /// lack it.
    #[serde(default)]
    pub start_requests: u16,
    /// A peer that owes us a block for this time, in milliseconds, is snubbed.
    pub snub_after_ms: u64,
    /// How the last blocks are requested.
    pub endgame: LastBlocks,
    /// Number of pieces that a choked peer may request. BEP 6.
    pub allowed_fast: u8,
    /// Whether to request allowed-fast pieces while the peer chokes us.
    pub takes_allowed_fast: bool,
    /// Whether the allowed-fast pieces depend on the peer's full address instead of its network.
    pub allowed_fast_by_address: bool,
    /// With this many connections or more, we dial no peers.
    pub initiate: Option<u16>,
    /// With fewer connections than this, trackers are asked early.
    pub enough: Option<u16>,
    /// Whether to exchange peers. BEP 11.
    pub peer_exchange: bool,
    /// Further times. Earlier recordings lack them.
    #[serde(default)]
    pub waits: Waits,
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Default for Tuning {
    /// The client of the project's main claim, with peer exchange.
    fn default() -> Self {
        let original = Profile::find("original").expect("a profile");
        Self {
            peer_exchange: true,
            ..Self::of(original)
        }
    }
}

impl Tuning {
    /// The settings of a client profile.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        let allowed = profile.allowed_fast;
        Self {
            queue_time_ms: millis(profile.pipeline.queue_time),
            min_requests: profile.pipeline.min,
            max_requests: profile.pipeline.max,
            start_requests: profile.pipeline.start,
            snub_after_ms: millis(profile.snub_after),
            endgame: match profile.endgame {
                Endgame::Off => LastBlocks::Once,
                Endgame::Capped => LastBlocks::Capped,
                Endgame::Strict => LastBlocks::Strict,
            },
            allowed_fast: allowed.grants,
            takes_allowed_fast: allowed.takes,
            allowed_fast_by_address: allowed.whole_address,
            initiate: profile.initiate,
            enough: profile.enough,
            peer_exchange: profile.peer_exchange,
            waits: Waits::of(profile.timers),
        }
    }

    /// The configuration of a torrent with these settings.
    #[must_use]
    pub fn torrent(self, config: Config, info_hash: InfoHash) -> Config {
        Config {
            pipeline: Pipeline {
                queue_time: Duration::from_millis(self.queue_time_ms),
                min: self.min_requests,
                max: self.max_requests,
                start: self.start_requests,
            },
            snub_after: Duration::from_millis(self.snub_after_ms),
            endgame: match self.endgame {
                LastBlocks::Once => Endgame::Off,
                LastBlocks::Capped => Endgame::Capped,
                LastBlocks::Strict => Endgame::Strict,
            },
            allowed_fast: AllowedFast {
                grants: self.allowed_fast,
                takes: self.takes_allowed_fast,
                whole_address: self.allowed_fast_by_address,
                info_hash,
            },
            limits: self.waits.timers().limits(config.limits),
            ..config
        }
    }

    /// The configuration of the client around the torrent.
    #[must_use]
    pub fn around(self, config: client::Config) -> client::Config {
        let timers = self.waits.timers();
        timers.around(config.with(self.initiate, self.enough))
    }
}
