//! Choking: which peers get our upload. Each policy is one file.
//!
//! A policy sees a snapshot and its own random stream, decides, and changes nothing but its own
//! memory. [`crate::torrent::Torrent`] compares the decision with the present state and sends
//! `choke` and `unchoke` only on change.
//!
//! Imports point in one direction. `zoo` has a file for each policy and the list of policies. It
//! uses `parts` (code that several policies share), `entry` (how a policy is listed) and `policy`
//! (the trait). Beside the trait are its types: `view` (what a policy sees), `trigger` (when it is
//! asked), `decision` (its answer) and `explain` (reasons for the answer).
//!
//! A new policy is a file in `zoo`, two lines in `zoo.rs`, and a table of cases in
//! `core/tests/choke`.
//!
//! An example: a policy with one slot, which it gives to the peer that has waited longest for an
//! unchoke.
//!
//! ```
//! use unchoke_core::choke::{ChokePolicy, Decision, PeerView, Snapshot, Trigger, Triggers};
//! use unchoke_core::ids::PeerKey;
//! use unchoke_core::rng::{Purpose, Rng, Streams};
//! use unchoke_core::time::Instant;
//!
//! #[derive(Debug)]
//! struct InTurn;
//!
//! impl ChokePolicy for InTurn {
//!     fn triggers(&self) -> Triggers {
//!         Triggers::tick_only(core::time::Duration::from_secs(10))
//!     }
//!
//!     fn decide(&mut self, _: Trigger, snapshot: &Snapshot<'_>, _: &mut Rng) -> Decision {
//!         let waiting = snapshot.peers.iter().filter(|it| it.peer_interested);
//!         let next = waiting.min_by_key(|it| (it.unchoked_at, it.peer));
//!         Decision::exactly(next.map(|it| it.peer).into_iter().collect())
//!     }
//! }
//!
//! let view = |peer, unchoked_at| PeerView {
//!     peer: PeerKey(peer),
//!     peer_interested: true,
//!     unchoked_at,
//!     ..PeerView::default()
//! };
//! let snapshot = Snapshot {
//!     now: Instant::START,
//!     am_seed: false,
//!     upload_capacity: None,
//!     upload_rate: 0,
//!     piece_count: 4,
//!     piece_bytes: 1 << 15,
//!     total_bytes: 1 << 17,
//!     left_bytes: 1 << 16,
//!     peers: &[view(1, Some(Instant::START)), view(2, None)],
//! };
//! let mut rng = Streams::new(1).stream(Purpose::Choke, 0);
//! let decision = InTurn.decide(Trigger::Tick(0), &snapshot, &mut rng);
//! assert_eq!(decision, Decision::exactly(vec![PeerKey(2)]));
//! ```

mod decision;
mod entry;
mod explain;
mod parts;
mod policy;
mod trigger;
mod view;
mod zoo;

pub use entry::{Entry, Parameter, ParameterError, Parameters, Values};
pub use parts::libtorrent::Libtorrent;
pub use policy::{
    BoxedPolicy, ChokePolicy, Decision, Disclosure, Judged, PeerView, Reasons, Scope, Scores,
    Slots, Snapshot, Standing, Trigger, Triggers, UploadOrder,
};
pub use zoo::*;
