//! Scenarios: what a swarm is made of, in TOML with units as text.
//!
//! A [`Scenario`] and a seed [`expand`] to a [`crate::spec::SwarmSpec`], which is all that the
//! world sees. Nothing is drawn before that, so a scenario is a distribution of swarms and a seed
//! picks one. Start reading at [`Scenario`]; `sim/scenarios/` has examples.

mod builtin;
mod canonical;
mod document;
mod error;
mod expand;
mod read;
mod read_access;
mod read_capacity;
mod read_client;
mod read_law;
mod read_network;
mod read_peers;
mod read_transport;
mod section;

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use unchoke_core::geometry::Geometry;

pub use builtin::Builtin;
pub use error::{Place, ScenarioError};
pub use expand::expand;

use crate::distribution::{Cdf, Law};
use crate::spec::{ClientSpec, NetworkSpec, TrackerSpec};
use crate::units::{Decimal, Share};
use error::Problem;

/// Most peers of a scenario.
pub const MAX_PEERS: u32 = 10_000_000;

/// Longest scenario file that is read, bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// What a swarm is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Name in results.
    pub name: String,
    /// Raised with every change that changes results.
    pub version: u32,
    /// One sentence: what it is for.
    pub about: String,
    /// Runs end here at the latest.
    pub horizon: Duration,
    /// Time between two points of the time series.
    pub sample_every: Duration,
    /// Size and division of the torrent.
    pub geometry: Geometry,
    /// What lies between the nodes.
    pub network: NetworkSpec,
    /// Regions of the network; the first is that of an origin that names none.
    pub regions: Vec<Region>,
    /// The tracker.
    pub tracker: TrackerSpec,
    /// What peers run where a population says nothing else.
    pub client: ClientSpec,
    /// Who starts with every piece and never leaves; at least one.
    pub origins: Vec<Origins>,
    /// Everyone else.
    pub peers: Peers,
    /// What the peers run. The first population takes its peers first, in an order that depends
    /// on the seed alone: a larger share of it holds every peer of a smaller one.
    pub populations: Vec<Population>,
    /// What goes wrong.
    pub faults: Faults,
}

/// A region of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// How many of the peers are there. The shares of all regions sum to 100 %.
    pub share: Share,
    /// One-way delay to each region, itself included; the same in both directions.
    pub delays: Vec<Duration>,
}

/// Origin seeds that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// How many; at least 1.
    pub count: u32,
    /// Access link of each.
    pub access: Access,
    /// Position of their region.
    pub region: u16,
    /// What each runs.
    pub client: ClientSpec,
}

/// An access link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Uplink, bytes/s.
    pub up: u64,
    /// Downlink, bytes/s.
    pub down: u64,
    /// One-way delay to the middle of the network.
    pub delay: Duration,
}

/// The peers that come to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    /// How many, from 1 to [`MAX_PEERS`].
    pub count: u32,
    /// When they come.
    pub arrivals: Arrivals,
    /// How long they stay once they have every piece.
    pub stay: StayModel,
    /// After so long a peer that is not done gives up and leaves.
    pub patience: Option<Law>,
    /// After so long a peer leaves, done or not.
    pub session: Option<Law>,
    /// As a peer leaves, another joins in its place: so many times for each of [`Peers::count`].
    pub rejoins: u32,
    /// Their access links.
    pub capacity: Capacity,
    /// How many of them accept connections.
    pub reachable: Share,
}

/// When peers come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Uniform over this time; all at the start if it is zero.
    Flash {
        /// From the start.
        window: Duration,
    },
    /// With independent exponential gaps, the first one before the first peer.
    Poisson {
        /// Mean gap.
        mean_gap: Duration,
    },
    /// At a rate that falls as exp(-t/tau). Guo et al. 2005.
    Decay {
        /// Time constant.
        tau: Duration,
    },
    /// With independent gaps of this distribution, the first one before the first peer.
    Gaps(Law),
    /// At these times; the first so many of them as there are peers.
    Trace {
        /// From the start.
        times: Vec<Duration>,
    },
}

/// How long peers stay once they have every piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StayModel {
    /// Not at all.
    AtOnce,
    /// Until the run ends.
    Forever,
    /// A time of this distribution.
    For(Law),
}

/// Access links of the peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Classes whose shares sum to 100 %.
    Classes(Vec<Class>),
    /// A measured distribution of uplinks.
    Measured(Measured),
}

/// Peers with the same access link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Name in results.
    pub name: String,
    /// How many of the peers.
    pub share: Share,
    /// Their link.
    pub access: Access,
}

