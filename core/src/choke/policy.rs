//! The trait of a choking policy, and its types.

use alloc::boxed::Box;
use core::fmt;

pub use super::decision::{Decision, Disclosure, Slots, UploadOrder};
pub(crate) use super::explain::Ranking;
pub use super::explain::{Judged, Reasons, Scores, Standing};
pub use super::trigger::{Scope, Trigger, Triggers};
pub use super::view::{PeerView, Snapshot};
use crate::ids::PeerKey;
use crate::meter::Estimator;
use crate::rng::Rng;

/// A choking policy.
pub trait ChokePolicy: fmt::Debug + Send {
    /// When the policy wants to be asked. Called once, when the torrent starts.
    fn triggers(&self) -> Triggers;

    /// How the rates in the snapshot are measured. Called once.
    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }

    /// How peers share the upload. Called once.
    fn upload_order(&self) -> UploadOrder {
        UploadOrder::Independent
    }

    /// The same for a torrent that starts complete. Called once.
    fn seed_order(&self) -> UploadOrder {
        self.upload_order()
    }

    /// Which of its pieces a torrent that starts complete shows. Called once.
    fn disclosure(&self) -> Disclosure {
        Disclosure::All
    }

    /// What to do now. Depends on `self`, the arguments and draws from `rng`, on nothing else.
    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision;

    /// Explains the decision. Called right after [`Self::decide`] with the same snapshot, but only
    /// while decisions are displayed, so it costs nothing otherwise.
    fn explain(&self, snapshot: &Snapshot<'_>, decision: &Decision) -> Reasons {
        Reasons::plain(snapshot, decision)
    }

    /// Under [`UploadOrder::ByPolicy`]: which of the `ready` peers gets the next block. Ready peers
    /// are unchoked, have queued requests and a link that accepts a block. `None` sends nothing
    /// now.
    fn next_peer(&mut self, ready: &[PeerView]) -> Option<PeerKey> {
        ready.first().map(|it| it.peer)
    }
}

/// A policy on the heap.
pub type BoxedPolicy = Box<dyn ChokePolicy>;
