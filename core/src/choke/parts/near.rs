//! Stops serving shortly before a leecher is complete: peers cannot return what they get then.

use core::time::Duration;

use crate::choke::entry::{Parameter, SECOND};
use crate::choke::policy::Snapshot;

/// The time that counts as "shortly before". Our own addition, not a rule of any client. It saves
/// upload at the expense of our partners.
pub(crate) const NEAR: Parameter = Parameter::new(
    "near_ns",
    0,
    0,
    "nobody is served once the rest will be here within this time at the present rate; 0: never",
)
.at_most(3600 * SECOND);

/// Whether all we lack will be here within `span`, if every peer keeps its present rate.
pub(crate) fn is_near(snapshot: &Snapshot<'_>, span: Duration) -> bool {
    let rate: u128 = snapshot
        .peers
        .iter()
        .map(|it| u128::from(it.down_rate))
        .sum();
    let soon = rate.saturating_mul(span.as_nanos());
    !snapshot.am_seed && u128::from(snapshot.left_bytes) * u128::from(SECOND) < soon
}