/// A measured distribution of uplinks. Results group the peers into four equal classes, `q1` for
/// the slowest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Distribution of the uplink, in units of `unit`.
    pub cdf: Cdf,
    /// Bytes/s that a 1 in the distribution means.
    pub unit: u64,
    /// Every uplink is multiplied by this.
    pub scale: Decimal,
    /// The downlink.
    pub down: Down,
    /// One-way delay to the middle of the network.
    pub delay: Duration,
}

/// A downlink that was not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// The same for all, bytes/s.
    Fixed(u64),
    /// The uplink times this.
    Factor(Decimal),
}

/// Peers that run the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Population {
    /// How many of the peers.
    pub part: Part,
    /// What they run.
    pub client: ClientSpec,
}

/// How many of the peers a population is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A share.
    Share(Share),
    /// A number.
    Count(u32),
    /// Those that the others leave.
    Rest,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Peers whose payload is wrong.
    pub corrupting: Share,
    /// Peers that say they have every piece but one, whatever they have.
    pub overstating: Share,
    /// Peers that say they have nothing, whatever they have.
    pub understating: Share,
    /// Mean time after which a connection breaks by itself.
    pub break_mean: Option<Duration>,
}

impl Scenario {
    /// The built-in scenarios, by name.
    #[must_use]
    pub fn list() -> Vec<Builtin> {
        builtin::list()
    }

    /// The built-in scenario of this name if there is one, else the scenario in this file.
    pub fn load(name_or_path: &str, overrides: &[String]) -> Result<Self, ScenarioError> {
        match builtin::source(name_or_path) {
            Some(source) => source.read(overrides),
            None => Self::from_file(Path::new(name_or_path), overrides),
        }
    }

    /// The built-in scenario of this name.
    pub fn builtin(name: &str, overrides: &[String]) -> Result<Self, ScenarioError> {
        let source = builtin::source(name).ok_or_else(|| {
            let expected = builtin::suggestion(name);
            Problem::new(&Place::Whole, "", expected, "no built-in scenario").in_file(name)
        })?;
        source.read(overrides)
    }

    /// The scenario in this file. Files that it names are looked for beside it.
    pub fn from_file(path: &Path, overrides: &[String]) -> Result<Self, ScenarioError> {
        let name = path.display().to_string();
        let text = read_text(path).map_err(|found| {
            let expected = format!("a scenario file, or {}", builtin::suggestion(&name));
            Problem::new(&Place::Whole, "", expected, found).in_file(&name)
        })?;
        Self::from_toml(&text, &name, path.parent(), overrides)
    }

    /// The scenario in `text`. `file` is its name in messages; `folder` is where the files are
    /// that it may name.
    pub fn from_toml(
        text: &str,
        file: &str,
        folder: Option<&Path>,
        overrides: &[String],
    ) -> Result<Self, ScenarioError> {
        let read = || {
            let mut root = document::read(text)?;
            for text in overrides {
                document::apply(&mut root, text)?;
            }
            read::scenario(&root, folder)
        };
        read().map_err(|it| it.in_file(file))
    }

    /// The scenario as TOML with every default filled in: the same text for scenarios that mean
    /// the same, and reads back as this scenario.
    #[must_use]
    pub fn to_toml(&self) -> String {
        canonical::toml(self)
    }

    /// The scenario with these populations instead of its own.
    pub fn with_populations(mut self, populations: Vec<Population>) -> Result<Self, ScenarioError> {
        self.populations = populations;
        self.check()?;
        Ok(self)
    }

    /// Peers of each population, in the order of [`Scenario::populations`].
    #[must_use]
    pub fn population_counts(&self) -> Vec<u32> {
        expand::counts(self, self.peers.count)
    }

    /// What a program that has changed a scenario may have broken: shares, counts and names.
    pub fn check(&self) -> Result<(), ScenarioError> {
        read::check(self).map_err(|(key, expected, found)| {
            Problem::new(&Place::Whole, key, expected, found).in_file(&self.name)
        })
    }
}

/// The text of a file that is not absurdly long, or why not. A device has no length that could be
/// asked for before, and never ends.
fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let mut read = || {
        let file = std::fs::File::open(path)?;
        file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)
    };
    let length = read().map_err(|it: std::io::Error| it.to_string())?;
    if length as u64 > MAX_FILE_BYTES {
        return Err(format!("more than {MAX_FILE_BYTES} bytes"));
    }
    Ok(match text.strip_prefix('\u{feff}') {
        Some(after_mark) => after_mark.to_owned(),
        None => text,
    })
}
