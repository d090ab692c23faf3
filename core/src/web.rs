//! Web seeds, BEP 19: HTTP servers that have the files and do not know the torrent.
//!
//! For the torrent a web seed is a peer that has all pieces and never chokes
//! ([`crate::torrent::PeerLink::web`]). [`crate::client`] decides which web seeds are used, and
//! when to retry after a failure. This module has what a driver needs to turn requests into HTTP:
//! [`file_url`] gives the URL of a file, [`Requests`] the bytes to request at a time, and [`judge`]
//! checks an answer.
//!
//! Not implemented: FTP, and the older kind of BEP 17 (`httpseeds`).

mod answer;
mod requests;
mod url;

pub use answer::{Head, Lie, judge};
pub use requests::{MAX_RUN_BYTES, Requests, Run};
pub use url::file_url;
