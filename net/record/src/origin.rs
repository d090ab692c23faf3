//! What a client and its torrent are made from.

use std::sync::Arc;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::choke::{self, Parameters};
use unchoke_core::client::{self, Client, Internet};
use unchoke_core::geometry::Geometry;
use unchoke_core::ids::PeerId;
use unchoke_core::pick;
use unchoke_core::rng::Streams;
use unchoke_core::time::Instant;
use unchoke_core::torrent::{Config, Torrent};

use crate::tuning::Tuning;

/// Everything that a client and its torrent are made from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The configuration of the torrent.
    pub config: Arc<Config>,
    /// The pieces at the start.
    pub have: Bitfield,
    /// The id of the choking policy.
    pub policy: String,
    /// The policy parameters that are set; the others have their defaults.
    pub parameters: Parameters,
    /// The id of the picker.
    pub picker: String,
    /// The seed of the random streams.
    pub run_seed: u64,
    /// The number of this client among those that share the seed.
    pub run_peer: u32,
    /// Most connections.
    pub connections: u16,
    /// Other settings of the client profile.
    pub tuning: Tuning,
    /// Whether the torrent is private: peers come from trackers only. BEP 27.
    pub private: bool,
    /// The peer id of the client.
    pub name: PeerId,
    /// Number of trackers in each tier.
    pub tiers: Vec<usize>,
    /// Number of web seeds.
    pub web_seeds: u16,
}

/// Why the settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The policy or one of its parameters does not exist.
    #[error("{0}")]
    Policy(#[from] choke::ParameterError),
    /// The picker does not exist.
    #[error("there is no piece picker '{0}'; known are: {known}", known = pick::PICKERS.join(", "))]
    Picker(String),
}

impl Origin {
    /// Makes the torrent, at time zero.
    pub fn torrent(&self) -> Result<Torrent, OriginError> {
        let policy = crate::policies::all().build(&self.policy, &self.parameters)?;
        let picker =
            pick::build(&self.picker).ok_or_else(|| OriginError::Picker(self.picker.clone()))?;
        Ok(Torrent::new(
            Arc::clone(&self.config),
            self.have.clone(),
            policy,
            picker,
            Streams::new(self.run_seed),
            self.run_peer,
            Instant::START,
        ))
    }

    /// The configuration of the client around the torrent; the same for every session with these
    /// settings.
    fn client_config(&self) -> client::Config {
        let config = client::Config {
            private: self.private,
            ..client::Config::new(self.connections)
        };
        self.tuning.around(config)
    }

    /// Makes the client, at time zero.
    pub fn client(&self) -> Result<Client<Internet>, OriginError> {
        let client = Client::new(
            self.client_config(),
            self.torrent()?,
            self.name,
            self.tiers.iter().copied(),
            Streams::new(self.run_seed),
            self.run_peer,
            Instant::START,
        );
        Ok(client.with_web_seeds(self.web_seeds))
    }

    /// The debug text of the whole configuration.
    pub(crate) fn text(&self) -> String {
        format!("{:?} {:?}", self.config, self.client_config())
    }
}

/// The configuration that every session starts from. Recordings depend on it.
#[must_use]
pub fn base_config(geometry: Geometry) -> Config {
    Config::new(geometry)
}
