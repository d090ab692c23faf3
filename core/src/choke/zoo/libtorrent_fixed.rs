//! `libtorrent_fixed`: libtorrent-rasterbar with its defaults.

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::libtorrent::{self, Libtorrent, Uploads};
use alloc::boxed::Box;

/// [`Libtorrent`] with a fixed number of slots: 8 (`unchoke_slots_limit`), rechokes every 15 s and
/// optimistic unchokes every 30 s.
pub(crate) const ENTRY: Entry = Entry {
    id: "libtorrent_fixed",
    summary: "libtorrent's default: 8 slots every 15 s by bytes of the round, a fifth optimistic",
    uploads: true,
    parameters: &[
        Parameter::new(
            "slots",
            8,
            1,
            "peers unchoked, the optimistic ones among them; libtorrent `unchoke_slots_limit`",
        ),
        libtorrent::TICK,
        libtorrent::OPTIMISTIC_TICKS,
        libtorrent::OPTIMISTIC_SLOTS,
        libtorrent::SEED_RULE,
        libtorrent::QUOTA_PIECES,
        libtorrent::QUOTA_NS,
    ],
    make: |values| {
        let uploads = Uploads::Fixed(values.count("slots"));
        Box::new(Libtorrent::new(uploads, usize::MAX, values))
    },
};
