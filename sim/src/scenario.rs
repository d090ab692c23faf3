//! Scenarios describe swarms, in TOML with units as text.
//!
//! A [`Scenario`] and a seed [`expand`] to a [`crate::spec::SwarmSpec`], the only input of the
//! world. All random draws happen in that step: a scenario is a distribution of swarms, and a seed
//! selects one. Start reading at [`Scenario`]; `sim/scenarios/` has examples.

mod builtin;
mod canonical;
mod document;
mod error;
mod expand;
mod parts;
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

/// Most peers that a scenario may have.
pub const MAX_PEERS: u32 = 10_000_000;

/// Longest scenario file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The description of a swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Name used in results.
    pub name: String,
    /// Raised by every change that changes results.
    pub version: u32,
    /// One sentence: the purpose of the scenario.
    pub about: String,
    /// Latest end of a run.
    pub horizon: Duration,
    /// Time between two points of the time series.
    pub sample_every: Duration,
    /// Size of the torrent, and its division into pieces.
    pub geometry: Geometry,
    /// Delays, link sharing and transport between nodes.
    pub network: NetworkSpec,
    /// Regions of the network. Origins without a region are in the first.
    pub regions: Vec<Region>,
    /// The tracker.
    pub tracker: TrackerSpec,
    /// Client settings for populations and origins that do not set them.
    pub client: ClientSpec,
    /// Nodes that start with every piece and never leave; at least one.
    pub origins: Vec<Origins>,
    /// All other nodes.
    pub peers: Peers,
    /// What the peers run. Peers are assigned to the populations in order, the first population
    /// first, in an order of peers that depends only on the seed. If the share of the first
    /// population grows, every peer that was in it stays in it.
    pub populations: Vec<Population>,
    /// Faults to inject.
    pub faults: Faults,
}

/// A region of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Share of the peers that are in this region. The shares of all regions sum to 100 %.
    pub share: Share,
    /// One-way delay to each region, including this one; the same in both directions.
    pub delays: Vec<Duration>,
}

/// A group of equal origin seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// How many; at least 1.
    pub count: u32,
    /// Access link of each of them.
    pub access: Access,
    /// Position of their region in [`Scenario::regions`].
    pub region: u16,
    /// What each of them runs.
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
    /// When they arrive.
    pub arrivals: Arrivals,
    /// How long they stay after completing.
    pub stay: StayModel,
    /// Time after which a peer that has not completed leaves.
    pub patience: Option<Law>,
    /// Time after which a peer leaves, complete or not.
    pub session: Option<Law>,
    /// When a peer leaves, another joins in its place; this many times for each of
    /// [`Peers::count`].
    pub rejoins: u32,
    /// Their access links.
    pub capacity: Capacity,
    /// Share of them that accept incoming connections.
    pub reachable: Share,
}

/// When peers arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Uniformly in a window from the start; all at the start if the window is zero.
    Flash {
        /// Length of the window.
        window: Duration,
    },
    /// With independent exponential gaps, including one before the first peer.
    Poisson {
        /// Mean gap.
        mean_gap: Duration,
    },
    /// At a rate that falls as exp(-t/tau). Guo et al. 2005.
    Decay {
        /// Time constant.
        tau: Duration,
    },
    /// With independent gaps from this distribution, including one before the first peer.
    Gaps(Law),
    /// At the times given; only the first [`Peers::count`] times are used.
    Trace {
        /// Times since the start of the run.
        times: Vec<Duration>,
    },
}

/// How long peers stay after completing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StayModel {
    /// They leave at once.
    AtOnce,
    /// They stay until the run ends.
    Forever,
    /// A time from this distribution.
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
    /// Access link of each.
    pub access: Access,
}

