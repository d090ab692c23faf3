//! `qbittorrent`: libtorrent-rasterbar as qBittorrent sets it up.

use crate::choke::entry::{Entry, Parameter};
use crate::choke::parts::libtorrent::{self, Libtorrent, Uploads};
use alloc::boxed::Box;

/// [`Libtorrent`] with 20 slots for the session, at most 4 for a torrent, and the seed rule
/// `fastest_upload`. Ours is the only torrent.
///
/// libtorrent never chokes a peer because of the limit of the torrent; it only refuses to unchoke
/// another (`torrent::unchoke_peer`), and refused peers use no slot of the session. So with a
/// single torrent the four unchoked peers keep their places until they lose interest or leave,
/// whatever the others send. The ranking matters only for empty places. While all four are taken
/// there is no optimistic unchoke, and an earlier one ends.
pub(crate) const ENTRY: Entry = Entry {
    id: "qbittorrent",
    summary: "qBittorrent: libtorrent with 20 slots, 4 for a torrent, seeds serve the fastest",
    uploads: true,
    parameters: &[
        Parameter::new(
            "slots",
            20,
            1,
            "peers unchoked in the session; qBittorrent's default",
        ),
        Parameter::new(
            "torrent_slots",
            4,
            1,
            "peers unchoked in the torrent; qBittorrent's default",
        ),
        libtorrent::TICK,
        libtorrent::OPTIMISTIC_TICKS,
        libtorrent::OPTIMISTIC_SLOTS,
        Parameter {
            default: 1,
            ..libtorrent::SEED_RULE
        },
        libtorrent::QUOTA_PIECES,
        libtorrent::QUOTA_NS,
    ],
    make: |values| {
        let uploads = Uploads::Fixed(values.count("slots"));
        let limit = values.count("torrent_slots");
        Box::new(Libtorrent::new(uploads, limit, values))
    },
};
