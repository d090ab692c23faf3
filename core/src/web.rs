//! Web seeds, BEP 19: servers that have the files and know nothing of torrents.
//!
//! To the torrent a web seed is a peer that has everything and never chokes ([`crate::torrent::PeerLink::web`]);
//! which of them are used, and when again after a failure, is decided by [`crate::client`]. Here is
//! what a driver needs to turn requests into HTTP: [`file_url`] where a file is, [`Requests`] which
//! bytes to ask for at a time, [`judge`] whether an answer is what was asked for.
//!
//! Left out: FTP, and the older kind of BEP 17 (`httpseeds`).

mod answer;
mod requests;
mod url;

pub use answer::{Head, Lie, judge};
pub use requests::{MAX_RUN_BYTES, Requests, Run};
pub use url::file_url;
