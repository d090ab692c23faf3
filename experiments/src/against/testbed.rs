//! One scenario twice: in the simulator, and as real `unchoke` processes on this machine.
//!
//! Map: [`setup`] says which scenarios can be run for real, and what each process is told;
//! [`place`] where they run, with which links; `peer` one process; [`real`] a whole swarm of them;
//! [`simulated`] the same swarm in the simulator; [`compare`] the errors; [`contrast`] what a policy
//! changes; [`table`] the files.
//!
//! Deliberately not here: anything of the client. It is run as its users run it, and what it says
//! on its standard output is all that is known of it.

pub mod compare;
pub mod contrast;
mod peer;
pub mod place;
pub mod real;
pub mod setup;
pub mod simulated;
pub mod table;

use unchoke_core::ledger::Ledger;

/// Why a swarm was not run for real.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestbedError {
    /// The scenario has something that a testbed cannot do.
    #[error("{0}")]
    Unfit(String),
    /// The machine refused something.
    #[error("cannot {action}: {reason}")]
    System {
        /// What was tried.
        action: String,
        /// What the system said.
        reason: String,
    },
    /// A process did not do its work.
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

/// Where a swarm was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// As processes.
    Real,
    /// In the simulator.
    Simulated,
}

impl World {
    /// The word for it in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Simulated => "simulated",
        }
    }
}

/// What became of one peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerRun {
    /// Position of its class in the scenario.
    pub class: usize,
    /// It started complete.
    pub origin: bool,
    /// Seconds from its start to its last piece.
    pub completed_s: Option<f64>,
    /// Where its bytes went, as the core counts them.
    pub ledger: Ledger,
    /// Bytes on its uplink, headers of all layers included; `None` where nobody counts them.
    pub wire_sent: Option<u64>,
}

/// What became of one swarm.
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
    /// Share of the processors' time that was in use during the run; above 0.9 times are late
    /// because the machine is slow.
    pub busy: Option<f64>,
}
