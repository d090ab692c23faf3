//! What must hold in every run, whatever the policy. A violation ends the run: an aborted run is
//! cheaper than a wrong figure.

use std::time::Duration;

use unchoke_core::time::Instant;

use crate::result::{KumarRoss, NodeResult};
use crate::spec::SwarmSpec;

/// Byte counts over all streams; message bytes include the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checker {
    /// Bytes handed to streams. Blocks that had not left when their connection closed are taken
    /// off.
    pub(crate) handed: u64,
    /// Bytes that arrived and were processed.
    pub(crate) received: u64,
    /// Lost when a connection closed.
    pub(crate) dropped: u64,
}

impl Checker {
    /// Adds the counts of other streams.
    pub(crate) fn add(&mut self, other: &Self) {
        self.handed += other.handed;
        self.received += other.received;
        self.dropped += other.dropped;
    }

    /// Panics unless bytes sent = bytes received + bytes dropped + bytes in flight.
    pub(crate) fn check_conservation(&self, under_way: u64) {
        assert_eq!(
            self.handed,
            self.received + self.dropped + under_way,
            "bytes were made or lost on the way"
        );
    }
}

/// Panics if a link of capacity `capacity` bytes/s carried more than it can carry in `time`.
pub(crate) fn check_capacity(node: u32, link: &str, bytes: u64, capacity: u64, time: Duration) {
    let allowed = u128::from(capacity) * time.as_nanos();
    assert!(
        u128::from(bytes) * 1_000_000_000 <= allowed,
        "{bytes} bytes in {time:?} on the {link} of node {node}, which takes {capacity} bytes/s"
    );
}

fn time_for(bytes: u128, rate: u64) -> Duration {
    let ns = bytes * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

/// The Kumar-Ross bound for the peers that completed; `None` if none did.
///
/// The bound holds for every run, not only when all peers start together. It counts the upload
/// capacity of every peer for the whole run, and only the copies of the peers that completed. Late
/// arrivals and departures only reduce the capacity.
pub(crate) fn kumar_ross(spec: &SwarmSpec, nodes: &[NodeResult]) -> Option<KumarRoss> {
    let size = u128::from(spec.geometry.total_bytes());
    let done = nodes.iter().filter(|it| it.completed_at.is_some());
    let slowest = done
        .clone()
        .map(|it| spec.nodes[it.node as usize].down)
        .min()?;
    let capacity = |origins_only: bool| {
        let counted = spec.nodes.iter().filter(|it| it.origin || !origins_only);
        counted.fold(0_u64, |sum, it| sum.saturating_add(it.up))
    };
    Some(KumarRoss {
        slowest_download: time_for(size, slowest),
        origin_upload: time_for(size, capacity(true)),
        total_upload: time_for(size * done.count() as u128, capacity(false)),
    })
}

/// Panics if the run took less time than the bound allows.
pub(crate) fn check_bound(bound: &KumarRoss, nodes: &[NodeResult]) {
    let leechers = nodes.iter().filter(|it| !it.origin);
    let first = leechers.clone().filter_map(|it| it.arrived_at).min();
    let last = leechers.filter_map(|it| it.completed_at).max();
    if let (Some(first), Some(last)) = (first, last) {
        assert!(
            last - first >= bound.time(),
            "done in {:?}, which no swarm can do in less than {bound:?}",
            last - first
        );
    }
}

/// Panics unless a complete peer received every byte exactly once, and an incomplete one no more.
pub(crate) fn check_payload(spec: &SwarmSpec, it: &NodeResult, now: Instant) {
    let size = spec.geometry.total_bytes();
    let useful = it.ledger.payload_useful;
    let fits = if it.origin {
        useful == 0
    } else if it.completed_at.is_some() {
        useful == size
    } else {
        useful <= size
    };
    assert!(
        fits,
        "node {} counts {useful} useful bytes of {size} at {now:?}",
        it.node
    );
}
