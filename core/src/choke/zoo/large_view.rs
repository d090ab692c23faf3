//! `large_view`: never uploads and connects to as many peers as possible.

use super::freerider::Freerider;
use crate::choke::entry::Entry;
use alloc::boxed::Box;

/// The large-view exploit (Sirivianos et al., IPTPS 2007): a [`Freerider`] with as many neighbours
/// as it can get, so that optimistic unchokes and seeds alone serve it. The policy is the same as
/// the free-rider's. The unlimited number of connections is a setting of the client, which a
/// scenario sets for peers with this policy.
pub(crate) const ENTRY: Entry = Entry {
    id: "large_view",
    summary: "never uploads; to be run without a limit of connections (large-view exploit)",
    uploads: false,
    parameters: &[],
    make: |_| Box::new(Freerider),
};