/// A measured distribution of uplinks. Results group the peers into four equal classes, from `q1`
/// (slowest) to `q4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Distribution of the uplink, in multiples of `unit`.
    pub cdf: Cdf,
    /// The rate that the value 1 stands for, bytes/s.
    pub unit: u64,
    /// Factor applied to every uplink.
    pub scale: Decimal,
    /// How the downlink is set.
    pub down: Down,
    /// One-way delay to the middle of the network.
    pub delay: Duration,
}

/// How downlinks are set when only uplinks were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// The same for all peers, bytes/s.
    Fixed(u64),
    /// This factor times the uplink.
    Factor(Decimal),
}

/// Peers that run the same client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Population {
    /// How many of all peers, or of the peers of [`Population::class`], belong to it.
    pub part: Part,
    /// Only peers of this access class belong to it. Populations with a class take their peers
    /// first; shares of the other populations refer to the remaining peers.
    pub class: Option<String>,
    /// What they run.
    pub client: ClientSpec,
}

/// The size of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A share of the peers.
    Share(Share),
    /// A number of peers.
    Count(u32),
    /// All peers that the other populations leave.
    Rest,
}

/// Faults to inject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Share of the peers that send wrong payload.
    pub corrupting: Share,
    /// Share of the peers that claim to have every piece but one, whatever they have.
    pub overstating: Share,
    /// Share of the peers that claim to have no pieces, whatever they have.
    pub understating: Share,
    /// Mean lifetime of a connection before it breaks; `None` if connections do not break.
    pub break_mean: Option<Duration>,
}

impl Scenario {
    /// All built-in scenarios.
    #[must_use]
    pub fn list() -> Vec<Builtin> {
        builtin::list()
    }

    /// The built-in scenario with this name, or else the scenario in the file at this path.
    pub fn load(name_or_path: &str, overrides: &[String]) -> Result<Self, ScenarioError> {
        match builtin::source(name_or_path) {
            Some(source) => source.read(overrides),
            None => Self::from_file(Path::new(name_or_path), overrides),
        }
    }

    /// The built-in scenario with this name.
    pub fn builtin(name: &str, overrides: &[String]) -> Result<Self, ScenarioError> {
        let source = builtin::source(name).ok_or_else(|| {
            let expected = builtin::suggestion(name);
            Problem::new(&Place::Whole, "", expected, "no built-in scenario").in_file(name)
        })?;
        source.read(overrides)
    }

    /// The scenario in this file. Files that it names are looked up in its folder.
    pub fn from_file(path: &Path, overrides: &[String]) -> Result<Self, ScenarioError> {
        let name = path.display().to_string();
        let text = read_text(path).map_err(|found| {
            let expected = format!("a scenario file, or {}", builtin::suggestion(&name));
            Problem::new(&Place::Whole, "", expected, found).in_file(&name)
        })?;
        Self::from_toml(&text, &name, path.parent(), overrides)
    }

    /// The scenario in `text`. Error messages call it `file`. Files that it names are looked up in
    /// `folder`.
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

    /// The scenario as TOML with every default filled in. Scenarios with the same meaning give the
    /// same text, and reading the text gives this scenario again.
    #[must_use]
    pub fn to_toml(&self) -> String {
        canonical::toml(self)
    }

    /// The same scenario with other populations.
    pub fn with_populations(mut self, populations: Vec<Population>) -> Result<Self, ScenarioError> {
        self.populations = populations;
        self.check()?;
        Ok(self)
    }

    /// Number of peers in each population, in the order of [`Scenario::populations`].
    #[must_use]
    pub fn population_counts(&self) -> Vec<u32> {
        parts::counts(self)
    }

    /// Checks shares, counts and names, which a program that changes a scenario may break.
    pub fn check(&self) -> Result<(), ScenarioError> {
        read::check(self).map_err(|(key, expected, found)| {
            Problem::new(&Place::Whole, key, expected, found).in_file(&self.name)
        })
    }
}

/// Reads a file up to a length limit, or says why not. The limit applies while reading, because a
/// device file has no length to check beforehand and may never end.
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
