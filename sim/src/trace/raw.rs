//! What stands in a trace, before anything of it is believed.

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

/// What comes next in a file.
pub(super) enum Raw {
    Event(RawEvent),
    End(RawEnd),
}
