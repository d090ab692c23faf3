//! What a shard tells the centre when a window is over.

use unchoke_core::time::Instant;

use crate::link::{FlowId, HostId};
use crate::trace::Happening;

/// A change of a flow that the centre does not know yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Start {
        at: Instant,
        flow: FlowId,
        ends: (HostId, HostId),
        ceiling: Option<u64>,
    },
    Stop(FlowId, Instant),
    Weight(FlowId, u32),
    Ceiling(FlowId, Option<u64>),
}

/// Something for the tracker.
#[derive(Clone, Copy, Debug)]
pub(super) enum Visit {
    Join(u32),
    Leave(u32),
}

/// What the centre takes from a shard when a window is over.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) changes: Vec<Change>,
    pub(super) visits: Vec<Visit>,
    /// Nodes that have left.
    pub(super) vacated: Vec<u32>,
    /// What has happened; empty unless somebody wants to know.
    pub(super) notes: Vec<(Instant, Happening)>,
}
