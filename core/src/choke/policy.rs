//! The trait of a choking policy, with the words in which it is asked and answers.

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
    /// When the policy wants to be asked. Asked once, when the torrent starts.
    fn triggers(&self) -> Triggers;

    /// How the rates in the snapshot are measured. Asked once.
    fn estimator(&self) -> Estimator {
        Estimator::EMA_10_S
    }

    /// How blocks of different peers share the upload. Asked once.
    fn upload_order(&self) -> UploadOrder {
        UploadOrder::Independent
    }

    /// The same of a torrent that starts complete. Asked once.
    fn seed_order(&self) -> UploadOrder {
        self.upload_order()
    }

    /// What a torrent that starts complete shows of its pieces. Asked once.
    fn disclosure(&self) -> Disclosure {
        Disclosure::All
    }

    /// What to do now. Depends on `self`, the arguments and draws from `rng`, on nothing else.
    fn decide(&mut self, trigger: Trigger, snapshot: &Snapshot<'_>, rng: &mut Rng) -> Decision;

    /// Why it decided so. Asked right after [`Self::decide`], with the same snapshot, while somebody
    /// looks at the decisions; never asked otherwise, so it costs nothing then.
    fn explain(&self, snapshot: &Snapshot<'_>, decision: &Decision) -> Reasons {
        Reasons::plain(snapshot, decision)
    }

    /// Under [`UploadOrder::ByPolicy`]: who gets the next block among the `ready` peers, which are
    /// unchoked, have requests queued and a link that takes a block. `None` sends nothing now.
    fn next_peer(&mut self, ready: &[PeerView]) -> Option<PeerKey> {
        ready.first().map(|it| it.peer)
    }
}

/// A policy on the heap.
pub type BoxedPolicy = Box<dyn ChokePolicy>;
