//! Records of a trace before they are checked.

use super::Happening;

/// An event as it stands in a file.
pub(super) struct RawEvent {
    pub(super) at_ns: u64,
    pub(super) happening: Happening,
}

/// An end as it stands in a file.
pub(super) struct RawEnd {
    pub(super) at_ns: u64,
    pub(super) events: u64,
    pub(super) digest: u64,
}

/// The next record of a file.
pub(super) enum Raw {
    Event(RawEvent),
    End(RawEnd),
}
