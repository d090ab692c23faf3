//! Runs the swarm in the simulator, and reports it in the same form as the testbed.

use unchoke_sim::spec::SwarmSpec;
use unchoke_sim::world;

use super::{PeerRun, SwarmRun, TestbedError, World};

/// Runs the swarm in the simulator.
pub fn run(spec: &SwarmSpec, policy: &str) -> Result<SwarmRun, TestbedError> {
    let result = world::run(spec, None).map_err(|it| TestbedError::Unfit(it.to_string()))?;
    let peers = result.nodes.iter().map(|it| PeerRun {
        class: usize::from(it.class),
        origin: it.origin,
        completed_s: it.download_time().map(|it| it.as_secs_f64()),
        ledger: it.ledger,
        wire_sent: Some(it.ledger.sent() + it.transport_sent),
    });
    Ok(SwarmRun {
        policy: policy.to_owned(),
        seed: spec.seed,
        world: World::Simulated,
        peers: peers.collect(),
        busy: None,
    })
}
