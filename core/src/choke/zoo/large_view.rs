//! `large_view`: never uploads and wants to know everybody.

use super::freerider::Freerider;
use crate::choke::entry::Entry;
use alloc::boxed::Box;

/// The large-view exploit (Sirivianos et al., IPTPS 2007): a [`Freerider`] with as many neighbours
/// as it can get, so that optimistic unchokes and seeds alone feed it. The policy is the
/// free-rider's; that the number of connections is unlimited is a setting of the client, which a
/// scenario gives to those who run this policy.
pub(crate) const ENTRY: Entry = Entry {
    id: "large_view",
    summary: "never uploads; to be run without a limit of connections (large-view exploit)",
    uploads: false,
    parameters: &[],
    make: |_| Box::new(Freerider),
};
