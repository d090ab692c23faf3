//! What a trace says before its first event and after its last.

use serde::{Deserialize, Serialize};
use unchoke_core::geometry::{Geometry, GeometryError};
use unchoke_core::time::Instant;

use crate::scenario::Scenario;
use crate::spec::SwarmSpec;

/// Version of the schema, which both forms share. Any change that a reader could notice raises it.
pub const SCHEMA: u32 = 1;

/// Everything that is needed to read the events of a run, and to run it again.
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
    /// Bytes of every piece but the last.
    pub piece_bytes: u32,
    /// The run ends here at the latest.
    pub horizon_ns: u64,
    /// Names of the access classes.
    pub classes: Vec<String>,
    /// What peers run.
    pub clients: Vec<Client>,
    /// The scenario as TOML, every default filled in: with `seed` it gives the same run.
    pub resolved: String,
    /// The nodes, origins first; events name them by their position here.
    #[serde(skip)]
    pub nodes: Vec<NodeInfo>,
}

/// What some peers run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The name results are grouped by.
    pub name: String,
    /// Its choking policy.
    pub policy: String,
    /// Its piece picker.
    pub picker: String,
}

/// One node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Position in [`Header::classes`].
    pub class: u16,
    /// Position in [`Header::clients`].
    pub client: u16,
    /// It starts with every piece.
    pub origin: bool,
    /// Others can connect to it.
    pub reachable: bool,
    /// The payload it sends is wrong.
    pub corrupts: bool,
    /// When it is to join; 2^64 - 1 if it joins as another leaves.
    pub arrives_ns: u64,
    /// Capacity of its uplink, bytes/s.
    pub up: u64,
    /// Capacity of its downlink, bytes/s.
    pub down: u64,
}

impl Header {
    /// Header of the run of `spec`, which `scenario` expanded to.
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

    /// Size and division of the torrent.
    pub fn geometry(&self) -> Result<Geometry, GeometryError> {
        Geometry::new(self.total_bytes, self.piece_bytes)
    }

    /// Whether a node can be of this class and run this client.
    pub(super) fn lists(&self, node: &NodeInfo) -> bool {
        usize::from(node.class) < self.classes.len()
            && usize::from(node.client) < self.clients.len()
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Instant,
    /// Digest of its events, as in [`crate::result::RunResult::digest`].
    pub digest: u64,
}
