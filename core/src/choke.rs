//! Choking: who gets our upload. One policy a file; the policy is the product.
//!
//! A policy sees a snapshot and its own random stream, decides, and changes nothing but its own
//! memory. [`crate::torrent::Torrent`] compares the decision with the present state and sends
//! `choke` and `unchoke` only on change.
//!
//! Imports point one way: `zoo` (a file for each policy, and the list of them) uses `parts` (what
//! several policies have in common), `entry` (how a policy is listed) and `policy` (the trait, with
//! what it sees in `view`, when it is asked in `trigger`, what it says in `decision` and why in
//! `explain`).
//!
//! A new policy is a file in `zoo`, its two lines in `zoo.rs`, and a table of cases in
//! `core/tests/choke`.
//!
//! A policy that serves whoever waits longest for us to unchoke it, one at a time:
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
//!         Triggers { tick: Some(core::time::Duration::from_secs(10)), ..Triggers::NEVER }
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
