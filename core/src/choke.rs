//! Choking: who gets our upload. One policy a file; the policy is the product.
//!
//! A policy sees a snapshot and its own random stream, decides, and changes nothing but its own
//! memory. [`crate::torrent::Torrent`] compares the decision with the present state and sends
//! `choke` and `unchoke` only on change.
//!
//! Imports point one way: `zoo` (a file for each policy, and the list of them) uses `parts` (what
//! several policies have in common), `entry` (how a policy is listed) and `policy` (the trait, with
//! what it sees in `view`, when it is asked in `trigger` and what it says in `decision`).
//!
//! A new policy is a file in `zoo`, its two lines in `zoo.rs`, and a table of cases in
//! `core/tests/choke`.

mod decision;
mod entry;
mod parts;
mod policy;
mod trigger;
mod view;
mod zoo;

pub use entry::{Entry, Parameter, ParameterError, Parameters, Values};
pub use parts::libtorrent::Libtorrent;
pub use policy::{
    BoxedPolicy, ChokePolicy, Decision, Disclosure, PeerView, Scope, Slots, Snapshot, Trigger,
    Triggers, UploadOrder,
};
pub use zoo::*;
