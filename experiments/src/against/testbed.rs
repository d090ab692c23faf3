//! Runs one scenario twice: in the simulator, and as real `unchoke` processes on this machine.
//!
//! Map: [`setup`] decides which scenarios can run as processes, and makes the command line of each
//! process; [`place`] provides network links for them; `peer` is one process; [`libtorrent`] starts
//! peers that run libtorrent; [`real`] runs a whole swarm of processes; [`simulated`] runs the same
//! swarm in the simulator; [`compare`] computes the errors; [`contrast`] compares policies;
//! [`table`] writes the files.
//!
//! Deliberately not here: any client code. The client is run as users run it, and everything known
//! about it comes from its standard output.

pub mod compare;
pub mod contrast;
pub mod libtorrent;
mod peer;
pub mod place;
pub mod real;
pub mod setup;
pub mod simulated;
pub mod table;

use unchoke_core::ledger::Ledger;

/// Why a swarm was not run as processes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestbedError {
    /// The scenario has a property that the testbed does not support.
    #[error("{0}")]
    Unfit(String),
    /// The operating system refused an action.
    #[error("cannot {action}: {reason}")]
    System {
        /// The action.
        action: String,
        /// The system's message.
        reason: String,
    },
    /// A process failed.
    #[error("{0}")]
    Failed(String),
}

impl TestbedError {
    fn system(action: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::System {
            action: action.into(),
            reason: reason.to_string(),
        }
    }
}

/// Where a swarm ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// As processes.
    Real,
    /// In the simulator.
    Simulated,
}

impl World {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Simulated => "simulated",
        }
    }
}

/// The result of one peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerRun {
    /// Index of its class in the scenario.
    pub class: usize,
    /// Whether it started complete.
    pub origin: bool,
    /// Seconds from its start to its last piece.
    pub completed_s: Option<f64>,
    /// Its bytes by cause, counted by the core.
    pub ledger: Ledger,
    /// Bytes sent on its uplink, including headers of all layers; `None` if not counted.
    pub wire_sent: Option<u64>,
}

/// The result of one swarm.
#[derive(Clone, Debug, PartialEq)]
pub struct SwarmRun {
    /// Name of the choking policy.
    pub policy: String,
    /// Seed of the run.
    pub seed: u64,
    /// Where it ran.
    pub world: World,
    /// In the order of the scenario.
    pub peers: Vec<PeerRun>,
    /// Share of the processors' time that was in use during the run. Above 0.9, completion times
    /// are late because the machine is too slow.
    pub busy: Option<f64>,
}
