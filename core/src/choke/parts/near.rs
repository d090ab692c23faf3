//! The rest of the torrent will be here soon: who is paid for it by then gives nothing back any more.

use core::time::Duration;

use crate::choke::entry::{Parameter, SECOND};
use crate::choke::policy::Snapshot;

/// How soon is soon. Not a rule of any client: a saving of ours, which partners pay for.
pub(crate) const NEAR: Parameter = Parameter::new(
    "near_ns",
    0,
    0,
    "nobody is served once the rest will be here within this time at the present rate; 0: never",
)
.at_most(3600 * SECOND);

/// Whether all that we lack will be here within `span`, if every peer sends on as it does now.
pub(crate) fn is_near(snapshot: &Snapshot<'_>, span: Duration) -> bool {
    let rate: u128 = snapshot
        .peers
        .iter()
        .map(|it| u128::from(it.down_rate))
        .sum();
    let soon = rate.saturating_mul(span.as_nanos());
    !snapshot.am_seed && u128::from(snapshot.left_bytes) * u128::from(SECOND) < soon
}
