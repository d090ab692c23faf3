//! `libtorrent_rate`: libtorrent-rasterbar's rate-based choker.

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::libtorrent::{self, Libtorrent, Uploads};
use alloc::boxed::Box;

/// [`Libtorrent`] with the rate-based choker (`rate_based_choker`), see [`Uploads::Ladder`]. Only
/// interested peers count. Before the first rechoke it has one slot; the source leaves that open.
pub(crate) const ENTRY: Entry = Entry {
    id: "libtorrent_rate",
    summary: "libtorrent's rate-based choker: one slot more than peers that take 1, 3, 5… KiB/s",
    uploads: true,
    parameters: &[
        Parameter::new(
            "threshold",
            1024,
            0,
            "bytes/s of the first rung; libtorrent `rate_choker_initial_threshold`",
        ),
        Parameter::new(
            "step",
            2048,
            0,
            "bytes/s from rung to rung; libtorrent `choker.cpp`",
        ),
        libtorrent::TICK,
        libtorrent::OPTIMISTIC_TICKS,
        libtorrent::OPTIMISTIC_SLOTS,
        libtorrent::SEED_RULE,
        libtorrent::QUOTA_PIECES,
        libtorrent::QUOTA_NS,
    ],
    make: |values| {
        let uploads = Uploads::Ladder {
            start: values.get("threshold"),
            step: values.get("step"),
        };
        Box::new(Libtorrent::new(uploads, usize::MAX, values))
    },
};
