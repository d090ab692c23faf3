//! `smartseed`: a seed that sends no block twice before every block was sent once.

use super::superseed::HidingSeed;
use crate::choke::entry::Entry;
use crate::choke::policy::Disclosure;
use alloc::boxed::Box;

/// The smart seed of Bharambe, Herley and Padmanabhan (INFOCOM 2006). It sends no block twice
/// before every block was sent once, and it does not leave a block unfinished on a connection.
/// Peers choose what they request, so this seed shows each peer a single piece that no peer has or
/// was shown, and the next piece when that one has arrived ([`HidingSeed`]). Unlike `superseed` it
/// does not wait until the piece was passed on. When all pieces are out it continues with the piece
/// that has the fewest copies. The paper's blocks are our pieces.
pub(crate) const ENTRY: Entry = Entry {
    id: "smartseed",
    summary: "the smart seed of Bharambe et al.: no piece twice before every piece was sent once",
    uploads: true,
    parameters: &[],
    make: |_| Box::new(HidingSeed::new(Disclosure::WhenReceived)),
};
