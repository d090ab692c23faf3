//! The data before the first event of a trace and after its last.

use serde::{Deserialize, Serialize};
use unchoke_core::geometry::{Geometry, GeometryError};
use unchoke_core::time::Instant;

use crate::scenario::Scenario;
use crate::spec::SwarmSpec;

/// Version of the schema of both forms. Raised by any change that a reader could notice.
pub const SCHEMA: u32 = 1;

/// Everything needed to interpret the events of a run, and to repeat the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Name of the scenario.
    pub scenario: String,
    /// Version of the scenario.
    pub version: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Bytes of the payload.
    pub total_bytes: u64,
    /// Bytes of each piece except the last.
    pub piece_bytes: u32,
    /// Latest end of the run.
    pub horizon_ns: u64,
    /// Names of the access classes.
    pub classes: Vec<String>,
    /// What peers run.
    pub clients: Vec<Client>,
    /// The scenario as TOML with every default filled in. Together with `seed` it repeats the run.
    pub resolved: String,
    /// The nodes, origins first. Events name nodes by their index here.
    #[serde(skip)]
    pub nodes: Vec<NodeInfo>,
}

/// A client that some peers run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Name by which results are grouped.
    pub name: String,
    /// Id of its choking policy.
    pub policy: String,
    /// Name of its piece picker.
    pub picker: String,
}

/// One node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Index in [`Header::classes`].
    pub class: u16,
    /// Index in [`Header::clients`].
    pub client: u16,
    /// Whether it starts with every piece.
    pub origin: bool,
    /// Whether others can connect to it.
    pub reachable: bool,
    /// Whether the payload that it sends is wrong.
    pub corrupts: bool,
    /// When it will join; 2^64 - 1 if it joins when another node leaves.
    pub arrives_ns: u64,
    /// Capacity of its uplink, bytes/s.
    pub up: u64,
    /// Capacity of its downlink, bytes/s.
    pub down: u64,
}

impl Header {
    /// The header of a run of `spec`, which `scenario` was expanded to.
    #[must_use]
    pub fn new(scenario: &Scenario, spec: &SwarmSpec) -> Self {
        let client = |it: &crate::spec::ClientSpec| Client {
            name: it.name.clone(),
            policy: it.policy.clone(),
            picker: it.picker.clone(),
        };
        let node = |it: &crate::spec::NodeSpec| NodeInfo {
            class: it.class,
            client: it.client,
            origin: it.origin,
            reachable: it.reachable,
            corrupts: it.corrupts,
            arrives_ns: it.arrives_at.as_nanos(),
            up: it.up,
            down: it.down,
        };
        Self {
            scenario: scenario.name.clone(),
            version: scenario.version,
            seed: spec.seed,
            total_bytes: spec.geometry.total_bytes(),
            piece_bytes: spec.geometry.piece_bytes(),
            horizon_ns: spec.horizon.as_nanos(),
            classes: spec.classes.clone(),
            clients: spec.clients.iter().map(client).collect(),
            resolved: scenario.to_toml(),
            nodes: spec.nodes.iter().map(node).collect(),
        }
    }

    /// Size of the torrent, and its division into pieces.
    pub fn geometry(&self) -> Result<Geometry, GeometryError> {
        Geometry::new(self.total_bytes, self.piece_bytes)
    }

    /// Whether the class and the client of this node are in the header.
    pub(super) fn lists(&self, node: &NodeInfo) -> bool {
        usize::from(node.class) < self.classes.len()
            && usize::from(node.client) < self.clients.len()
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Time of the end.
    pub at: Instant,
    /// Digest of its events, as in [`crate::result::RunResult::digest`].
    pub digest: u64,
}
